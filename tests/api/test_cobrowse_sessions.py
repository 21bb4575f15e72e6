"""Co-browse sessions over REST for who watches over them: listed, read and ended, and never the digits."""

import json
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.http import HttpResponse
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import User
from audit.events import Event
from audit.models import AuditEvent
from cobrowse.models import CobrowseSession, Page, Participant
from tenants.models import Company, Permission, Privilege, Role
from tests.admin.test_cobrowse_sessions import ended, one_of, waiting
from tests.cast import MEMBER, Call, person

pytestmark = pytest.mark.django_db
LIST = "cobrowse-sessions/"


@pytest.fixture
def viewer(acme: Company) -> User:
    """Sees the sessions of Acme and ends none."""
    vera = person("vera@acme.example", company=acme, role=MEMBER)
    role = Role.objects.create(name="Watcher", company=acme, rank=60)
    role.privileges.set(Privilege.objects.filter(name="Co-browse Sessions - View"))
    Permission.objects.create(role=role, kind="cobrowse", reach="own")
    vera.roles.set([role])
    return vera


def ids(answer: HttpResponse) -> list[str]:
    assert answer.status_code == 200, answer.json()
    return [one["id"] for one in answer.json()["results"]]


def test_they_are_listed_newest_first_and_filtered(
    api: Call, root: User, ada: User, ben: User, acme: Company, globex: Company
) -> None:
    over, waits, runs, theirs = ended(acme), waiting(acme), one_of(acme, agent=ben), one_of(globex)
    uids = {name: str(one.uid) for name, one in locals().items() if isinstance(one, CobrowseSession)}
    assert ids(api(ada).get(LIST)) == [uids["runs"], uids["waits"], uids["over"]]
    door = api(root)
    assert ids(door.get(LIST))[0] == uids["theirs"]
    for query, wanted in (
        ("state=active", ["theirs", "runs"]), ("state=idle", ["waits"]), ("state=ended", ["over"]), (f"company={globex.uid}", ["theirs"]),
        (f"agent={ben.uid}", ["runs"]), (f"agent={ben.uid}&state=ended", []),
    ):  # fmt: skip
        assert ids(door.get(f"{LIST}?{query}")) == [uids[name] for name in wanted], query
    assert {over.pk, waits.pk, runs.pk, theirs.pk} == set(
        CobrowseSession.objects.values_list("pk", flat=True)
    )
    for query in ("state=live", f"agent={uuid4()}", "token=123456789", f"company={acme.uid}x"):
        assert door.get(f"{LIST}?{query}").status_code == 400, query
    assert api(ada).get(f"{LIST}?company={globex.uid}").status_code == 400


def test_one_is_shown_with_who_was_in_it_and_what_was_seen(
    api: Call, ada: User, ben: User, acme: Company
) -> None:
    began = timezone.now().replace(microsecond=0) - timedelta(minutes=3)
    found = ended(
        acme,
        began=began,
        ended_at=began + timedelta(seconds=100),
        agent=ben,
        agent_uid=str(ben.uid),
        custom_data={"cart": 7},
    )
    for number, role, name in ((1, 1, "Carol"), (2, 2, "Ben")):
        Participant.objects.create(
            session=found, number=number, role=role, name=name, fingerprint=f"print{number}", joined_at=began, left_at=found.ended_at
        )  # fmt: skip
    for path, seconds in (("", 0), ("cart", 30)):
        Page.objects.create(
            session=found,
            url=f"https://shop.acme.example/{path}",
            entered_at=began + timedelta(seconds=seconds),
        )
    shown = api(ada).get(f"{LIST}{found.uid}/").json()
    listed = api(ada).get(LIST).json()["results"][0]
    assert listed == {name: value for name, value in shown.items() if name not in {"participants", "pages"}}
    assert set(listed) == {
        "id", "company", "state", "mode", "asked", "site", "custom_data", "agent", "created_at", "activated_at", "ended_at", "ended_reason",
    }  # fmt: skip
    assert (shown["state"], shown["ended_reason"], shown["custom_data"]) == (
        "ended",
        "customer-left",
        {"cart": 7},
    )
    assert shown["agent"] == {"id": str(ben.uid), "name": "Ben"}
    assert [(one["role"], one["name"]) for one in shown["participants"]] == [
        ("customer", "Carol"),
        ("agent", "Ben"),
    ]
    assert [(one["url"][-5:], one["seconds"]) for one in shown["pages"]] == [("mple/", 30), ("/cart", 70)]
    assert "print1" not in json.dumps(shown)


