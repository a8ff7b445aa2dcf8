"""One change at a time through `settle`, or one question through the exchange, over a scene's wire."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import httpx
from kit import Scene, real_world
from virtual import VirtualLoop, world_of

from syncjob.apply import Run
from syncjob.core.diff import diff
from syncjob.core.merge import Rules
from syncjob.exchange import Exchange, Sender
from syncjob.ledger import Intent
from syncjob.model import Change, Desired, Observed, Pair, Place, SourceRow, Wish
from syncjob.remote import Access, Credential, Reader, Writer, opened

Result = TypeVar("Result")


def change(document: Mapping[str, Any], wishes: Mapping[str, Any], n: int = 1) -> Change:
    """The change that gives a referral what is wished, by path."""
    row = SourceRow(n, Place("rows.csv", n + 1), {"Id": document["id"]})
    desired = Desired(row, document["id"], tuple(Wish(path, value) for path, value in wishes.items()))
    made = diff(Pair(desired, Observed(document["id"], document["eTag"], document)), Rules())
    assert isinstance(made, Change), made
    return made


@dataclass(slots=True)
class Bench:
    """One change at a time through `settle`, or one question through the exchange."""

    sender: Sender
    run: Run
    intents: list[Intent]
    learned: dict[str, Any]


async def bench(scene: Scene, access: Access, clients: list[Writer], rows: int = 1) -> Bench:
    """Open a bench over writers."""
    world = world_of(scene.loop, scene.random) if scene.loop else real_world(scene.random)
    intents: list[Intent] = []
    learned: dict[str, Any] = {}

    async def intend(intent: Intent) -> None:
        intents.append(intent)

    sender = Sender(clients, access.limits, world, scene.events, rows=rows)
    return Bench(
        sender, Run(sender, Rules(), intend, lambda one, held, _: learned.setdefault(one, held)), intents, learned
    )


def access_of(scene: Scene, wire: httpx.AsyncBaseTransport | None) -> Access:
    """What it takes to reach the scene's remote."""
    settings = scene.settings
    return Access(settings.remote, settings.limits, Credential(None), "correlation", scene.now, wire)


def at_bench(scene: Scene, act: Callable[[Bench], Awaitable[Result]], rows: int = 1) -> Result:
    """Do something at a bench in virtual time."""

    async def within(_: VirtualLoop) -> Result:
        access = access_of(scene, scene.wire)
        async with opened(Writer, access) as clients:
            return await act(await bench(scene, access, clients, rows))

    return scene.virtually(within)


def asking(scene: Scene, act: Callable[[Exchange], Awaitable[Result]], rows: int = 1) -> Result:
    """Ask something through a reading exchange in virtual time."""

    async def within(loop: VirtualLoop) -> Result:
        access = access_of(scene, scene.wire)
        async with opened(Reader, access) as clients:
            return await act(Exchange(clients, access.limits, world_of(loop, scene.random), scene.events, rows=rows))

    return scene.virtually(within)
