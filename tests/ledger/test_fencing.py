"""A ledger that several machines share: one works with it, and one that was asleep for too long writes no more."""

from __future__ import annotations

import socket
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from syncjob.errors import Locked, StorageRefused
from syncjob.ledger import Begun, Intent, Ledger, Lock, at_work, fencing, signed

JOB, REMOTE = "job", "remote"
FOREVER = 1e9


class Clock:
    """Seconds that pass when somebody sleeps; `meanwhile` is what else happens then."""

    def __init__(self, at: float = 1_000.0) -> None:
        self.at = at
        self.meanwhile: Callable[[], None] = lambda: None

    def now(self) -> float:
        """Tell the time."""
        return self.at

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.at += seconds
        self.meanwhile()


class Host:
    """A machine with the ledger on a network disk: no lock file of its own reaches the others."""

    def __init__(self, name: str, place: Path, clock: Clock) -> None:
        self.name, self.clock = name, clock
        self.ledger = Ledger(place)
        self.lock = Lock(place, JOB, REMOTE)
        self.stack: ExitStack | None = None
        self.signature: Any = None

    @property
    def id(self) -> str:
        """What its name is known by."""
        return str(self.signature.me.id)

    def begin(self, wait_s: float = 0) -> None:
        """Sign its name."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(fencing, "machine", lambda: self.name)
            patch.setattr(socket, "gethostname", lambda: self.name)
            stack = ExitStack()
            self.signature = stack.enter_context(
                signed(
                    self.ledger.database, self.lock, "apply", wait_s=wait_s, now=self.clock.now, sleep=self.clock.sleep
                )
            )
            self.stack = stack

    def renew(self) -> None:
        """Do what its renewing thread does, now."""
        assert self.signature.renew(self.ledger.database, self.clock.now())

    def end(self) -> None:
        """Take its name away."""
        assert self.stack is not None
        self.stack.close()
        self.stack = None

    def intend(self, attempt: int) -> None:
        """Put an intent on record, as before every PATCH."""
        self.ledger.record("run", [Intent(1, attempt, self.clock.now(), f"{self.name} {attempt}", None)])


@pytest.fixture(autouse=True)
def _no_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """Time is ours here: no thread renews by the real clock."""
    monkeypatch.setattr(fencing, "RENEW_S", FOREVER)


@contextmanager
def hosts(folder: Path, *names: str) -> Iterator[tuple[Clock, list[Host]]]:
    """Give machines that share a ledger and a run in it."""
    clock, place = Clock(), folder / "job.ledger"
    made = [Host(name, place, clock) for name in names]
    made[0].ledger.begin(Begun("run", JOB, REMOTE, "plan", {}, 1.0))
    try:
        yield clock, made
    finally:
        for host in made:
            if host.stack is not None:
                host.end()
            host.ledger.close()


def test_another_machine_s_run_is_turned_away_by_name(tmp_path: Path) -> None:
    """While a name is fresh the other is told at once who works there, and where."""
    with hosts(tmp_path, "cron-a", "cron-b") as (clock, (a, b)):
        a.begin()
        words = r"another run of job job is at work on cron-a .apply, process \d+.; .* free after 60 seconds"
        before = clock.at
        with pytest.raises(Locked, match=words):
            b.begin()
        assert clock.at == before
        assert "on cron-a, heard of last 1970-01-01" in (at_work(b.lock, b.ledger.database) or "")
        a.signature.say("run R-1")
        assert (at_work(b.lock, b.ledger.database) or "").startswith("run R-1, apply, process ")
        a.end()
        assert at_work(b.lock, b.ledger.database) is None
        b.begin()


def test_of_one_machine_the_lock_file_speaks(tmp_path: Path) -> None:
    """A run that was killed leaves its name; on the same machine, with a free lock file, the next takes it at once."""
    with hosts(tmp_path, "cron", "cron") as (clock, (killed, after)):
        killed.begin()
        before = clock.at
        after.begin()
        assert clock.at == before
        with pytest.raises(StorageRefused, match="taken over, by cron"):
            killed.intend(1)


def test_a_machine_that_is_gone_is_watched_and_then_followed(tmp_path: Path) -> None:
    """Its name looks old: it is watched for 25 seconds, in case that clocks differ, and taken over."""
    with hosts(tmp_path, "gone", "next") as (clock, (gone, after)):
        gone.begin()
        clock.at += fencing.LOST_S
        before = clock.at
        after.begin()
        assert clock.at - before == pytest.approx(fencing.WATCH_S, abs=2)
        after.intend(1)


def test_clocks_that_differ_take_no_lock_away(tmp_path: Path) -> None:
    """A name that looks an hour old and moves all the same belongs to somebody alive."""
    with hosts(tmp_path, "slow-clock", "cron-b") as (clock, (a, b)):
        a.begin()
        clock.at += 3_600
        beats = count(1)

        def moved() -> None:
            if next(beats) % 10 == 0:
                a.clock = Clock(2_000.0 + next(beats))
                a.renew()

        clock.meanwhile = moved
        with pytest.raises(Locked, match="at work on slow-clock"):
            b.begin()


def test_who_waits_goes_on_when_the_other_machine_has_ended(tmp_path: Path) -> None:
    """With --wait the name is looked at for so long."""
    with hosts(tmp_path, "a", "b") as (clock, (a, b)):
        a.begin()
        until = clock.at + 30

        def ended() -> None:
            if clock.at >= until and a.stack is not None:
                a.end()

        clock.meanwhile = ended
        b.begin(wait_s=600)
        assert clock.at == until


def test_a_holder_that_was_asleep_sends_nothing_more(tmp_path: Path) -> None:
    """Its next intent is refused within its own transaction, and the error says by whom it was taken over."""
    with hosts(tmp_path, "laptop", "server") as (clock, (laptop, server)):
        laptop.begin()
        laptop.intend(1)
        clock.at += 10_000
        server.begin()
        with pytest.raises(StorageRefused, match=r"asleep for so long .* by server .*; nothing more is sent"):
            laptop.intend(2)
        server.intend(3)
        server.end()
        with pytest.raises(StorageRefused, match="by nobody"):
            laptop.intend(4)


def test_a_name_is_renewed_while_its_act_waits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A thread of its own renews it, also while the act itself waits for a person; it ends with the act."""
    monkeypatch.setattr(fencing, "RENEW_S", 0.01)
    with Ledger(tmp_path / "job.ledger") as ledger:
        lock = Lock(ledger.path, JOB, REMOTE)
        before = threading.active_count()
        with signed(ledger.database, lock, "apply") as signature:
            for _ in range(1_000):
                with ledger.database.reading() as connection:
                    name = fencing._read(connection, lock)
                assert name is not None
                if name.at > signature.me.at:
                    break
                threading.Event().wait(0.01)
            else:
                pytest.fail("it was never renewed")
        assert threading.active_count() == before
        with ledger.database.reading() as connection:
            assert fencing._read(connection, lock) is None


