"""kill -9 at any moment: the next run looks at what was open and goes on; nothing is lost, nothing is done twice."""

from __future__ import annotations

import signal
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import pytest
from desk import Box, Desk, Said, crm, guid, referral
from killing import Doom, Nursery, address_of, doomed, kept_nursery, left_by, no_patch_without_an_intent

from syncjob.ledger import Ledger
from syncjob.model import Cause, Outcome

pytestmark = pytest.mark.long

nursery = kept_nursery

ROWS = range(1, 201)
PAGES = 2
LIMITS = {"concurrency": 4, "wait_initial_s": 0.01, "wait_max_s": 0.02, "stop_s": 1}
NO_GUARDS: Mapping[str, Any] = {"changes": None, "first_run": None}


def _row(n: int, night: int) -> dict[str, str]:
    """Ask for something new of every referral, night after night; a fourth of them get a new person in their team."""
    row = {"CRM Id": crm(n)}
    match n % 4:
        case 0:
            row |= {"Deal": f"Deal {n}, night {night}", "Team": _person(n, night)}
        case 1:
            row |= {"Deal": f"Deal {n}, night {night}"}
        case 2:
            row |= {"Amount": str(n * 1000 + night), "Currency": "EUR"}
        case _:
            row |= {"Notes": f"seen in night {night}", "Close Date": f"2027-0{night + 3}-15"}
    return row


def _person(n: int, night: int) -> str:
    return f"Jo, Night {night}, +49 89 1, jo.{night}.{n}@contoso.example"


def _holds(document: Mapping[str, Any], n: int, night: int) -> bool:
    """Tell whether a referral holds what the file of a night says, and each person of all nights once."""
    row, details = _row(n, night), document["details"]
    people = [member["email"] for member in document["team"]]
    asked = [f"jo.{one}.{n}@contoso.example" for one in range(1, night + 1)] if n % 4 == 0 else []
    return (
        sorted(people) == asked
        and document["name"] == row.get("Deal", document["name"])
        and float(details["dealValue"]) == float(row.get("Amount", details["dealValue"]))
        and details["notes"] == row.get("Notes", details["notes"])
        and details["closingDateTime"][:7] == row.get("Close Date", details["closingDateTime"])[:7]
    )


