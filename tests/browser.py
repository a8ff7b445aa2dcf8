"""A real browser over pages on disk, with the network blocked: Debian's Chromium, driven by Playwright."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
CHROMIUM = next((found for name in NAMES if (found := shutil.which(name))), None)
WHY_NOT = "no Chromium is installed (on Debian: apt-get install chromium): the page is not tried in a browser"
ARGUMENTS = ["--no-sandbox", "--disable-dev-shm-usage"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []


@dataclass
class Opened:
    """A page that stands open: `asked` are the addresses that it wanted besides its own, `told` what went wrong."""

    page: Any
    path: Path
    asked: list[str] = field(default_factory=list)
    told: list[str] = field(default_factory=list)

    @property
    def lines(self) -> list[str]:
        """The texts of the rows that are drawn."""
        found: list[str] = self.page.locator("#rows tr.line").all_inner_texts()
        return found

    @property
    def shown(self) -> str:
        """What it says of how many rows are shown."""
        return str(self.page.inner_text("#shown"))


@contextmanager
def started() -> Iterator[Any]:
    """Start the browser."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def opened(browser: Any, path: Path, **looks: Any) -> Iterator[Opened]:
    """Open a page from disk; whatever else it asks for is refused and noted."""
    context = browser.new_context(offline=True, locale="de-DE", timezone_id="Europe/Berlin", **looks)
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    try:
        page = context.new_page()
        seen = Opened(page, path)
        address = path.as_uri()

        def route(one: Any) -> None:
            if one.request.url.partition("#")[0] == address:
                one.continue_()
                return
            seen.asked.append(one.request.url)
            one.abort()

        page.route("**/*", route)
        page.on("console", lambda one: seen.told.append(one.text))
        page.on("pageerror", lambda one: seen.told.append(str(one)))
        page.on("dialog", lambda one: seen.told.append(f"a dialog: {one.message}"))
        page.goto(address)
        page.wait_for_selector("#rows")
        yield seen
    finally:
        context.close()
