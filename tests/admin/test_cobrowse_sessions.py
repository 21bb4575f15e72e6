"""The pages of co-browse sessions: who looks at whose page, without the digits that let one in, and the way to end it."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import User
from audit.events import Event
from audit.models import AuditEvent
from cobrowse.models import AgentToken, CobrowseSession, Page, Participant
from tenants.models import Company
from tests.accounts.story import signed_in
from tests.cast import AGENT, Browse, person

pytestmark = pytest.mark.django_db
LIST = "/admin/cobrowse/cobrowsesession/"
_numbers = iter(range(100_000_000, 999_999_999))


@pytest.fixture
def ada_s(browser: Browse, ada: User) -> Client:
    return browser(ada)


def one_of(company: Company, *, began: datetime | None = None, **more: Any) -> CobrowseSession:
    """A session that is active, unless it says otherwise."""
    now = timezone.now()
    number = str(next(_numbers))
    usual = {
        "token": number, "code": number[-6:], "state": "active", "origin": "https://shop.acme.example", "agent_name": "Ben",
        "created_at": began or now, "updated_at": now, "activated_at": began or now, "expires_at": now + timedelta(minutes=20),
        "customer_seen_at": now, "agent_seen_at": now,
    }  # fmt: skip
    return CobrowseSession.objects.create(company=company, **(usual | more))


def waiting(company: Company, **more: Any) -> CobrowseSession:
    return one_of(
        company, **({"state": "idle", "activated_at": None, "agent_name": "", "agent_seen_at": None} | more)
    )


def ended(company: Company, **more: Any) -> CobrowseSession:
    return one_of(
        company, **({"state": "ended", "ended_at": timezone.now(), "ended_reason": "customer-left"} | more)
    )


def rows(client: Client, query: str = "") -> list[int]:
    return [one.pk for one in client.get(f"{LIST}?{query}").context["cl"].result_list]


def page(client: Client, found: CobrowseSession) -> str:
    answer = client.get(f"{LIST}{found.pk}/change/")
    assert answer.status_code == 200, answer.status_code
    return answer.content.decode()


def test_live_ones_are_listed_newest_first_and_others_when_asked_for(
    ada_s: Client, acme: Company, globex: Company
) -> None:
    over, waits, runs = ended(acme), waiting(acme), one_of(acme)
    one_of(globex)
    assert rows(ada_s) == [runs.pk, waits.pk]
    assert rows(ada_s, "state=waiting") == [waits.pk]
    assert rows(ada_s, "state=active") == [runs.pk]
    assert rows(ada_s, "state=ended") == [over.pk]
    assert rows(ada_s, "state=all") == [runs.pk, waits.pk, over.pk]


def test_what_is_over_by_itself_is_not_shown_as_live(ada_s: Client, acme: Company) -> None:
    now = timezone.now()
    unanswered = waiting(acme, expires_at=now - timedelta(seconds=1))
    silent = one_of(acme, customer_seen_at=now - timedelta(minutes=6))
    assert rows(ada_s) == [silent.pk]
    shown = ada_s.get(LIST).content.decode()
    assert "one side was silent for too long" in shown
    assert ">Active</span>" not in shown
    # A list writes nothing; the page of one puts the books in order.
    assert CobrowseSession.objects.filter(ended_at=None).count() == 2
    for found, reason in (
        (unanswered, "nobody joined in time"),
        (silent, "one side was silent for too long"),
    ):
        shown = page(ada_s, found)
        assert reason in shown
        assert f"{found.pk}/end/" not in shown
    assert not CobrowseSession.objects.filter(ended_at=None).exists()


def test_the_digits_are_on_no_page(ada_s: Client, acme: Company) -> None:
    found = waiting(acme, token="987651234", code="432187")
    for shown in (
        page(ada_s, found),
        ada_s.get(LIST).content.decode(),
        ada_s.get(f"{LIST}{found.pk}/end/").content.decode(),
    ):
        assert "987651234" not in shown
        assert "432187" not in shown
        assert "987 651 234" not in shown


def test_its_page_tells_who_was_in_it_what_was_seen_and_what_tokens_there_are(
    ada_s: Client, ada: User, ben: User, acme: Company
) -> None:
    now = timezone.now().replace(microsecond=0)
    began = now - timedelta(minutes=3)
    found = one_of(acme, began=began, custom_data={"cart": "<b>7</b>", "vip": True})
    for number, role, name in ((1, 1, "Carol"), (2, 2, "Ben")):
        Participant.objects.create(
            session=found, number=number, role=role, name=name, fingerprint=f"print{number}", joined_at=began
        )
    Page.objects.create(session=found, url="https://shop.acme.example/", entered_at=began)
    Page.objects.create(
        session=found, url="https://shop.acme.example/cart<x>", entered_at=began + timedelta(seconds=65)
    )
    AgentToken.objects.create(
        session=found, sign_in=signed_in(ben), right="point", under="secretprint", created_at=now, expires_at=now + timedelta(hours=1)
    )  # fmt: skip
    shown = page(ada_s, found)
    for text in ("Carol", "customer", "0:01:05", "/cart&lt;x&gt;", "look and point", "&lt;b&gt;7&lt;/b&gt;"):
        assert text in shown, text
    for text in ("print1", "secretprint", "<b>7</b>", "cart<x>"):
        assert text not in shown, text
    assert f"subject={found.uid}" in shown  # the way to what happened


def test_ada_ends_one_and_it_is_written_down(ada_s: Client, ada: User, acme: Company) -> None:
    found = one_of(acme)
    assert ada_s.post(f"{LIST}{found.pk}/end/").status_code == 302
    found.refresh_from_db()
    assert (found.state, found.ended_reason) == ("ended", "administrator")
    event = AuditEvent.objects.get(event=Event.COBROWSE_ENDED)
    assert (event.actor_name, event.details) == (str(ada), {"reason": "administrator"})
    assert "has ended" in ada_s.post(f"{LIST}{found.pk}/end/").content.decode()  # once is once


def test_one_that_lapsed_is_not_ended_by_anybody(ada_s: Client, acme: Company) -> None:
    found = one_of(acme, agent_seen_at=timezone.now() - timedelta(minutes=6))
    assert ada_s.post(f"{LIST}{found.pk}/end/").status_code == 200
    found.refresh_from_db()
    assert found.ended_reason == "silent"


def test_several_are_ended_at_once(ada_s: Client, acme: Company) -> None:
    found = [one_of(acme), waiting(acme)]
    body = {"action": "end", "_selected_action": [one.pk for one in found], "confirmed": "1"}
    assert ada_s.post(LIST, body).status_code == 302
    assert not CobrowseSession.objects.filter(ended_at=None).exists()


def test_nothing_else_can_be_done_to_one(ada_s: Client, acme: Company) -> None:
    found = one_of(acme)
    assert ada_s.post(f"{LIST}{found.pk}/change/", {"state": "ended"}).status_code == 404
    assert ada_s.post(f"{LIST}{found.pk}/delete/").status_code == 404
    assert ada_s.get(f"{LIST}add/").status_code == 404


def test_another_companys_does_not_exist_and_an_agent_opens_no_administration(
    browser: Browse, ada_s: Client, acme: Company, globex: Company
) -> None:
    theirs = one_of(globex)
    assert ada_s.get(f"{LIST}{theirs.pk}/change/").status_code == 404
    assert ada_s.post(f"{LIST}{theirs.pk}/end/").status_code == 404
    agent = person("bea@acme.example", company=acme, role=AGENT)
    assert browser(agent).post(f"{LIST}{one_of(acme).pk}/end/").status_code == 404
    assert CobrowseSession.objects.filter(ended_at=None).count() == 2


def test_a_thousand_live_ones_are_listed_by_a_fixed_number_of_statements(
    ada_s: Client, ada: User, acme: Company
) -> None:
    counts = []
    for many in (10, 990):
        for _number in range(many):
            one_of(acme, agent=ada, sign_in_uid=signed_in(ada).uid if many == 10 else None)
        ada_s.get(LIST)
        with CaptureQueriesContext(connection) as asked:
            answer = ada_s.get(LIST)
        assert answer.context["cl"].result_count == CobrowseSession.objects.count()
        counts.append(len([one for one in asked if 'SELECT "core_epoch"' not in one["sql"]]))
    assert counts[0] == counts[1]
    assert counts[0] <= 8
