"""A temporary code and a reset for who lost the second factor; for an administrator both take two administrators."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone

from accounts.models import Session, User
from accounts.people import lock_user
from accounts.principal import principal_of_session
from audit.models import AuditEvent
from audit.record import Origin
from delivery.models import Delivery
from tenants.actor import system_actor
from tenants.models import Company
from tests import cast
from tests.cast import Api
from tests.journeys.doors import Door, sign_in
from tests.journeys.stage import *  # noqa: F403
from tests.journeys.stage import PASSWORD, Time, _server, configure  # noqa: F401
from tests.parallel import in_parallel
from twofactor.housekeeping import prune
from twofactor.models import Factor, FactorKind, FirstWord, RecoveryCode
from twofactor.services.administered import TemporaryCode, make_temporary_code, turn_off_factors
from twofactor.services.factors import add_factor

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db]
ADA, BEN = "ada@acme.example", "ben@acme.example"
WHY = "came by with the passport"


@pytest.fixture
def eve(acme: Company, clock: Time) -> User:
    """Another administrator of Acme."""
    return cast.person("eve@acme.example", company=acme, role=cast.COMPANY_ADMINISTRATOR)


@pytest.fixture
def ora(acme: Company, clock: Time) -> User:
    """A third one."""
    return cast.person("ora@acme.example", company=acme, role=cast.COMPANY_ADMINISTRATOR)


def ask(by: User, user: User, verb: str = "temporary-code") -> Any:
    return Api(by).post(f"users/{user.uid}/{verb}/", {"reason": WHY})


def turn_on(user: User) -> None:
    add_factor(user, kind=FactorKind.EMAIL, origin=Origin(actor=user), now=timezone.now())
    user.refresh_from_db()


# --- a temporary code


def test_a_temporary_code_stands_for_the_second_factor_once(door: Door, ben: User, ada: User) -> None:
    turn_on(ben)
    made = ask(ada, ben)
    assert made.status_code == 201, made.content
    code = made.json()["code"]
    assert sign_in(door, BEN, PASSWORD).step == "method"
    assert door.take("method", method="recovery").step == "code"
    assert door.take("code", code=code.lower().replace("-", " ")).step == "done"
    again = door.stranger()
    sign_in(again, BEN, PASSWORD)
    again.take("method", method="recovery")
    said = again.take("code", code=code)
    assert said.refused
    assert not again.is_in()
    told = [one.context.get("sentence", "") for one in Delivery.objects.filter(template="notice")]
    assert any("stands for your second factor once" in one for one in told)
    assert not any(code in str(one) for one in [*told, *AuditEvent.objects.values_list("details", flat=True)])
    assert AuditEvent.objects.get(event="twofactor:temporarycode:made").details["reason"] == WHY


def test_it_is_good_for_an_hour_and_leaves_nothing_behind(
    door: Door, ben: User, ada: User, clock: Time
) -> None:
    configure(
        TwoFactor__Policy="required", TwoFactor__EmailField="none", TwoFactor__CodeGeneration="internal"
    )
    code = ask(ada, ben).json()["code"]
    clock.forward(minutes=60)
    assert sign_in(door, BEN, PASSWORD).step == "code"
    assert door.take("code", code=code).refused
    prune(now=timezone.now())
    assert not Factor.objects.filter(user=ben).exists()
    ben.refresh_from_db()
    assert ben.factor_kinds == ""


def test_another_one_takes_the_place_of_the_first_and_the_paper_stays(ben: User, ada: User) -> None:
    turn_on(ben)
    paper = Factor.objects.create(
        user=ben, kind="recovery", created_at=timezone.now(), confirmed_at=timezone.now()
    )
    RecoveryCode.objects.create(factor=paper, selector="abcd", hash="!")
    assert [ask(ada, ben).status_code for _time in range(2)] == [201, 201]
    assert paper.codes.filter(expires_at=None).count() == 1
    assert paper.codes.exclude(expires_at=None).count() == 1
    prune(now=timezone.now() + timedelta(hours=2))
    assert paper.codes.count() == 1


def test_by_page_it_is_shown_once(ben: User, ada: User) -> None:
    path = reverse("admin:accounts_user_temporary_code", args=[ben.pk])
    browser = cast.browser(ada)
    found = re.search(r'name="seen" value="(\d+)"', browser.get(path).content.decode())
    assert found
    seen = found[1]
    shown = browser.post(path, {"reason": WHY, "seen": seen}).content.decode()
    assert "shown now and never again" in shown
    assert (
        "made after this page was opened"
        in browser.post(path, {"reason": WHY, "seen": seen}).content.decode()
    )
    assert RecoveryCode.objects.count() == 1


def test_nobody_makes_one_for_himself_nor_elsewhere_nor_above(
    ada: User, ben: User, cleo: User, root: User
) -> None:
    assert ask(ada, ada).json()["code"] == "own_account"
    assert ask(ada, cleo).status_code == 404
    assert ask(ada, root).status_code == 404
    assert ask(ben, ada).status_code in {403, 404}
    assert not RecoveryCode.objects.exists()


def test_no_program_makes_one(ben: User, ada: User) -> None:
    there = Api(ada)
    Session.objects.filter(pk=there.session.pk).update(confirmed_at=timezone.now() - timedelta(hours=1))
    found = there.post(f"users/{ben.uid}/temporary-code/", {"reason": WHY})
    assert found.json()["code"] == "confirm_first"
    made = make_temporary_code(ben, reason=WHY, by=cast.acting(ada), now=timezone.now())
    assert getattr(made, "code", "") == "confirm_first"
    assert not RecoveryCode.objects.exists()


def test_what_the_person_is_at_goes_on(door: Door, ben: User, ada: User) -> None:
    turn_on(ben)
    assert sign_in(door, BEN, PASSWORD).step == "code"
    code = ask(ada, ben).json()["code"]
    door.take("method", method="recovery")
    assert door.take("code", code=code).step == "done"


# --- two of them


@pytest.mark.parametrize(("verb", "done"), [("temporary-code", 201), ("reset-factors", 204)])
def test_for_an_administrator_it_takes_two(
    verb: str, done: int, ada: User, eve: User, ora: User, clock: Time
) -> None:
    turn_on(ada)
    clock.forward(days=1, minutes=1)
    for _time in range(2):
        first = ask(eve, ada, verb)
        assert (first.status_code, first.json()["code"]) == (409, "second_needed")
        clock.forward(seconds=5)
    assert Factor.objects.filter(user=ada, kind="email").exists()
    assert not RecoveryCode.objects.exists()
    assert ask(ora, ada, verb).status_code == done
    assert not FirstWord.objects.exists()
    # The words are used up: the next one begins anew.
    turn_on(ada)
    assert ask(ora, ada, verb).json()["code"] == "second_needed"


def test_the_first_word_waits_for_half_an_hour(ada: User, eve: User, ora: User, clock: Time) -> None:
    clock.forward(minutes=1)
    ask(eve, ada)
    clock.forward(minutes=30)
    assert ask(ora, ada).json()["code"] == "second_needed"
    assert FirstWord.objects.get().by == ora
    prune(now=timezone.now() + timedelta(minutes=31))
    assert not FirstWord.objects.exists()


def test_a_word_for_one_thing_is_none_for_another(ada: User, eve: User, ora: User, clock: Time) -> None:
    turn_on(ada)
    clock.forward(minutes=1)
    ask(eve, ada, "reset-factors")
    assert ask(ora, ada).json()["code"] == "second_needed"


def test_the_second_is_none_whom_the_first_made_or_renamed_meanwhile(
    ada: User, eve: User, ora: User, acme: Company, clock: Time
) -> None:
    clock.forward(minutes=1)
    ask(eve, ada)
    clock.forward(minutes=1)
    puppet = cast.person("puppet@acme.example", company=acme, role=cast.COMPANY_ADMINISTRATOR)
    assert ask(puppet, ada).json()["code"] == "account_too_new"
    User.objects.filter(pk=ora.pk).update(password_changed_at=timezone.now())
    assert ask(ora, ada).json()["code"] == "account_too_new"
    assert not RecoveryCode.objects.exists()


def test_the_word_of_one_who_was_locked_meanwhile_counts_no_longer(
    ada: User, eve: User, ora: User, root: User, clock: Time
) -> None:
    clock.forward(minutes=1)
    ask(eve, ada)
    lock_user(eve, reason="gone", by=cast.acting(root), now=timezone.now())
    assert ask(ora, ada).json()["code"] == "second_needed"


def test_each_has_to_have_proved_it_recently(ada: User, eve: User) -> None:
    there = Api(eve)
    Session.objects.filter(pk=there.session.pk).update(confirmed_at=timezone.now() - timedelta(hours=1))
    found = there.post(f"users/{ada.uid}/temporary-code/", {"reason": WHY})
    assert found.json()["code"] == "confirm_first"
    assert not FirstWord.objects.exists()


def test_the_machine_itself_needs_nobody_beside_it(ada: User) -> None:
    turn_on(ada)
    assert turn_off_factors(ada, reason=WHY, by=system_actor(), now=timezone.now()) is None
    made = make_temporary_code(ada, reason=WHY, by=system_actor(), now=timezone.now())
    assert isinstance(made, TemporaryCode)


@pytest.mark.django_db(transaction=True)
def test_many_at_once_make_one_code(ben: User, ada: User) -> None:
    found: list[Any] = []
    principal = principal_of_session(str(Api(ada).session.uid))
    assert principal is not None
    by = principal.actor(address="")

    def make(_number: int) -> None:
        found.append(make_temporary_code(ben, reason=WHY, by=by, now=timezone.now()))

    in_parallel(4, make)
    assert sum(isinstance(one, TemporaryCode) for one in found) >= 1, found
    assert RecoveryCode.objects.count() == 1