def test_the_digits_are_in_no_answer(api: Call, root: User, acme: Company) -> None:
    found = waiting(acme, token="987651234", code="432187")
    for path in (LIST, f"{LIST}{found.uid}/"):
        text = api(root).get(path).content.decode()
        assert "987651234" not in text
        assert "432187" not in text
    assert api(root).get(f"{LIST}{found.uid}/").json()["agent"] is None


def test_what_is_over_by_itself_is_shown_as_ended(api: Call, ada: User, acme: Company) -> None:
    now = timezone.now()
    unanswered = waiting(acme, expires_at=now - timedelta(seconds=1))
    silent = one_of(acme, mode="write", customer_seen_at=now - timedelta(minutes=6))
    door = api(ada)
    shown = {one["id"]: one for one in door.get(LIST).json()["results"]}
    assert shown[str(unanswered.uid)]["ended_reason"] == "nobody-came"
    assert (shown[str(silent.uid)]["state"], shown[str(silent.uid)]["mode"]) == ("ended", "pointer")
    assert ids(door.get(f"{LIST}?state=active")) == ids(door.get(f"{LIST}?state=idle")) == []
    assert CobrowseSession.objects.filter(ended_at=None).count() == 2  # a list writes nothing
    assert door.get(f"{LIST}{silent.uid}/").json()["ended_reason"] == "silent"
    assert door.delete(f"{LIST}{unanswered.uid}/").json()["code"] == "session_ended"


def test_ada_ends_one_once(api: Call, ada: User, acme: Company) -> None:
    found = one_of(acme)
    door, url = api(ada), f"{LIST}{found.uid}/"
    assert door.delete(url).status_code == 204
    again = door.delete(url)
    assert (again.status_code, again.json()["code"]) == (409, "session_ended")
    assert door.get(url).json()["ended_reason"] == "administrator"
    event = AuditEvent.objects.get(event=Event.COBROWSE_ENDED)
    assert (event.actor_name, event.subject_uid) == (str(ada), str(found.uid))


def test_who_only_sees_ends_none_and_an_agent_sees_none_here(
    api: Call, viewer: User, ben: User, acme: Company
) -> None:
    found = one_of(acme)
    door, url = api(viewer), f"{LIST}{found.uid}/"
    assert door.get(url).status_code == 200
    assert (door.delete(url).status_code, door.delete(url).json()["code"]) == (403, "forbidden")
    for method in ("post", "patch"):
        assert getattr(door, method)(url, {"state": "ended"}).status_code == 405
    assert api(ben).get(url).status_code == 404
    assert CobrowseSession.objects.get().ended_at is None


def test_another_companys_does_not_exist(api: Call, ada: User, globex: Company) -> None:
    theirs = one_of(globex)
    for answer in (api(ada).get(f"{LIST}{theirs.uid}/"), api(ada).delete(f"{LIST}{theirs.uid}/")):
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert ids(api(ada).get(LIST)) == []


def test_a_longer_page_asks_no_more_questions(api: Call, ada: User, acme: Company) -> None:
    door, counts = api(ada), []
    for _round in range(2):
        for _number in range(30):
            one_of(acme)
        door.get(f"{LIST}?state=active&page_size=200")
        with CaptureQueriesContext(connection) as asked:
            assert len(ids(door.get(f"{LIST}?state=active&page_size=200"))) % 30 == 0
        counts.append(len([one for one in asked if 'SELECT "core_epoch"' not in one["sql"]]))
    assert counts[0] == counts[1]
    assert counts[0] <= 3


def test_a_number_that_is_no_state_is_refused(api: Call, ada: User) -> None:
    found: Any = api(ada).get(f"{LIST}?state=")
    assert found.status_code == 400