def test_a_name_that_cannot_be_read_is_watched_like_one_that_is_lost(tmp_path: Path) -> None:
    """Whatever stands there is neither obeyed for ever nor brushed aside at once."""
    with hosts(tmp_path, "a") as (clock, (a,)):
        a.ledger.remember(fencing._fact(a.lock), "{")
        before = clock.at
        a.begin()
        assert clock.at - before >= fencing.WATCH_S


class Sharing(RuleBasedStateMachine):
    """Three machines, one ledger: they begin, write, fall asleep, wake and end, in any order."""

    root: Path

    def __init__(self) -> None:
        """Lay a ledger of its own."""
        super().__init__()
        self.shared = hosts(Path(tempfile.mkdtemp(dir=self.root)), "a", "b", "c")
        self.clock, self.hosts = self.shared.__enter__()
        self.asleep: set[str] = set()
        self.attempts = count(1)
        self.order: list[str] = []

    @rule(n=st.integers(0, 2))
    def begin(self, n: int) -> None:
        """A machine wants to begin."""
        host = self.hosts[n]
        if host.stack is not None or host.name in self.asleep:
            return
        try:
            host.begin()
        except Locked:
            return
        self.order.append(host.id)

    @rule(n=st.integers(0, 2))
    def write(self, n: int) -> None:
        """A machine that is awake puts an intent on record: it succeeds for who came last, and for nobody else."""
        host = self.hosts[n]
        if host.stack is None or host.name in self.asleep:
            return
        try:
            host.intend(next(self.attempts))
        except StorageRefused:
            assert host.id != self.order[-1]
            host.end()
        else:
            assert host.id == self.order[-1]

    @rule(n=st.integers(0, 2))
    def renew(self, n: int) -> None:
        """The thread of a machine that is awake renews its name."""
        host = self.hosts[n]
        if host.stack is not None and host.name not in self.asleep and host.id == self.order[-1]:
            host.renew()

    @rule(n=st.integers(0, 2))
    def sleep(self, n: int) -> None:
        """A machine falls asleep, or wakes."""
        self.asleep ^= {self.hosts[n].name}

    @rule(seconds=st.sampled_from([1, 20, 59, 61, 4_000]))
    def pass_time(self, seconds: int) -> None:
        """Time passes."""
        self.clock.at += seconds

    @rule(n=st.integers(0, 2))
    def end(self, n: int) -> None:
        """A machine ends its act."""
        host = self.hosts[n]
        if host.stack is not None and host.name not in self.asleep:
            host.end()

    @invariant()
    def one_fence(self) -> None:
        """Nobody's end takes another's name away: who came last and has not ended may write."""
        for host in self.hosts:
            if host.stack is not None and host.id == self.order[-1]:
                with host.ledger.database.reading() as connection:
                    name = fencing._read(connection, host.lock)
                assert name is not None
                assert name.id == host.id

    def teardown(self) -> None:
        """Close the ledgers."""
        self.shared.__exit__(None, None, None)


def test_machines_that_share_a_ledger_in_any_order(tmp_path: Path) -> None:
    """STATE: of three machines only the one that signed last can write."""
    machine = type("Shared", (Sharing,), {"root": tmp_path})
    run_state_machine_as_test(machine, settings=settings(max_examples=20, stateful_step_count=30, deadline=None))
