"""Pictures of pages for people to look at: only where GATEHOUSE_SCREENSHOTS names a folder."""

import os
import re
from pathlib import Path

from playwright.sync_api import Page

DESKTOP = {"width": 1280, "height": 800}
PHONE = {"width": 390, "height": 844}
SMALL_PHONE = {"width": 320, "height": 640}
_folder = os.environ.get("GATEHOUSE_SCREENSHOTS")
WANTED = bool(_folder)


def take(page: Page, name: str) -> None:
    """The page as it is, light and dark, on a desktop and on a phone."""
    if not _folder:
        return
    name = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "root"
    for size_name, size in (("desktop", DESKTOP), ("phone", PHONE)):
        page.set_viewport_size(size)  # type: ignore[arg-type]
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
            path = Path(_folder) / f"{name}.{size_name}.{scheme}.png"
            page.screenshot(path=path, full_page=True, animations="disabled")
    page.emulate_media(color_scheme="light")
    page.set_viewport_size(DESKTOP)  # type: ignore[arg-type]
