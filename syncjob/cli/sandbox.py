"""`syncjob sandbox`: the Referrals API, imitated on this machine, with as much bad luck as is asked for."""

from __future__ import annotations

from pathlib import Path

import click

from syncjob.sandbox.faults import NAMES

FAULTS = f"""
Faults, each with the share of requests that it befalls (0 to 1; quota: requests a second): {", ".join(NAMES)}.
"""


@click.command(epilog=FAULTS)
@click.option(
    "--port", type=click.IntRange(0, 65_535), default=8080, show_default=True, help="The port; 0 takes a free one."
)
@click.option(
    "--seed", metavar="FILE", type=click.Path(path_type=Path), help="Referrals to begin with, as a JSON list."
)
@click.option("--referrals", default=25, show_default=True, help="Without --seed: so many made-up referrals.")
@click.option("--fault", "faults", metavar="NAME=RATE", multiple=True, help="A misfortune and its rate; repeatable.")
@click.option("--random-seed", default=0, show_default=True, help="The same number replays the same day.")
@click.option("--list-etags/--no-list-etags", default=True, show_default=True, help="Whether list items carry eTags.")
@click.option("--sign-in", is_flag=True, help="Ask for a token, and imitate Entra ID, which gives one.")
def sandbox(
    *,
    port: int,
    seed: Path | None,
    referrals: int,
    faults: tuple[str, ...],
    random_seed: int,
    list_etags: bool,
    sign_in: bool,
) -> int:
    """Run an imitation of the Referrals API to try on.

    It prints its address on stdout when it is ready and runs until it is stopped. What it
    was asked stands at /sandbox/requests, what it holds at /sandbox/referrals, who wrote
    what at /sandbox/writes; a PUT to /sandbox/faults changes its weather, one to
    /sandbox/sign-in what Entra ID does.
    """
    import asyncio
    import random
    from datetime import UTC, datetime

    from syncjob.cli.terminal import emit
    from syncjob.errors import UsageRefused
    from syncjob.sandbox import faults as misfortunes
    from syncjob.sandbox import seeds, server
    from syncjob.sandbox.entra import Entra
    from syncjob.sandbox.service import Sandbox
    from syncjob.sandbox.store import Store

    chance = random.Random(random_seed)  # noqa: S311  # one seed replays a day; nothing here is a secret
    try:
        rates = misfortunes.parse(list(faults))
        documents = seeds.load(seed) if seed else seeds.seed(referrals, chance, datetime.now(UTC))
    except (ValueError, OSError) as error:
        raise UsageRefused(str(error)) from error
    store = Store(documents, list_etags=list_etags)
    box = Sandbox(store, rates, random=chance, clock=lambda: datetime.now(UTC))
    if sign_in:
        box.entra = Entra(lambda: datetime.now(UTC), random.Random(random_seed))  # noqa: S311  # as above
    try:
        asyncio.run(server.serve(box, "127.0.0.1", port, lambda url: emit([f"{url}\n"])))
    except OSError as error:
        raise UsageRefused(f"port {port} cannot be had: {error.strerror}; name another, 0 takes a free one") from error
    return 0