@dataclass(slots=True)
class _Life:
    """A job whose runs are killed until its file is done, night after night, over one ledger."""

    desk: Desk
    nursery: Nursery
    chance: Random
    kept: bool
    night: int = 0
    open: int = 0

    def live(self, nights: int, kills: int) -> int:
        """Live through these nights; give how many runs were killed."""
        killed = 0
        for self.night in range(1, nights + 1):
            self.desk.rows(*(_row(n, self.night) for n in ROWS))
            before = len(self.desk.box.store.writes)
            command = self._begun()
            for _ in range(kills):
                said = doomed(self.nursery, self.desk, self._doom(kills), *command)
                killed += self._judged(said)
            self._finished(command, before)
        return killed

    def _begun(self) -> tuple[str, ...]:
        """Say how a night is run: by its file, or by one plan that is sent until it is through."""
        if not self.kept:
            return ("apply", "--yes", "--json")
        plan = f"night-{self.night}.plan"
        said = self.nursery.run(self.desk, "plan", "-o", plan)
        assert said.code == 0, said.err
        return ("apply", plan, "--yes", "--json")

    def _doom(self, kills: int) -> Doom:
        """Draw the moment: while it plans, looks at what is open, starts, or sends, before or after an answer."""
        chance = self.chance
        kind = chance.random()
        if kind < 0.15 and (self.open or not self.kept):
            reads = self.open + (0 if self.kept else PAGES)
            return Doom("GET", chance.randint(1, reads), chance.choice((0.0, chance.random() * 0.02)))
        if kind < 0.25:
            return Doom(after_s=chance.random() * 1.2)
        patches = chance.randint(1, len(ROWS) // kills)  # so many are left for each of them
        return Doom("PATCH", patches, chance.choice((0.0, chance.random() * 0.01)))

    def _judged(self, said: Said) -> bool:
        """Judge what a run left; tell whether it was killed."""
        assert said.code in (-signal.SIGKILL, 0, *((4,) if self.kept else ())), (said.code, said.err)
        assert said.code != 4 or "nothing of it is left" in said.err, said.err
        no_patch_without_an_intent(self.desk)
        if self.desk.ledger.exists():
            with left_by(self.desk) as ledger:
                self._adds_up(ledger)
                self.open = len(ledger.open_intents("desk", address_of(self.desk.box)))
        return said.code == -signal.SIGKILL

    def _adds_up(self, ledger: Ledger) -> None:
        """Rows in = rows on record, for the dead and for those that ended; and these have an end for every row."""
        for run in ledger.runs("desk", address_of(self.desk.box)):
            totals = ledger.totals(run)
            assert sum(totals.values()) == len(ROWS)
            assert ledger.facts(run)["ended_at"] is None or Cause.TO_SEND not in totals

    def _finished(self, command: tuple[str, ...], before: int) -> None:
        """Run in a calm, twice: everything is there, and no referral was written more than once."""
        said = self.nursery.run(self.desk, *command)
        assert said.code == 0 or (self.kept and "nothing of it is left" in said.err), said.err
        again = self.nursery.run(self.desk, "apply", "--yes", "--json")
        assert again.code == 0, again.err
        assert set(again.outcomes.values()) == {"unchanged"}
        store = self.desk.box.store
        assert sorted(write.referral_id for write in store.writes[before:]) == [guid(n) for n in ROWS]
        assert [n for n in ROWS if not _holds(store.get(guid(n)), n, self.night)] == []
        with left_by(self.desk) as ledger:
            self._adds_up(ledger)
            runs = ledger.runs("desk", address_of(self.desk.box))
            applied = sum(_applied(ledger, run) for run in runs)
            assert applied == len(store.writes), "rows applied = writes the remote saw"
            assert [row.n for row in ledger.outcomes(runs[0])] == list(range(1, len(ROWS) + 1))
            assert ledger.open_intents("desk", address_of(self.desk.box)) == []
            if self.kept:
                assert len(runs) == 2 * self.night, "a plan that broke off is taken up by its own run"


def _applied(ledger: Ledger, run: str) -> int:
    return sum(many for cause, many in ledger.totals(run).items() if cause.outcome is Outcome.APPLIED)


def _life(tmp_path: Path, box: Box, nursery: Nursery, *, seed: int, kept: bool) -> _Life:
    box.empty(referral(n) for n in ROWS)
    desk = Desk(tmp_path, box)
    desk.configure(remote={"list_complete": True}, limits=LIMITS, guards=NO_GUARDS)
    return _Life(desk, nursery, Random(seed), kept)


@pytest.mark.parametrize(("kept", "nights", "kills"), [(False, 2, 4), (True, 1, 12)])
def test_runs_that_are_killed_lose_and_double_nothing(
    tmp_path: Path, box: Box, nursery: Nursery, *, kept: bool, nights: int, kills: int
) -> None:
    """Twenty kills, by file and by plan: 200 referrals are written once a night, and all of it is on record."""
    life = _life(tmp_path, box, nursery, seed=kills, kept=kept)
    assert life.live(nights, kills) > nights * kills // 2, "most runs were killed before their end"


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(15))
@pytest.mark.parametrize("kept", [False, True])
def test_three_hundred_kills_lose_and_double_nothing(
    tmp_path: Path, box: Box, nursery: Nursery, *, seed: int, kept: bool
) -> None:
    """The same for longer: two nights of five kills each, thirty times."""
    _life(tmp_path, box, nursery, seed=100 + seed, kept=kept).live(2, 5)
