"""Misfortunes by seed: the rates of a day in, what befalls one request out; nothing here acts.

Faults come in two sorts. An ending decides how a request ends, so it meets one at most; the others (slow, foreign,
altered, ignored_if_match, stubborn) may come together with an ending: a foreign edit and a lost answer on one patch
is the day worth living through. One `random.Random` drives all of it, so one seed replays a day.
"""

from __future__ import annotations

import difflib
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from datetime import datetime, timedelta
from random import Random
from typing import Any, Literal

READ_ENDINGS = ("throttle", "unavailable", "reset", "gateway", "garbled")
WRITE_ENDINGS = ("throttle", "unavailable", "reset", "locked", "gateway", "lost", "late", "garbled", "silent")

Ending = Literal[
    "", "throttle", "unavailable", "reset", "locked", "gateway", "lost", "late", "garbled", "silent", "quota"
]

_SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Rates:
    """How often each fault happens, as a share of requests from 0 to 1; `quota` is requests per second, 0 is no quota.

    throttle          429 with Retry-After, not applied
    unavailable       503, sometimes with Retry-After, not applied
    reset             the connection is cut before anything is applied
    lost              applied, then the connection is cut
    late              the connection is cut now, the same request is judged and applied 0.05 to 2 s later
    foreign           somebody else edits the referral just before our patch is judged
    altered           accepted, but a text is cut, a number rounded or a date shifted
    slow              the answer takes 0.2 to 3 s
    garbled           done as usual, but the body of the answer is cut, HTML, or JSON of something else
    gateway           408, 500, 502, 504 or 520 with HTML; half of the patches are applied
    ignored_if_match  If-Match is not honoured
    stubborn          412 for this referral for ever, though the eTag is right: the share of referrals so afflicted
    locked            423, not applied
    silent            204 without a body although the referral was asked for
    quota             beyond so many requests in a second 429 with Retry-After: 1; refused requests count too
    """

    throttle: float = 0.0
    unavailable: float = 0.0
    reset: float = 0.0
    lost: float = 0.0
    late: float = 0.0
    foreign: float = 0.0
    altered: float = 0.0
    slow: float = 0.0
    garbled: float = 0.0
    gateway: float = 0.0
    ignored_if_match: float = 0.0
    stubborn: float = 0.0
    locked: float = 0.0
    silent: float = 0.0
    quota: float = 0.0

    def __post_init__(self) -> None:
        for name, rate in asdict(self).items():
            if name == "quota":
                if not 0 <= rate < float("inf"):
                    raise ValueError(f"quota={rate}: write how many requests a second are let through, 0 for all")
            elif not 0 <= rate <= 1:
                raise ValueError(f"{name}={rate}: a rate lies between 0 (never) and 1 (always)")


NAMES = tuple(field.name for field in fields(Rates))


def parse(texts: Iterable[str]) -> Rates:
    """Rates from texts such as `lost=0.1`; raises ValueError that names the known faults."""
    rates: dict[str, Any] = {}
    for text in texts:
        name, equals, rate = text.partition("=")
        if not equals:
            raise ValueError(f"{text!r}: write a fault as NAME=RATE, such as lost=0.1")
        rates[name.strip()] = rate.strip()
    return rates_of(rates)


def rates_of(given: Mapping[str, Any]) -> Rates:
    """Rates from a mapping of names to numbers (or texts of numbers); faults not named do not happen."""
    rates: dict[str, float] = {}
    for name, rate in given.items():
        if name not in NAMES:
            near = difflib.get_close_matches(name, NAMES, n=1)
            meant = f", did you mean {near[0]}?" if near else ";"
            raise ValueError(f"there is no fault {name!r}{meant} known are {', '.join(NAMES)}")
        if isinstance(rate, bool) or not isinstance(rate, int | float | str):
            raise ValueError(f"{name}: a rate is a number, not {rate!r}")  # noqa: TRY004 - one error for the caller
        try:
            rates[name] = float(rate)
        except ValueError:
            raise ValueError(f"{name}={rate}: a rate is a number such as 0.1") from None
    return Rates(**rates)


@dataclass(frozen=True, slots=True)
class Luck:
    """What befalls one request."""

    ending: Ending = ""
    slow_s: float = 0.0
    foreign: bool = False
    altered: bool = False
    ignored_if_match: bool = False
    stubborn: bool = False


class Misfortunes:
    """Draws what befalls each request; `rates` may be replaced while the day goes on."""

    def __init__(self, rates: Rates, random: Random) -> None:
        self.random = random
        self.rates = rates
        self._stubbornness: dict[str, float] = {}
        self._recent: deque[datetime] = deque()

    @property
    def rates(self) -> Rates:
        """The rates in force."""
        return self._rates

    @rates.setter
    def rates(self, rates: Rates) -> None:
        self._rates = rates
        self._calm = rates == Rates()
        chances = asdict(rates)
        self._read_endings = [(name, chances[name]) for name in READ_ENDINGS if chances[name]]
        self._write_endings = [(name, chances[name]) for name in WRITE_ENDINGS if chances[name]]

    def draw(self, at: datetime, referral_id: str | None) -> Luck:
        """The luck of a request that arrives at a moment; `referral_id` names the referral that a PATCH is for."""
        if self._calm:
            return _CALM
        slow_s = self.random.uniform(0.2, 3.0) if self._happens(self.rates.slow) else 0.0
        if self._beyond_quota(at):
            return Luck("quota", slow_s)
        if referral_id is None:
            return Luck(self._ending(self._read_endings), slow_s)
        return Luck(
            self._ending(self._write_endings),
            slow_s,
            foreign=self._happens(self.rates.foreign),
            altered=self._happens(self.rates.altered),
            ignored_if_match=self._happens(self.rates.ignored_if_match),
            stubborn=self._is_stubborn(referral_id),
        )

    def _happens(self, rate: float) -> bool:
        return rate > 0 and self.random.random() < rate

    def _ending(self, endings: list[tuple[Any, float]]) -> Ending:
        """The first that happens, from an order drawn anew: no fault hides behind another."""
        if len(endings) > 1:
            endings = self.random.sample(endings, len(endings))
        for name, rate in endings:
            if self._happens(rate):
                ending: Ending = name
                return ending
        return ""

    def _is_stubborn(self, referral_id: str) -> bool:
        """One draw a referral, held against the rate of the moment: sticky while it holds, over in a calm."""
        if not self.rates.stubborn:
            return False
        drawn = self._stubbornness.get(referral_id)
        if drawn is None:
            drawn = self._stubbornness[referral_id] = self.random.random()
        return drawn < self.rates.stubborn

    def _beyond_quota(self, at: datetime) -> bool:
        if not self.rates.quota:
            return False
        while self._recent and at - self._recent[0] >= _SECOND:
            self._recent.popleft()
        self._recent.append(at)
        return len(self._recent) > self.rates.quota


_CALM = Luck()
