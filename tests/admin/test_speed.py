"""Lists ask a fixed number of questions, however many rows they show, and count no further than a bound."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts.models import SessionKind, User
from accounts.sessions import Client, start_session
from audit.events import Event
from audit.record import Origin, record
from core.admin_lists import AtLeast, BoundedPaginator
from core.db import unit
from delivery.models import Delivery
from tenants.models import Company, Permission, Role
from tests.admin.test_cobrowse_sessions import one_of
from tests.cast import AGENT, Browse, person
from tests.cobrowse.story import TOKEN, application

LISTS = (
    "accounts_user",
    "accounts_session",
    "tenants_role",
    "tenants_permission",
    "tenants_company",
    "audit_auditevent",
    "delivery_delivery",
    "cobrowse_application",
    "cobrowse_cobrowsesession",
)


def _more(number: int) -> None:
    now, client = timezone.now(), Client(address="127.0.0.1", user_agent="Test/1.0")
    for index in range(number):
        name = f"{Company.objects.count()}-{index}"
        company = Company.objects.create(name=f"Company {name}")
        user = person(f"agent{name}@example.com", company=company, role=AGENT)
        start_session(user, kind=SessionKind.PAGE, methods=["pwd"], client=client, browser=None, now=now)
        role = Role.objects.create(name="Desk", company=company, rank=3)
        Permission.objects.create(role=role, kind="user", reach="one", company=company)
        with unit():
            record(Event.USER_CREATED, origin=Origin(actor=user), at=now, company_id=company.pk, subject=user)
        Delivery.objects.create(
            kind="email", to=user.email, template="code", language="en", company_id=company.pk, next_try_at=now,
            expires_at=now + timedelta(hours=1), created_at=now,
        )  # fmt: skip
        application(company, "cluster", token=TOKEN)
        one_of(company)


def _questions(asked: CaptureQueriesContext) -> int:
    # The version row is read by a thread, four times a second; here it is asked for at every use.
    return len([one for one in asked if 'SELECT "core_epoch"' not in one["sql"]])


@pytest.mark.parametrize("name", LISTS)
def test_a_longer_list_asks_no_more_questions(name: str, browser: Browse, root: User) -> None:
    page, address = browser(root), reverse(f"admin:{name}_changelist")
    counts = []
    for _round in range(2):
        _more(6)
        page.get(address)
        with CaptureQueriesContext(
            connection,
        ) as asked:
            assert page.get(address).status_code == 200
        counts.append(_questions(asked))
    assert counts[0] == counts[1]
    assert counts[0] <= 16


@pytest.mark.parametrize("name", ["accounts_user", "tenants_role"])
def test_a_page_with_longer_panels_asks_no_more_questions(
    name: str, browser: Browse, root: User, ada: User
) -> None:
    page = browser(root)
    obj = ada if name == "accounts_user" else ada.roles.get()
    counts = []
    for _round in range(2):
        for index in range(4):
            other = Company.objects.create(name=f"Other {Company.objects.count()} {index}")
            Permission.objects.create(
                **{"user" if name == "accounts_user" else "role": obj},
                kind="user",
                reach="one",
                company=other,
            )
            start_session(
                ada, kind=SessionKind.PAGE, methods=["pwd"], client=Client(address="127.0.0.1", user_agent="Test/1.0"),
                browser=None, now=timezone.now(),
            )  # fmt: skip
        address = reverse(f"admin:{name}_change", args=[obj.pk])
        page.get(address)
        with CaptureQueriesContext(connection) as asked:
            assert page.get(address).status_code == 200
        counts.append(len(asked))
    assert counts[0] == counts[1]
    assert counts[0] <= 29


def test_the_dashboard_asks_few_questions(browser: Browse, root: User) -> None:
    page = browser(root)
    page.get("/admin/")
    with CaptureQueriesContext(connection) as asked:
        assert page.get("/admin/").status_code == 200
    assert _questions(asked) <= 18


def test_a_count_stops_at_its_bound(
    monkeypatch: pytest.MonkeyPatch, root: User, ada: User, ben: User
) -> None:
    monkeypatch.setattr("core.admin_lists.COUNTED", 2)
    count = BoundedPaginator(User.objects.order_by("pk"), 1).count
    assert (count, str(count)) == (2, "2+")
    assert str(AtLeast(10_000)) == "10,000+"
    monkeypatch.setattr("core.admin_lists.COUNTED", 3)
    assert str(BoundedPaginator(User.objects.order_by("pk"), 1).count) == "3"


def test_a_search_asks_for_a_beginning_which_an_index_answers(browser: Browse, root: User, ada: User) -> None:
    page = browser(root)
    with CaptureQueriesContext(connection) as asked:
        answer = page.get(reverse("admin:accounts_user_changelist"), {"q": "ADA"})
    assert [one.username for one in answer.context["cl"].result_list] == ["ada@acme.example"]
    assert not any("LIKE" in one["sql"] for one in asked if connection.vendor == "sqlite")
