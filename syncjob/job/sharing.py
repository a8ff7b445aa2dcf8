"""Questions to the remote, shared among as many workers as there are connections."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

from syncjob.errors import SyncjobError
from syncjob.exchange import Exchange

Asked = TypeVar("Asked")


async def share(exchange: Exchange, questions: Iterable[Asked], act: Callable[[Asked], Awaitable[None]]) -> None:
    """Act on every question once, taking them as workers come free; an error of the tree ends all and is raised."""
    left = iter(questions)

    async def work() -> None:
        for question in left:
            await act(question)

    try:
        async with asyncio.TaskGroup() as group:
            for _ in exchange.clients:
                group.create_task(work())
    except* SyncjobError as several:  # one is enough to know why the run ends
        first = several.exceptions[0]
        raise first from first.__cause__
