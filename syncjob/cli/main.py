"""The door: which commands there are. Each is imported when it is called, so that `--help` costs next to nothing."""

from __future__ import annotations

import gc
import importlib
import os
import sys
from typing import IO, Any

import click

from syncjob import __version__
from syncjob.errors import Exit, SyncjobError, frames

NEW_OBJECTS = 50_000  # before cycles are looked for: rows make none, and every 700 it took 7 of 100 instructions
COMMANDS = {
    #  name       where it stands                     what it does, in a line
    "init": ("syncjob.cli.init:init", "Look at a file and propose a configuration."),
    "login": ("syncjob.cli.login:login", "Sign in to Partner Center."),
    "validate": ("syncjob.cli.validating:validate", "Check configuration and file, offline."),
    "plan": ("syncjob.cli.planning:plan", "Show what would change; nothing is sent."),
    "apply": ("syncjob.cli.applying:apply", "Send a plan, or plan a file and send it."),
    "approve": ("syncjob.cli.approving:approve", "Send what a guard has held."),
    "drift": ("syncjob.cli.drifting:drift", "Show where row and remote have moved apart, and who moved."),
    "retry": ("syncjob.cli.retrying:retry", "Plan the rows anew that need a person."),
    "undo": ("syncjob.cli.undoing:undo", "Plan to take back what a run has sent."),
    "rehearse": ("syncjob.cli.rehearsing:rehearse", "Live through a run against a sandbox that holds your referrals."),
    "pull": ("syncjob.cli.pulling:pull", "Write the remote's state into a file that can be edited."),
    "link": ("syncjob.cli.linking:link", "Propose referrals for rows that match none."),
    "status": ("syncjob.cli.looking:status", "Show how the job stands: for whoever takes it over."),
    "show": ("syncjob.cli.looking:show", "Show a past run or a kept plan again."),
    "explain": ("syncjob.cli.looking:explain", "Say how one row got from its cell to its end."),
    "history": ("syncjob.cli.looking:history", "Show what was written to referrals, by whom and why."),
    "ledger": ("syncjob.cli.keeping:ledger", "Export, import or check the ledger."),
    "doctor": ("syncjob.cli.examining:doctor", "Say in the evening what would fail at night."),
    "purge": ("syncjob.cli.keeping:purge", "Forget runs that are older than you want to keep."),
    "config": ("syncjob.cli.configuring:config", "Show the settings, and where each comes from."),
    "schema": ("syncjob.cli.schema:schema", "Print the JSON Schema of the configuration."),
    "sandbox": ("syncjob.cli.sandbox:sandbox", "Run an imitation of the Referrals API to try on."),
}


class _Commands(click.Group):
    """A group that knows its commands by name and imports one when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Name the commands in the order of a first day."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import one command."""
        del ctx
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name][0].partition(":")
        command: click.Command = getattr(importlib.import_module(module), name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing them."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl([(name, words) for name, (_, words) in COMMANDS.items()])


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="syncjob", message="%(prog)s %(version)s")
def syncjob() -> None:
    """Keep Partner Center referrals in step with a file of desired states.

    plan shows what would change, apply sends it under If-Match, and every row of the
    file ends in exactly one outcome in the report. drift says who has moved since, undo
    takes a run back. Exit codes are listed in the README.
    """


def main(args: list[str] | None = None) -> None:
    """Run the command line and leave with its exit code."""
    os.umask(0o077)
    gc.set_threshold(NEW_OBJECTS)
    for stream in (sys.stdout, sys.stderr):
        _forgiving(stream)
    try:
        code = syncjob.main(args, prog_name="syncjob", standalone_mode=False)
    except SyncjobError as error:
        for problem in error.problems:
            complain(problem)
        code = error.exit_code
    except click.exceptions.Abort:
        complain("stopped")
        code = Exit.INTERRUPTED
    except OSError as error:  # the disk of the scratch folder, most of all: everything else is caught nearer by
        complain(f"{error.filename or 'disk'}: {error.strerror or error}; mend the disk or set TMPDIR")
        code = Exit.STORAGE
    except click.ClickException as error:
        error.show()
        code = Exit.USAGE
    except Exception as error:  # noqa: BLE001  # a traceback may show private values; where it happened is enough to mend it
        complain(f"an error in syncjob itself: {type(error).__name__} at {', '.join(frames(error)[-5:])}")
        code = Exit.BROKEN
    sys.exit(int(code or 0))


def complain(words: str) -> None:
    """Say what is wrong, on stderr, a line each; what it quotes from a file moves no terminal."""
    from syncjob.reports.values import visible

    try:
        click.echo(f"syncjob: {visible(words)}", err=True)
    except OSError:
        return


def _forgiving(stream: IO[Any]) -> None:
    """What a terminal cannot show becomes a question mark, never an error in the middle of a run."""
    reconfigure = getattr(stream, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(errors="replace")
