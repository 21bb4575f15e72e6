"""Sessions, audit events and deliveries over REST: in reach, and no further."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import User
from audit.models import AuditEvent
from core.db import unit
from delivery.models import Delivery
from delivery.services import enqueue
from tenants.models import Company
from tests.cast import Browse, Call


def test_everybody_sees_and_ends_his_own_sessions(api: Call, ada: User, ben: User) -> None:
    first, second = api(ben), api(ben)
    api(ada)
    listed = first.get("sessions/").json()["results"]
    assert {one["id"] for one in listed} == {str(first.session.uid), str(second.session.uid)}
    assert [one["id"] for one in listed if one["current"]] == [str(first.session.uid)]
    assert first.delete(f"sessions/{second.session.uid}/").status_code == 204
    assert second.get("me/").status_code == 401
    assert first.delete(f"sessions/{second.session.uid}/").json()["code"] == "not_live"
    live = first.get("sessions/?live=true").json()["results"]
    assert [one["id"] for one in live] == [str(first.session.uid)]
    assert len(first.get("sessions/?live=false").json()["results"]) == 1


def test_ada_ends_bens_session_and_cleo_does_not_know_of_it(
    api: Call, ada: User, ben: User, cleo: User
) -> None:
    bens = api(ben)
    path = f"sessions/{bens.session.uid}/"
    assert api(cleo).get(path).status_code == 404
    assert api(cleo).delete(path).status_code == 404
    said = api(ada).get(path).json()
    assert (said["user"], said["kind"], said["current"]) == (str(ben.uid), "api", False)
    assert "fingerprint" not in said
    assert api(ada).delete(path).status_code == 204
    assert bens.get("me/").status_code == 401
    bens.session.refresh_from_db()
    assert bens.session.ended_reason == "by_administrator"


def test_ben_does_not_see_adas_session(api: Call, ada: User, ben: User) -> None:
    adas = api(ada)
    for answer in (
        api(ben).get(f"sessions/{adas.session.uid}/"),
        api(ben).delete(f"sessions/{adas.session.uid}/"),
    ):
        assert answer.status_code == 404
    assert api(ben).get(f"sessions/?user={ada.uid}").json()["errors"].keys() == {"user"}


def test_the_session_of_somebody_above_is_not_adas_to_end(
    api: Call, root: User, ada: User, acme: Company
) -> None:
    root.company = acme
    root.save()
    roots = api(root)
    answer = api(ada).delete(f"sessions/{roots.session.uid}/")
    assert answer.json()["code"] == "rank_too_high"
    assert roots.get("me/").status_code == 200


def test_audit_events_are_those_of_the_company(
    api: Call, root: User, ada: User, cleo: User, acme: Company
) -> None:
    api(ada).post("roles/", {"name": "Lead", "rank": 1})
    api(cleo).post("roles/", {"name": "Chief", "rank": 1})
    query = "audit-events/?event=tenants:role:created"
    [event] = api(ada).get(query).json()["results"]
    assert (event["subject_name"], event["company"]) == ("Lead (Acme)", str(acme.uid))
    assert (event["actor"], event["actor_name"]) == (str(ada.uid), "ada@acme.example")
    assert "mac" not in event
    path = f"audit-events/{event['id']}/"
    assert api(ada).get(path).json() == event
    assert api(cleo).get(path).status_code == 404
    assert len(api(root).get(query).json()["results"]) == 2
    assert api(root).delete(path).status_code == 405


def test_audit_events_are_found_by_who_what_and_when(api: Call, ada: User, ben: User) -> None:
    program = api(ada)
    program.post(f"users/{ben.uid}/lock/", {"reason": "x"})

    def found(query: str) -> set[str]:
        answer = program.get(f"audit-events/?{query}")
        assert answer.status_code == 200, answer.json()
        return {one["event"] for one in answer.json()["results"]}

    assert "accounts:user:locked" in found(f"actor={ada.uid}")
    assert found(f"subject={ben.uid}") == {"accounts:user:locked"}
    hour = timedelta(hours=1)
    now = timezone.now()
    assert found(f"from={(now + hour).isoformat().replace('+', '%2B')}") == set()
    assert "accounts:user:locked" in found(f"from={(now - hour).strftime('%Y-%m-%dT%H:%M:%SZ')}")
    assert found(f"to={(now - hour).strftime('%Y-%m-%dT%H:%M:%SZ')}") == set()


@pytest.mark.parametrize(
    "query",
    [
        "event=no:such:event",
        "from=yesterday",
        "to=0001-01-01T00:00:00%2B14:00",
        "actor=%00",
        "who=ada",
        "from=9999-12-31T23:59:59-14:00",
    ],
)
def test_a_filter_that_makes_no_sense_is_refused(query: str, api: Call, ada: User) -> None:
    answer = api(ada).get(f"audit-events/?{query}")
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid")


@pytest.mark.parametrize("number", ["0", "99999999999", "9" * 19, "9" * 30])
def test_an_event_that_never_was_does_not_exist(number: str, api: Call, ada: User) -> None:
    assert api(ada).get(f"audit-events/{number}/").status_code == 404


def test_the_trail_is_not_bens_to_read(api: Call, ben: User) -> None:
    assert api(ben).get("audit-events/").json()["code"] == "forbidden"
    assert AuditEvent.objects.filter(event="portal:change:refused").exists()


@pytest.fixture
def failed(ben: User) -> Delivery:
    """A mail to Ben that could not be sent."""
    now = timezone.now()
    with unit():
        row = enqueue(
            to=ben.email,
            template="code",
            language="en",
            now=now,
            expires_at=now + timedelta(minutes=10),
            context={"private": "words"},
            company_id=ben.company_id,
            company_uid=ben.company.uid,
            user_uid=ben.uid,
        )
    Delivery.objects.filter(pk=row.pk).update(state="failed", error="the server said no")
    return row


def test_a_failed_mail_is_seen_and_sent_again(
    api: Call, ada: User, ben: User, cleo: User, failed: Delivery
) -> None:
    path = f"deliveries/{failed.uid}/"
    said = api(ada).get(path).json()
    assert (said["state"], said["error"], said["user"]) == ("failed", "the server said no", str(ben.uid))
    assert "private" not in api(ada).get(path).content.decode()
    assert api(cleo).get(path).status_code == 404
    assert api(cleo).post(f"{path}retry/").status_code == 404
    assert api(ada).get("deliveries/?state=failed").json()["results"] == [said]
    assert api(ada).post(f"{path}retry/").json()["state"] == "queued"
    assert AuditEvent.objects.get(event="delivery:message:retried").actor_uid == str(ada.uid)
    Delivery.objects.update(state="sent")
    assert api(ada).post(f"{path}retry/").json()["code"] == "not_retryable"


def test_a_page_needs_the_token_of_its_form_to_change_anything(browser: Browse, ada: User, ben: User) -> None:
    page = browser(ada, enforce_csrf_checks=True)
    path = f"/api/v1/users/{ben.uid}/lock/"
    body = {"reason": "x"}
    forged = page.post(path, body, content_type="application/json")
    assert (forged.status_code, forged.json()["code"]) == (403, "csrf_failed")
    assert page.get("/api/v1/users/").status_code == 200
    page.cookies["csrf"] = "a" * 32
    answer = page.post(path, body, content_type="application/json", headers={"X-CSRFToken": "a" * 32})
    assert answer.status_code == 200


def test_a_locked_page_session_reads_nothing(browser: Browse, ada: User) -> None:
    page = browser(ada)
    ada.sessions.update(locked_at=timezone.now())
    answer = page.get("/api/v1/me/")
    assert (answer.status_code, answer.json()["code"]) == (401, "session_locked")
