"""E. What was taken back here is dead in another process within a second, also a token that it has just let in (attack 18)."""

import queue
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from accounts import signing_keys
from accounts.ending import end_session
from accounts.models import Session, SessionKind, SigningKey, User
from accounts.people import UserDraft, change_user, lock_user
from accounts.sessions import end_sessions
from core import epoch
from core.db import unit
from core.outcomes import Denied
from tests.cast import Api, acting
from tests.services.database import environment

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db(transaction=True)]

# Asks who the bearer is, all the time, and says whenever the answer changes.
WATCHER = """
import sys, time, django
django.setup()
from django.test import Client
client, seen = Client(), None
while True:
    status = client.get("/api/v1/me/", headers={"Authorization": f"Bearer {sys.argv[1]}", "Host": "127.0.0.1"}).status_code
    if status != seen:
        seen = status
        print(status, flush=True)
    time.sleep(0.02)
"""


@contextmanager
def letting_in(token: str) -> Iterator["queue.Queue[str]"]:
    """Another process that lets in the bearer of this token, and what it says from now on."""
    process = subprocess.Popen(
        [sys.executable, "-c", WATCHER, token],
        cwd=Path(__file__).parents[2],
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    lines: queue.Queue[str] = queue.Queue()

    def read() -> None:
        for line in process.stdout or ():
            lines.put(line.strip())

    threading.Thread(target=read, daemon=True).start()
    try:
        assert lines.get(timeout=30) == "200"
        yield lines
    finally:
        process.kill()
        process.wait(10)


def _api_key(session: Session) -> None:
    """Make the session one that a program holds by a key, within its scopes."""
    with unit():
        Session.objects.filter(pk=session.pk).update(
            kind=SessionKind.KEY,
            grant={"scopes": ["users:read"]},
            expires_at=timezone.now() + timedelta(days=90),
        )
        epoch.bump()


def revoke_the_signing_key(root: User, _ben: User) -> object:
    return signing_keys.revoke_key(SigningKey.objects.get(), by=acting(root), now=timezone.now())


def end_the_session(root: User, ben: User) -> object:
    return end_session(ben.sessions.get(), by=acting(root), now=timezone.now())


def end_the_key(root: User, ben: User) -> object:
    session = ben.sessions.get()
    assert session.kind == SessionKind.KEY
    ended = end_sessions([session], reason="revoked", origin=acting(root).origin, now=timezone.now())
    return None if ended else Denied(code="not_live", message="")


def disable_the_person(root: User, ben: User) -> object:
    return change_user(ben, UserDraft(is_active=False), by=acting(root), now=timezone.now())


def lock_the_person(root: User, ben: User) -> object:
    return lock_user(ben, reason="test", by=acting(root), now=timezone.now())


Take = Callable[[User, User], object]


@pytest.mark.parametrize(
    "take", [revoke_the_signing_key, end_the_session, end_the_key, disable_the_person, lock_the_person]
)
def test_what_is_taken_back_here_is_dead_there_within_a_second(take: Take, root: User, ben: User) -> None:
    program = Api(ben)
    if take is end_the_key:
        _api_key(program.session)
    with letting_in(program.tokens["access_token"]) as answers:
        time.sleep(0.5)  # it has checked the signature and remembers the person
        assert answers.empty()
        assert not isinstance(take(root, ben), Denied)
        done = time.monotonic()
        assert answers.get(timeout=5) == "401"
        assert time.monotonic() - done < 1
        time.sleep(0.5)
        assert answers.empty()  # and stays dead
