"""What the tests of the team's pages share: pages opened and forms sent as a browser does."""

import re
from typing import Any

from django.conf import settings
from django.http import HttpResponse
from django.test import Client

from accounts.joining import read_join_token
from accounts.models import JoinLink
from tenants.models import Role
from tests.journeys.pages import Page

_URL = re.compile(r'id="url"[^>]*value="([^"]+)"')


def built_in(name: str) -> Role:
    """The role of this name that every company has."""
    return Role.objects.get(name=name, company=None)


def text_of(answer: HttpResponse) -> str:
    """What stands on the page."""
    assert answer.status_code == 200, answer.status_code
    return Page(answer.content.decode()).text


def seen(browser: Client, path: str) -> str:
    """What stands on the page at this address."""
    return text_of(browser.get(path))


def sent(browser: Client, path: str, **given: Any) -> str:
    """What stands on the page after this form."""
    return text_of(browser.post(path, given, follow=True))


def url_on(answer: HttpResponse) -> str:
    """The address of a join link that the page shows; empty where it shows none."""
    found = _URL.search(answer.content.decode())
    return found[1] if found else ""


def link_at(url: str, *, now: Any) -> JoinLink | None:
    """The link that this address leads to."""
    token = url.removeprefix(f"{settings.PUBLIC_URL}/join/").removesuffix("/")
    return read_join_token(token, now=now)
