"""How fast to ask: what the remote answered goes in, how many may be in flight and how long to wait comes out.

The remote throttles by tenant, publishes no limit and counts refused calls too, so the fewest refusals win:
concurrency halves when it refuses and grows by one after a full round of good answers (AIMD, RFC 5681). Beside it
stands a rate, which starts low and doubles until the remote refuses (slow start); from then on it is what the remote
has taken, grows a little while that may be too little, and hardly any more once a rate has been seen to be too much,
since each refusal costs the time that it asks to wait.

A refusal does not say whether its wait is the rest of the time in which so many may be sent, or comes on top of it. So
the rate is at least `taken / (borne + wait)` and at most `taken / max(borne, wait)`. A rate grows only while somebody
waits for its slots (RFC 7661 says so of TCP), and a pause, as for planning, is no time in which it was borne.

The budget of retries is a token bucket: an outage empties it and is not amplified, a good hour refills it. Time is an
argument, in seconds of a monotonic clock.
"""

from __future__ import annotations

from math import sqrt

from msgspec import Struct, field

EARNED_PER_ANSWER = 0.5
START_PER_S = 100.0
DOUBLED_S = 0.25  # in slow start
RATE_MAX_PER_S = 5_000.0  # no remote of this kind takes more: from here on only the width counts
RATE_MIN_PER_S = 1.0
SEARCHING, FOUND = 0.03, 0.0002  # growth a second; while searching divided by the seconds that a refusal costs
LOWERED, NEARLY = 0.95, 0.98  # after a search that has gone too far; after a rate that hardly grew
IDLE_S = 0.1  # a slot that nobody takes for so long, with nothing taken meanwhile, is a pause
LASTED_S = 2.0  # a rate that was borne for so long was nearly right
TAKEN_MIN = 3  # fewer than these tell no rate
LATE_S = 0.02  # so much lateness is made up for: more of it at once would be a burst


class Rate(Struct):
    """How many requests a second may start, and when the next may; `per_s` is None where nothing but width limits.

    `known` says that the remote has refused, now or in an earlier run, `refusals` how often in this one; `sure` that
    the rate came of what the remote has taken, and is worth remembering; `found` that it is hardly to grow any more.
    `cost_s` is what the last refusal asked to wait: the dearer, the slower the search for more.
    `taken` were taken since `since`, pauses left out, the last at `taken_at`; a slot was last asked for at `seen_at`.
    """

    per_s: float | None = START_PER_S
    known: bool = False
    sure: bool = False
    found: bool = False
    refusals: int = 0
    cost_s: float = 1.0
    next_at: float | None = None
    since: float = 0.0
    seen_at: float = 0.0
    taken_at: float = 0.0
    taken: int = 0

    @classmethod
    def learned(cls, per_s: float | None) -> Rate:
        """Begin with what an earlier run has learnt, a little below it, and see whether it is more by now."""
        if not per_s:
            return cls()
        return cls(max(RATE_MIN_PER_S, per_s * LOWERED), known=True)

    def slot_s(self, now: float) -> float:
        """Take the next slot; give the seconds until it."""
        if self.next_at is None:
            self.next_at = self.since = self.seen_at = now
        passed, self.seen_at = max(0.0, now - self.seen_at), max(now, self.seen_at)
        idle_s = now - max(self.next_at, self.taken_at)
        if idle_s > IDLE_S:
            self.since += idle_s
        elif self.per_s is not None and self.next_at > now:
            self.per_s = self._grown(self.per_s, passed)
        if self.per_s is None:
            self.next_at = max(self.next_at, now)
            return 0.0
        at = max(self.next_at, now - LATE_S)
        self.next_at = at + 1 / self.per_s
        return max(0.0, at - now)

    def answered(self, now: float) -> None:
        """Hear that the remote has taken one."""
        self.taken, self.taken_at = self.taken + 1, now

    def refused(self, now: float, wait_s: float) -> None:
        """Hear that it was too fast; nothing starts before the time that the remote asks for."""
        opens, borne_s = now + wait_s, now - self.since
        self.refusals, self.cost_s = self.refusals + 1, max(1.0, wait_s)
        self.sure = self.taken >= TAKEN_MIN and borne_s + wait_s > 0
        if self.sure:
            self.per_s = self._learn(borne_s, wait_s)
        else:
            self.per_s, self.found = START_PER_S if self.per_s is None else self.per_s / 2, False
        self.per_s = max(RATE_MIN_PER_S, self.per_s)
        self.known, self.taken = True, 0
        self.since = self.seen_at = opens
        self.next_at = max(opens, now + 1 / self.per_s)

    def shut(self, until: float) -> None:
        """Hear that nothing starts before a moment: slots that were taken for before are free again then."""
        if self.next_at is not None:
            self.next_at = min(self.next_at, until)

    def _learn(self, borne_s: float, wait_s: float) -> float:
        """Give the rate that follows from what was taken in so many seconds, and the wait that was asked then."""
        least, most = self.taken / (borne_s + wait_s), self.taken / max(borne_s, wait_s)
        if self.per_s is None or not self.known:
            return sqrt(least * most)
        lasted = borne_s >= LASTED_S
        if not lasted and most <= self.per_s / 2:
            self.found = False
            return self.per_s / 2
        searched, self.found = not self.found, True
        if lasted:
            return self.per_s * (LOWERED if searched else NEARLY)
        return min(self.per_s, most) * NEARLY

    def _grown(self, per_s: float, passed: float) -> float | None:
        growth = SEARCHING / self.cost_s
        if self.known:
            per_s *= 1 + (min(FOUND, growth) if self.found else growth) * passed
        else:
            per_s *= 2.0 ** min(passed / DOUBLED_S, 30)
        return per_s if per_s <= RATE_MAX_PER_S else None


