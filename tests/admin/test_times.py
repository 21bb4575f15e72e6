"""The administration writes every moment in one way, and says in which zone."""

import re
from datetime import UTC, datetime

import pytest
from django.urls import reverse

from accounts.models import User
from audit.events import Event
from audit.models import AuditEvent
from audit.record import Origin, record
from core.db import unit
from tenants.models import Company, SettingsRevision
from tests.cast import Browse

AT = datetime(2026, 3, 4, 2, 38, 5, 123456, tzinfo=UTC)


@pytest.mark.parametrize("language", ["en", "de"])
def test_lists_pages_and_panels_write_a_moment_in_one_way(
    browser: Browse, root: User, ben: User, acme: Company, language: str
) -> None:
    User.objects.filter(pk=ben.pk).update(last_login=AT, locked_at=AT, locked_reason="lost")
    SettingsRevision.objects.create(company=acme, number=1, at=AT)
    page = browser(root, headers={"Accept-Language": language})
    addresses = (
        reverse("admin:accounts_user_changelist"),
        reverse("admin:accounts_user_change", args=[ben.pk]),
        reverse("admin:tenants_settingsrevision_changelist"),
        reverse("admin:tenants_settingsrevision_company", args=[acme.pk]),
    )
    for address in addresses:
        text = page.get(address).content.decode()
        assert "2026-03-04 02:38 UTC" in text, address
        assert "<time" not in text, "the browser would write it in its own zone"
        assert not re.search(r"\d\d:\d\d(?!:| UTC)|[ap]\.m\.", text), address


def test_the_trail_shows_seconds_in_the_list_and_microseconds_on_the_page(
    browser: Browse, root: User, ben: User
) -> None:
    with unit():
        record(Event.USER_LOCKED, origin=Origin(), at=AT, company_id=ben.company_id, subject=ben)
    row = AuditEvent.objects.get()
    page = browser(root)
    assert (
        "2026-03-04 02:38:05 UTC" in page.get(reverse("admin:audit_auditevent_changelist")).content.decode()
    )
    detail = page.get(reverse("admin:audit_auditevent_change", args=[row.pk])).content.decode()
    assert "2026-03-04 02:38:05.123456 UTC" in detail
