"""E. In co-browse, too: what was taken back here is dead in another process within a second (attacks 18 and 37)."""

import json
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.utils import timezone

from accounts.people import UserDraft, change_user
from accounts.sessions import end_sessions
from cobrowse.applications import set_options
from cobrowse.models import CobrowseSession
from cobrowse.sessions.verbs import end_by_administrator
from core.db import unit
from core.outcomes import Denied
from tenants.actor import system_actor
from tenants.models import Company
from tests.accounts.story import built_in
from tests.cast import AGENT, person
from tests.cobrowse.story import OTHER, SHOP, TOKEN, Customer, Desktop, application
from tests.services.database import environment

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db(transaction=True)]

# Asks for the session all the time, and says whenever status or code of the answer change.
WATCHER = """
import json, sys, time, django
django.setup()
from django.test import Client
client, seen = Client(), None
path, headers = sys.argv[1], json.loads(sys.argv[2])
while True:
    answer = client.get(path, headers={**headers, "Host": "127.0.0.1"})
    said = f"{answer.status_code} {answer.json().get('code', answer.json().get('state'))}"
    if said != seen:
        seen = said
        print(said, flush=True)
    time.sleep(0.02)
"""


@contextmanager
def asking(path: str, headers: dict[str, str]) -> Iterator["queue.Queue[str]"]:
    """Another process that asks with these headers, and what it is told from now on."""
    process = subprocess.Popen(
        [sys.executable, "-c", WATCHER, path, json.dumps(headers)],
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
        assert lines.get(timeout=30) == "200 active"
        yield lines
    finally:
        process.kill()
        process.wait(10)


def take_the_privilege(desk: Desktop, _token: str) -> object:
    return change_user(
        desk.session.user, UserDraft(roles=[built_in("Member")]), by=system_actor(), now=timezone.now()
    )


def change_the_clusters_token(desk: Desktop, _token: str) -> object:
    cluster = desk.session.user.company.application_set.get(type="cluster")
    return set_options(cluster, {"slave/password": OTHER}, by=system_actor(), now=timezone.now())


def revoke_the_token(desk: Desktop, token: str) -> object:
    session = CobrowseSession.objects.get()
    answer = desk.delete(f"cobrowse-sessions/{session.uid}/agent-tokens/{token}/")
    return None if answer.status_code == 204 else Denied(code="bad", message="")


def end_the_session(_desk: Desktop, _token: str) -> object:
    return end_by_administrator(CobrowseSession.objects.get(), by=system_actor(), now=timezone.now())


def sign_the_agent_out(desk: Desktop, _token: str) -> object:
    by = system_actor()
    with unit():
        return end_sessions([desk.session], reason="signed_out", origin=by.origin, now=timezone.now())


Take = Callable[[Desktop, str], object]


@pytest.mark.parametrize(
    ("take", "told"),
    [
        (take_the_privilege, "403 privilege_missing"),
        (change_the_clusters_token, "403 agent_token_invalid"),
        (revoke_the_token, "401 invalid_token"),
        (end_the_session, "401 invalid_token"),
        (sign_the_agent_out, "401 invalid_token"),
    ],
)
def test_a_token_for_one_session_is_dead_in_another_process_within_a_second(take: Take, told: str) -> None:
    acme = Company.objects.create(name="Acme")
    application(acme, "cluster", origins=SHOP, token=TOKEN)
    said = Customer().starts()
    desk = Desktop(person("ben@acme.example", company=acme, role=AGENT), TOKEN)
    assert desk.joins(said["sessionToken"]).status_code == 200
    made = desk.post(
        f"cobrowse-sessions/{said['sessionHistoryId']}/agent-tokens/", {"right": "control"}
    ).json()
    headers = {"Authorization": f"Bearer {made['token']}"}
    with asking(f"/api/1/sessions/{said['sessionHistoryId']}", headers) as answers:
        time.sleep(0.5)  # it has checked the signature and remembers row and options
        assert answers.empty()
        assert not isinstance(take(desk, made["id"]), Denied)
        done = time.monotonic()
        # Before that it may hear that the session ended; and with the session the token ends, whichever is seen first.
        heard = [answers.get(timeout=5)]
        while heard[-1] == "200 ended":
            heard.append(answers.get(timeout=5))
        assert heard[-1] in {told, "401 invalid_token"}
        assert time.monotonic() - done < 1
