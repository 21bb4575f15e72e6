"""The first page counts what concerns its reader."""

from datetime import timedelta

from django.test import override_settings
from django.utils import timezone

from accounts.models import User
from audit.events import Event
from audit.record import Origin, record
from core.db import unit
from delivery.models import Delivery, State
from tenants.models import Company
from tests.admin.test_cobrowse_sessions import one_of
from tests.cast import Browse
from tests.cast import browser as signed_in
from tests.cobrowse.story import OTHER, TOKEN, application


def _cards(browser: Browse, user: User) -> dict[str, int]:
    return {str(card.label): card.value for card in browser(user).get("/admin/").context["cards"]}


def _something_happens(company: Company, user: User) -> None:
    now = timezone.now()
    with unit():
        for event, at in (
            (Event.LOGIN_SUCCEEDED, now),
            (Event.LOGIN_PASSWORD_REFUSED, now),
            (Event.LOGIN_SUCCEEDED, now),
        ):
            record(event, origin=Origin(actor=user), at=at, company_id=company.pk, subject=user)
    for state in (State.QUEUED, State.FAILED, State.SENT):
        Delivery.objects.create(
            kind="email", to=user.email, template="code", language="en", company_id=company.pk, state=state,
            next_try_at=now, expires_at=now + timedelta(hours=1), created_at=now,
        )  # fmt: skip
    User.objects.filter(pk=user.pk).update(locked_at=now)
    one_of(company)


def test_the_numbers_are_those_of_ones_own_companies(
    browser: Browse, root: User, ada: User, ben: User, cleo: User, acme: Company, globex: Company
) -> None:
    with unit():
        yesterday = timezone.now() - timedelta(days=1)
        record(Event.LOGIN_SUCCEEDED, origin=Origin(actor=ben), at=yesterday, company_id=acme.pk, subject=ben)
    _something_happens(acme, ben)
    _something_happens(globex, cleo)
    signed_in(ben)
    expected = {
        "Lost second factors": 0,
        "People asking for help": 0,
        "Sign-ins today": 2,
        "Failures today": 1,
        "People locked": 1,
        "Messages waiting": 1,
        "Messages failed": 1,
        "Co-browse sessions": 1,
    }
    assert _cards(browser, ada) == expected | {"Live sessions": 2}
    assert _cards(browser, root) == {name: 2 * number for name, number in expected.items()} | {
        "Live sessions": 3,
        "Directories": 0,
    }


def test_each_card_leads_to_what_it_counts(browser: Browse, ada: User, ben: User, acme: Company) -> None:
    _something_happens(acme, ben)
    page = browser(ada)
    for card in page.get("/admin/").context["cards"]:
        answer = page.get(card.url)
        assert answer.status_code == 200, card.url
        assert answer.context["cl"].result_count == card.value, card.label


def test_failed_messages_and_a_missing_mail_server_are_warned_about(
    browser: Browse, ada: User, ben: User, acme: Company
) -> None:
    def sentences() -> str:
        return " ".join(str(one.sentence) for one in browser(ada).get("/admin/").context["warnings"])

    assert "No mail server is configured" in sentences()
    assert "could not be delivered" not in sentences()
    _something_happens(acme, ben)
    assert "could not be delivered" in sentences()
    with override_settings(EMAIL_URL="smtp://mail.example"):
        assert "No mail server" not in sentences()
    with override_settings(DEMO=True):
        assert "This is a demo" in sentences()


def test_messages_that_nobody_sends_are_warned_of(
    browser: Browse, ada: User, cleo: User, acme: Company
) -> None:
    now = timezone.now()
    waiting = Delivery.objects.create(
        kind="email", to=ada.email, template="code", language="en", company_id=acme.pk, state=State.QUEUED,
        next_try_at=now - timedelta(seconds=50), expires_at=now + timedelta(hours=1), created_at=now,
    )  # fmt: skip
    assert b"nobody sends them" not in browser(ada).get("/admin/").content
    Delivery.objects.filter(pk=waiting.pk).update(next_try_at=now - timedelta(seconds=61))
    assert b"nobody sends them" in browser(ada).get("/admin/").content
    assert b"nobody sends them" not in browser(cleo).get("/admin/").content


def test_where_agents_do_not_authenticate_and_where_tokens_do_not_fit_is_told_of_the_companies_in_reach(
    browser: Browse, root: User, ada: User, ben: User, cleo: User, acme: Company, globex: Company
) -> None:
    def told(user: User) -> list[tuple[str, str]]:
        warnings = browser(user).get("/admin/").context["warnings"]
        return [(str(one.sentence), one.url) for one in warnings if "cobrowse" in one.url]

    assert told(root) == []
    application(acme, "cluster")
    ((sentence, url),) = told(ada)
    assert sentence.startswith("Agent authentication is off for 1 company: any desktop may work")
    assert "Cobrowse.RefuseWhenTokenUnset" in sentence
    assert told(cleo) == []
    application(globex, "cluster", token=TOKEN)
    application(globex, "workspace", token=OTHER)
    ((sentence, url),) = told(cleo)
    assert sentence == "The agent tokens of 1 company do not fit each other."
    assert len(told(root)) == 2
    shown = browser(root).get(url).context["cl"].result_list
    assert {one.company for one in shown} == {globex}
    application(acme, "workspace", token=TOKEN)
    assert [one.split()[0] for one, _url in told(ada)] == ["Agent", "The"]
    application(acme, "cluster", token=TOKEN)
    assert told(ada) == []
