"""The trail is found, filtered and exported."""

import csv
import io
import json

import pytest
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from audit.events import Event
from audit.models import AuditEvent
from audit.record import Origin, record
from core.db import unit
from tenants.models import Company
from tests.cast import Browse

LIST = "admin:audit_auditevent_changelist"


@pytest.fixture
def rows(acme: Company, ben: User) -> None:
    """A few events of Ben's."""
    now = timezone.now()
    with unit():
        for event in (Event.LOGIN_SUCCEEDED, Event.LOGIN_PASSWORD_REFUSED, Event.LOGIN_CODE_REFUSED):
            record(
                event,
                origin=Origin(actor=ben, address="203.0.113.7"),
                at=now,
                company_id=acme.pk,
                subject=ben,
                note="=1+1",
            )


def _events(browser: Browse, user: User, **query: object) -> set[str]:
    return {row.event for row in browser(user).get(reverse(LIST), query).context["cl"].result_list}


def test_events_are_found_by_name_event_address_and_id(
    browser: Browse, ada: User, ben: User, rows: None
) -> None:
    three = {Event.LOGIN_SUCCEEDED, Event.LOGIN_PASSWORD_REFUSED, Event.LOGIN_CODE_REFUSED}
    assert _events(browser, ada, q="ben@") == three
    assert _events(browser, ada, q="203.0.113.7") == three
    assert _events(browser, ada, q=str(ben.uid)) == three
    assert _events(browser, ada, q="login:code") == {Event.LOGIN_CODE_REFUSED}
    assert _events(browser, ada, q="nobody") == set()


def test_events_are_filtered_by_group_event_and_time(browser: Browse, ada: User, rows: None) -> None:
    assert _events(browser, ada, group="failures") == {Event.LOGIN_PASSWORD_REFUSED, Event.LOGIN_CODE_REFUSED}
    assert _events(browser, ada, event__exact=Event.LOGIN_SUCCEEDED) == {Event.LOGIN_SUCCEEDED}
    assert _events(browser, ada, at__lt="2001-01-01 00:00:00+00:00") == set()


def test_the_export_holds_what_the_list_shows(browser: Browse, ada: User, rows: None) -> None:
    page = browser(ada)
    answer = page.get(reverse("admin:audit_auditevent_csv"), {"group": "failures"})
    assert answer.headers["Content-Disposition"].startswith('attachment; filename="audit-')
    found = list(csv.DictReader(io.StringIO(answer.getvalue().decode())))
    assert [row["event"] for row in found] == [Event.LOGIN_CODE_REFUSED, Event.LOGIN_PASSWORD_REFUSED]
    parsed = json.loads(page.get(reverse("admin:audit_auditevent_json"), {"group": "failures"}).getvalue())
    assert [row["event"] for row in parsed] == [row["event"] for row in found]
    assert parsed[0]["details"] == {"note": "=1+1"}


def test_no_cell_of_the_export_begins_like_a_formula(browser: Browse, ada: User, acme: Company) -> None:
    with unit():
        mallory = User(username="=HYPERLINK(1)", company=acme)
        record(Event.USER_CREATED, origin=Origin(), at=timezone.now(), company_id=acme.pk, subject=mallory)
    text = browser(ada).get(reverse("admin:audit_auditevent_csv")).getvalue().decode()
    found = list(csv.DictReader(io.StringIO(text)))
    assert "'=HYPERLINK(1)" in [row["subject_name"] for row in found]
    assert not any(cell[:1] in {"=", "+", "@"} for row in found for cell in row.values())


def test_a_long_export_is_whole(browser: Browse, ada: User, acme: Company) -> None:
    now = timezone.now()
    with unit():
        for _index in range(2_100):
            record(Event.LOGIN_CODE_SENT, origin=Origin(), at=now, company_id=acme.pk)
    parsed = json.loads(
        browser(ada)
        .get(reverse("admin:audit_auditevent_json"), {"event__exact": Event.LOGIN_CODE_SENT})
        .getvalue()
    )
    assert (
        len({row["id"] for row in parsed})
        == AuditEvent.objects.filter(event=Event.LOGIN_CODE_SENT).count()
        == 2_100
    )


def test_who_may_not_read_the_trail_exports_nothing(browser: Browse, ada: User) -> None:
    from core import epoch
    from tenants.models import Privilege, Role

    role = Role.objects.get(name="Company Administrator")
    role.privileges.remove(Privilege.objects.get(name="Audit - View"))
    with unit():
        epoch.bump()
    page = browser(ada)
    for name in ("changelist", "csv", "json"):
        assert page.get(reverse(f"admin:audit_auditevent_{name}")).status_code == 403
