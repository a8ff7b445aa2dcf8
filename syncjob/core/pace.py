"""How fast to ask: what the remote answered goes in, how many may be in flight and how long to wait comes out.

The remote throttles by tenant, publishes no limit and counts refused calls too, so the fewest refusals win:
concurrency halves when it refuses and grows by one after a full round of good answers (AIMD, RFC 5681). The
budget of retries is a token bucket: an outage empties it and is not amplified, a good hour refills it.
Time is an argument, in seconds of a monotonic clock.
"""

from __future__ import annotations

from dataclasses import dataclass

EARNED_PER_ANSWER = 0.5


@dataclass(slots=True)
class Pace:
    """How many requests may be in flight, and until when none may start; `refusals` counts those in a row."""

    most: int
    width: float = 0
    shut_until: float = 0
    halved_at: float = -1.0
    refusals: int = 0

    def __post_init__(self) -> None:
        """Start at full width: the first refusal narrows it."""
        self.width = float(self.most)

    @property
    def allowed(self) -> int:
        """How many requests may be in flight now."""
        return max(1, int(self.width))

    def answered(self) -> None:
        """Take a good answer: a full round of them widens by one."""
        self.width = min(float(self.most), self.width + 1 / self.width)
        self.refusals = 0

    def refused(self, now: float, wait_s: float, sent_at: float) -> None:
        """Take a refusal: shut the gate, and halve once for all that was in flight together."""
        self.shut_until = max(self.shut_until, now + wait_s)
        self.refusals += 1
        if sent_at > self.halved_at:
            self.width = max(1.0, self.width / 2)
            self.halved_at = now

    def wait_s(self, now: float) -> float:
        """Seconds until a request may start."""
        return max(0.0, self.shut_until - now)


@dataclass(slots=True)
class Budget:
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
