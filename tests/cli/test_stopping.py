"""Signals, broken streams and errors of ours, met in this process: each ends in its own exit code."""

from __future__ import annotations

import io
import os
import signal
import sys
from contextlib import closing
from types import SimpleNamespace

import pytest
from desk import Desk, crm, renamed

from syncjob.cli.showing import hush
from syncjob.cli.terminal import emit
from syncjob.ledger import Ledger
from syncjob.sandbox.messages import Request


class _Stdin(io.TextIOWrapper):
    """A standard input whose reading ends otherwise than expected."""

    def __init__(self, error: BaseException) -> None:
        class Raw(io.BytesIO):
            def read(self, size: int | None = -1, /) -> bytes:
                raise error

        super().__init__(Raw())


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("command", [("plan",), ("apply", "--yes")])
def test_a_stop_before_anything_was_sent_ends_at_once(
    desk: Desk, number: int, code: int, command: tuple[str, ...]
) -> None:
    """While the remote is read a signal ends the run: nothing was sent, and nothing was begun."""
    desk.rows(*renamed(1, 2))
    desk.box.watch = lambda _: os.kill(os.getpid(), number)
    before = [signal.getsignal(one) for one in (signal.SIGTERM, signal.SIGINT)]
    said = desk.run(*command)
    assert (said.code, desk.box.patches, said.out) == (code, [], "")
    assert said.err.splitlines()[-1] == "syncjob: stopped; nothing was sent"
    assert [signal.getsignal(one) for one in (signal.SIGTERM, signal.SIGINT)] == before


def test_a_stop_in_the_middle_ends_in_its_own_time(desk: Desk) -> None:
    """What is in flight settles, the rest is deferred, the report is shown, and the code is the signal's."""
    desk.configure(limits={"concurrency": 1})
    desk.rows(*renamed(*range(1, 10)))

    def stop(request: Request) -> None:
        if request.method == "PATCH":
            desk.box.watch = None
            os.kill(os.getpid(), signal.SIGTERM)

    desk.box.watch = stop
    said = desk.run("apply", "--yes", "--json")
    assert said.code == 143
    assert set(said.causes.values()) == {"confirmed", "stopped"}
    assert said.report["totals"]["applied"] == len(desk.box.store.writes)
    with closing(Ledger(desk.ledger)) as ledger:
        assert ledger.facts(said.report["run"]["id"])["exit_code"] == 143
    assert desk.run("apply", "--yes").code == 0
    assert len(desk.box.store.writes) == 9


def test_an_interrupt_outside_of_a_run_is_130(desk: Desk) -> None:
    """Ctrl-C while `validate` reads: no traceback."""
    desk.configure(rows={"format": "csv"})
    said = desk.run("validate", "-", stdin=_Stdin(KeyboardInterrupt()))
    assert said.code == 130
    assert "stopped" in said.err
    assert "Traceback" not in said.err


def test_an_error_of_ours_shows_where_and_not_what(desk: Desk) -> None:
    """Exit 1 with its type and place; the words of the error may be private and are not shown."""
    desk.configure(rows={"format": "csv"})
    said = desk.run("plan", "-", stdin=_Stdin(RuntimeError("jane@contoso.example")))
    assert said.code == 1
    assert said.err.startswith("syncjob: an error in syncjob itself: RuntimeError at ")
    assert "contoso" not in said.err


def test_a_stderr_that_nobody_reads_changes_nothing(desk: Desk) -> None:
    """Talk is lost, the run is not."""
    desk.rows(*renamed(1, 404))
    for command, code in ((("apply", "--yes"), 3), (("plan", "gone.csv"), 4)):
        read, write = os.pipe()
        os.close(read)
        with io.TextIOWrapper(io.FileIO(write, "w"), write_through=True) as nobody:
            assert desk.run(*command, err=nobody).code == code
    assert len(desk.box.patches) == 1


def test_a_stdout_that_is_not_there_is_not_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    """None, as a daemon has it, or closed by somebody: nothing is printed and nothing fails."""
    closed = io.StringIO()
    closed.close()
    for stream in (None, closed):
        monkeypatch.setattr(sys, "stdout", stream)
        emit(["x"])


def test_a_job_without_a_bar_is_hushed_all_the_same() -> None:
    """Whoever shows progress otherwise keeps it."""
    hush(SimpleNamespace(progress=print))


def test_a_shell_completes_the_commands(desk: Desk) -> None:
    """What a shell asks for while a person types."""
    desk.environ |= {"_SYNCJOB_COMPLETE": "bash_complete", "COMP_WORDS": "syncjob a", "COMP_CWORD": "1"}
    assert desk.run().out.split() == ["plain,apply", "plain,approve"]


def test_an_empty_plan_is_kept_without_a_hint(desk: Desk) -> None:
    """A plan of no rows is a file, but nobody is told to send it."""
    desk.rows()
    said = desk.run("plan", "--allow", "rows", "-o", "empty.plan")
    assert (said.code, "to send it" in said.err) == (0, False)
    assert (desk.folder / "empty.plan").exists()
    assert crm(1) not in said.out