class Pace(Struct):
    """How many requests may be in flight, and until when none may start; `refusals` counts the rounds in a row."""

    most: int
    width: float = 0
    shut_until: float = 0
    halved_at: float = -1.0
    refusals: int = 0
    rate: Rate = field(default_factory=Rate)

    def __post_init__(self) -> None:
        """Start at full width: the first refusal narrows it."""
        self.width = float(self.most)

    @property
    def allowed(self) -> int:
        """How many requests may be in flight now."""
        return max(1, int(self.width))

    def answered(self, now: float) -> None:
        """Take a good answer: a full round of them widens by one."""
        self.width = min(float(self.most), self.width + 1 / self.width)
        self.refusals = 0
        self.rate.answered(now)

    def refused(self, now: float, wait_s: float, sent_at: float, *, too_many: bool = False) -> None:
        """Take a refusal: shut the gate, and halve once for all that was in flight together.

        `too_many` says that it was the number of requests; a remote that is out of order says nothing of the rate.
        """
        if wait_s > 0:
            self.shut_until = max(self.shut_until, now + wait_s)
            self.rate.shut(self.shut_until)
        if self.is_news(sent_at):
            self.refusals += 1
            self.width = max(1.0, self.width / 2)
            self.halved_at = now
            if too_many:
                self.rate.refused(now, wait_s)

    def is_news(self, sent_at: float) -> bool:
        """Tell whether a refusal of what was sent then is another than the last: what flew together is refused once."""
        return sent_at > self.halved_at

    def wait_s(self, now: float) -> float:
        """Seconds until a request may start."""
        return max(0.0, self.shut_until - now)


class Budget(Struct):
    """Retries that the run may still spend."""

    most: float
    left: float = 0

    def __post_init__(self) -> None:
        """Start full."""
        self.left = self.most

    def spend(self) -> bool:
        """Take one retry; False when none is left."""
        if self.left < 1:
            return False
        self.left -= 1
        return True

    def earn(self) -> None:
        """Good answers refill it slowly."""
        self.left = min(self.most, self.left + EARNED_PER_ANSWER)


def backoff_s(attempt: int, initial_s: float, longest_s: float, chance: float) -> float:
    """Seconds before try `attempt` + 1: full jitter, `chance` in [0, 1) (exponential backoff, doubled each time)."""
    return chance * min(longest_s, initial_s * 2.0 ** min(attempt - 1, 30))
