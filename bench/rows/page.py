"""The sign-in page as a browser gets it: bytes over the wire, and the first paint."""

import shutil
import statistics
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from bench.report import Result
from bench.rows.base import HASHED, Bed

ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-dev-shm-usage"]
LOADS = 7
_PAINT = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? null"


@dataclass
class Seen:
    """What one load of the page took."""

    bytes: float = 0
    elsewhere: list[str] = field(default_factory=list)
    paint_ms: float = 0


def _visit(browser: Any, url: str) -> Seen:
    """Load the page in a browser that has never seen it."""
    context = browser.new_context()
    page, seen = context.new_page(), Seen()
    network = context.new_cdp_session(page)
    network.send("Network.enable")

    def finished(event: Any) -> None:
        seen.bytes += event["encodedDataLength"]

    def asked(event: Any) -> None:
        address = event["request"]["url"]
        if not address.startswith("data:") and urlsplit(address).netloc != urlsplit(url).netloc:
            seen.elsewhere.append(address)

    network.on("Network.loadingFinished", finished)
    network.on("Network.requestWillBeSent", asked)
    page.goto(url, wait_until="networkidle")
    seen.paint_ms = page.wait_for_function(_PAINT, timeout=5_000).json_value()
    context.close()
    return seen


@dataclass(frozen=True, kw_only=True)
class LoginPage:
    """Weight and first paint of /login/ in headless Chromium."""

    name: str = "page"
    databases: tuple[str, ...] = ("sqlite",)
    usual: bool = True

    def measure(self, bed: Bed) -> Iterator[Result]:
        """Each load is the first of a fresh browser profile; the first of all warms up the server."""
        path = shutil.which("chromium")
        if path is None:
            return
        from playwright.sync_api import sync_playwright

        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
            visits = [_visit(browser, f"{bed.server(HASHED).product.url}/login/") for _ in range(LOADS)][1:]
            browser.close()
        elsewhere = {address for visit in visits for address in visit.elsewhere}
        yield Result(
            row=self.name,
            what="sign-in page over the wire, with all it needs",
            on=bed.on.name,
            value=statistics.median(visit.bytes for visit in visits) / 1024,
            unit="KiB",
            budget=40,
            note=f"requests to other hosts: {', '.join(elsewhere) or 'none'}",
            raw={"bytes": [visit.bytes for visit in visits]},
        )
        paints = [visit.paint_ms for visit in visits]
        yield Result(
            row=self.name,
            what="sign-in page, first paint in Chromium",
            on=bed.on.name,
            value=statistics.median(paints) / 1000,
            unit="s",
            budget=0.5,
            note=f"the slowest of {len(paints)}: {max(paints) / 1000:.2f} s",
            raw={"paint_ms": paints},
        )


ROWS = (LoginPage(),)
