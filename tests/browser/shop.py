"""Customers of Acme in a browser, on the demo's shop or on a site of somebody else with a strict policy, and the agent who joins them."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from playwright.sync_api import Locator, Page, expect

from tests.browser.house import House
from tests.browser.window import Window
from tests.services.product import ROOT

AGENT_PAGE = "/cobrowse/agent/"
SHARE = "Share this page with an agent"
# The applications of a company, made or changed: company, then one "type path value" each; spaces in a value are its lines.
_SET = """
import sys
import django
django.setup()
from django.utils import timezone
from cobrowse.applications import ApplicationDraft, create_application, set_options
from cobrowse.models import Application
from cobrowse.tokens import application_of
from tenants.actor import system_actor
from tenants.models import Company
company, *wanted = sys.argv[1:]
company, by, now = Company.objects.get(name=company), system_actor(), timezone.now()
for one in wanted:
    kind, path, value = one.split(" ", 2)
    found = application_of(company.pk, kind)
    if found is None:
        found = create_application(ApplicationDraft(company=company, type=kind, name=f"{kind} of {company}"), by=by, now=now)
    changed = set_options(found, {path: "\\n".join(value.split())}, by=by, now=now)
    assert isinstance(changed, Application), changed
print(application_of(company.pk, "cluster").site_key)
"""


def set_applications(house: House, company: str, *wanted: str) -> str:
    """Give the applications of a company these options, each as "type section/option value"; the site key of its cluster."""
    settings = {
        "DATA_DIR": str(house.product.folder),
        "PORT": str(house.product.port),
        "DJANGO_SETTINGS_MODULE": "portal.settings",
    }
    # The product has keys of its own, and could open nothing that was sealed with those of the tests.
    clean = {name: value for name, value in os.environ.items() if name not in {"SECRET_KEY", "FIELD_KEYS"}}
    ran = subprocess.run(
        [sys.executable, "-c", _SET, company, *wanted],
        cwd=ROOT,
        env=clean | settings,
        check=True,
        capture_output=True,
        text=True,
    )
    time.sleep(0.6)  # the served product looks at the version a few times a second
    return ran.stdout.strip().splitlines()[-1]


@dataclass
class Customer:
    """Whoever looks at a page with the snippet."""

    page: Page

    @property
    def box(self) -> Locator:
        """What the script shows."""
        return self.page.locator("gatehouse-cobrowse")

    def button(self, name: str) -> Locator:
        """A button of it."""
        return self.box.get_by_role("button", name=name, exact=True)

    def starts(self) -> str:
        """Press the one button that there is; the nine digits, as they stand there."""
        self.button(SHARE).click()
        self.reads("Tell the agent these digits")
        return self.digits

    @property
    def digits(self) -> str:
        """The nine digits."""
        return self.box.locator(".digits > span").first.inner_text()

    @property
    def code(self) -> str:
        """The six digits."""
        return self.box.locator(".code").inner_text()

    def reads(self, text: str, *, seconds: float = 8) -> None:
        """Wait until this stands there for everybody to see."""
        expect(self.box.get_by_text(text).first).to_be_visible(timeout=seconds * 1_000)


def joins(agent: Window, digits: str) -> None:
    """Type the digits and join."""
    agent.open(AGENT_PAGE)
    agent.field("Digits of the customer").fill(digits)
    agent.press("Join")
    assert agent.path.startswith(AGENT_PAGE)
    assert len(agent.path) > len(AGENT_PAGE)


def stands(agent: Window, words: str, *, seconds: float = 8) -> None:
    """Wait until the page of the agent says how the session stands."""
    expect(agent.page.locator("#standing")).to_have_text(words, timeout=seconds * 1_000)


@dataclass
class Site:
    """A site with a policy as strict as can be, under a name of its own."""

    port: int
    pages: dict[str, str] = field(default_factory=dict)
    policy: str = ""

    @property
    def origin(self) -> str:
        """Where it is; not the house, which is at 127.0.0.1."""
        return f"http://localhost:{self.port}"


@contextmanager
def running_site() -> Iterator[Site]:
    """The site, on a port of its own."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            page = site.pages.get(self.path.partition("?")[0])
            self.send_response(404 if page is None else 200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Security-Policy", site.policy)
            self.end_headers()
            self.wfile.write((page or "").encode())

        def log_message(self, *_arguments: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    site = Site(port=server.server_address[1])
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield site
    finally:
        server.shutdown()
        server.server_close()
