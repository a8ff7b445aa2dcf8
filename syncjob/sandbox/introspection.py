"""Looking into the sandbox from outside: GET requests, referrals, writes, faults and sign-in; JSON out.

A PUT to faults or to sign-in changes what happens from then on.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any, Protocol

from syncjob.sandbox import answers
from syncjob.sandbox.entra import CHANGEABLE, Entra
from syncjob.sandbox.faults import Rates, rates_of
from syncjob.sandbox.messages import Record, Reply, Request
from syncjob.sandbox.refusals import RefusedError, invalid, not_allowed
from syncjob.sandbox.store import Store

_REQUEST_ID = "00000000-5a4d-4b0c-8000-000000000000"


class Whole(Protocol):
    """What is looked into: a sandbox, seen from here."""

    store: Store
    records: list[Record]
    rates: Rates
    entra: Entra | None


def introspected(sandbox: Whole, request: Request) -> Reply:
    """What the sandbox tells of itself; never faulted, never recorded."""
    try:
        shown = _shown(sandbox, request)
    except RefusedError as refusal:
        return answers.refused(refusal, _REQUEST_ID)
    return answers.answer(200, json.dumps(shown).encode(), _REQUEST_ID)


def _shown(sandbox: Whole, request: Request) -> Any:
    name = request.path.removeprefix("/sandbox/")
    match request.method, name:
        case "GET", "requests":
            return [record.as_json() for record in sandbox.records]
        case "GET", "referrals":
            return sandbox.store.documents()
        case "GET", "writes":
            return [write.as_json() for write in sandbox.store.writes]
        case "GET" | "PUT", "faults":
            if request.method == "PUT":
                _replace_rates(sandbox, request.body)
            return asdict(sandbox.rates)
        case "GET" | "PUT", "sign-in" if sandbox.entra is not None:
            if request.method == "PUT":
                _change_sign_in(sandbox.entra, request.body)
            return sandbox.entra.shown()
        case _, "requests" | "referrals" | "writes" | "faults":
            raise not_allowed(request.method)
        case _:
            message = f"There is nothing at {request.path}; there are requests, referrals, writes, faults and sign-in."
            raise RefusedError(404, "itemNotFound", message, target="path")


def _replace_rates(sandbox: Whole, body: bytes) -> None:
    try:
        given = json.loads(body)
        if not isinstance(given, dict):
            raise invalid('Send an object of faults and rates, such as {"lost": 0.1}.', target="body")
        sandbox.rates = rates_of(given)
    except ValueError as error:
        raise invalid(str(error), target="faults") from error


def _change_sign_in(entra: Entra, body: bytes) -> None:
    try:
        given = json.loads(body)
    except ValueError as error:
        raise invalid(str(error), target="sign-in") from error
    if not isinstance(given, dict) or not set(given) <= {*CHANGEABLE, "forget_tokens"}:
        raise invalid(f"Send an object with some of {', '.join(CHANGEABLE)}, forget_tokens.", target="sign-in")
    for name in given.keys() & set(CHANGEABLE):
        if type(given[name]) is not type(CHANGEABLE[name]) and not isinstance(given[name], int):
            raise invalid(f"{name} takes a value like {json.dumps(CHANGEABLE[name])}.", target=name)
        setattr(entra, name, given[name])
    if given.get("forget_tokens"):
        entra.forget_tokens()
