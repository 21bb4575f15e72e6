"""A temporary code and a reset for who lost the second factor; for an administrator both take two administrators."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone

from accounts.models import Session, User
from accounts.people import UserDraft, change_user, lock_user, set_password
from accounts.principal import principal_of_session
from audit.models import AuditEvent
from audit.record import Origin
from delivery.models import Delivery
from tenants.actor import system_actor
from tenants.models import Company, Role
from tenants.services.role import RoleDraft, change_role
from tests import cast
from tests.cast import Api
from tests.journeys.doors import Door, sign_in
from tests.journeys.stage import *  # noqa: F403
from tests.journeys.stage import PASSWORD, Post, Time, _server, configure  # noqa: F401
from tests.parallel import in_parallel
from twofactor.housekeeping import prune
from twofactor.models import Factor, FactorKind, FirstWord, RecoveryCode
from twofactor.report import judged, shut_out
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
    clock.forward(minutes=55)
    assert sign_in(door, BEN, PASSWORD).step == "code"
    clock.forward(minutes=5)
    assert door.take("code", code=code).refused
    # From then on he is, without any clock, who he was: somebody without a way, and nobody asks him for a code that he has not.
    assert sign_in(door.stranger(), BEN, PASSWORD).step == "ended"
    assert not Factor.objects.filter(user=ben).exists()
    ben.refresh_from_db()
    assert ben.factor_kinds == ""


def test_a_used_one_is_asked_for_no_more(door: Door, ben: User, ada: User) -> None:
    configure(TwoFactor__Policy="required", TwoFactor__EmailField="none")
    code = ask(ada, ben).json()["code"]
    assert sign_in(door, BEN, PASSWORD).step == "code"
    assert door.take("code", code=code).step == "done"
    assert sign_in(door.stranger(), BEN, PASSWORD).step == "enrol"
    ask(ada, ben)
    prune(now=timezone.now() + timedelta(hours=1))
    assert not Factor.objects.filter(user=ben).exists()


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
    given = AuditEvent.objects.get(event="twofactor:second:given")
    assert (given.actor_name, given.details["first"]) == ("ora@acme.example", "eve@acme.example")
    # The words are used up: the next one begins anew.
    turn_on(ada)
    assert ask(ora, ada, verb).json()["code"] == "second_needed"


def test_the_page_says_that_the_word_is_kept_and_who_waits_for_whom(
    ada: User, eve: User, ora: User, clock: Time
) -> None:
    turn_on(ada)
    clock.forward(days=2)
    path = reverse("admin:accounts_user_turn_off_factors", args=[ada.pk])
    said = cast.browser(eve).post(path, {"reason": WHY}, follow=True).content.decode()
    assert "your word is kept" in said
    assert "Please correct" not in said
    seen = cast.browser(ora).get(reverse("admin:accounts_user_change", args=[ada.pk])).content.decode()
    assert "eve@acme.example wants: Turn off every second factor" in seen
    clock.forward(minutes=30)
    seen = cast.browser(ora).get(reverse("admin:accounts_user_change", args=[ada.pk])).content.decode()
    assert "wants:" not in seen


def test_a_used_code_leaves_nothing_behind_at_once(door: Door, ben: User, ada: User) -> None:
    turn_on(ben)
    code = ask(ada, ben).json()["code"]
    sign_in(door, BEN, PASSWORD)
    door.take("method", method="recovery")
    assert door.take("code", code=code).step == "done"
    ben.refresh_from_db()
    assert ben.factor_kinds == ",email,"


def test_the_first_word_waits_for_half_an_hour(ada: User, eve: User, ora: User, clock: Time) -> None:
    clock.forward(days=1, minutes=1)
    ask(eve, ada)
    clock.forward(minutes=30)
    assert ask(ora, ada).json()["code"] == "second_needed"
    assert FirstWord.objects.get().by == ora
    prune(now=timezone.now() + timedelta(minutes=31))
    assert not FirstWord.objects.exists()


def test_a_word_for_one_thing_is_none_for_another(ada: User, eve: User, ora: User, clock: Time) -> None:
    turn_on(ada)
    clock.forward(days=1, minutes=1)
    ask(eve, ada, "reset-factors")
    assert ask(ora, ada).json()["code"] == "second_needed"


def test_the_second_is_none_whom_the_first_made_or_renamed_meanwhile(
    ada: User, eve: User, ora: User, acme: Company, clock: Time
) -> None:
    clock.forward(days=1, minutes=1)
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
    clock.forward(days=1, minutes=1)
    ask(eve, ada)
    lock_user(eve, reason="gone", by=cast.acting(root), now=timezone.now())
    assert ask(ora, ada).json()["code"] == "second_needed"


def test_nor_the_word_of_one_who_may_do_less_meanwhile(
    ada: User, eve: User, ora: User, root: User, clock: Time
) -> None:
    clock.forward(days=1, minutes=1)
    ask(eve, ada)
    eve.roles.set([Role.objects.get(name=cast.MEMBER, company=None)])
    assert ask(ora, ada).json()["code"] == "second_needed"
    assert FirstWord.objects.get().by == ora


def test_a_new_account_says_no_first_word_either(ada: User, eve: User) -> None:
    assert ask(eve, ada).json()["code"] == "account_too_new"
    assert not FirstWord.objects.exists()


def test_an_old_account_that_was_raised_meanwhile_is_no_second_one(
    ada: User, ben: User, eve: User, root: User, clock: Time
) -> None:
    clock.forward(days=9)
    ask(eve, ada)
    raised = change_user(ben, UserDraft(roles=list(eve.roles.all())), by=cast.acting(root), now=clock())
    assert isinstance(raised, User)
    assert ask(ben, ada).json()["code"] == "account_too_new"
    clock.forward(days=1)
    ask(eve, ada)
    clock.forward(minutes=1)
    assert ask(ben, ada).status_code == 201


def test_nor_one_whose_role_was_raised(ada: User, ben: User, eve: User, root: User, clock: Time) -> None:
    clock.forward(days=9)
    role = Role.objects.create(name="Desk", company=ada.company, rank=1)
    ben.roles.set([role])
    privileges = list(eve.roles.get().privileges.all())
    changed = change_role(role, RoleDraft(privileges=privileges, rank=50), by=cast.acting(root), now=clock())
    assert isinstance(changed, Role), changed
    ben.refresh_from_db()
    assert ben.admin_changed_at == clock()


def test_taking_the_role_away_for_a_moment_leaves_nobody_alone_with_the_account(
    door: Door, ada: User, eve: User, ora: User, root: User, clock: Time
) -> None:
    turn_on(ada)
    clock.forward(days=9)
    roles, member = list(ada.roles.all()), Role.objects.get(name=cast.MEMBER, company=None)
    change_user(ada, UserDraft(roles=[member]), by=cast.acting(root), now=clock())
    for verb in ("temporary-code", "reset-factors"):
        assert ask(eve, ada, verb).json()["code"] == "second_needed"
    clock.forward(days=1, minutes=1)
    code = ask(eve, ada).json()["code"]  # nobody's administrator any more
    change_user(ada, UserDraft(roles=roles), by=cast.acting(root), now=clock())
    sign_in(door, ADA, PASSWORD)
    door.take("method", method="recovery")
    assert door.take("code", code=code).refused  # made when it took one, and now it takes two


def test_an_address_that_another_one_gave_an_administrator_is_no_second_factor(
    door: Door, ada: User, root: User, post: Post, clock: Time
) -> None:
    configure(TwoFactor__Policy="required")
    sign_in(door, ADA, PASSWORD)
    assert door.take("code", code=post.code(ADA)).step == "done"
    door.leave()
    clock.forward(days=9)
    mine = UserDraft(email="eve@evil.example")
    assert isinstance(change_user(ada, mine, by=cast.acting(root), now=clock()), User)
    set_password(ada, "somebody else's words 9", must_change=False, by=cast.acting(root), now=clock())
    for behaviour in ("enrol", "allow"):
        configure(TwoFactor__NoVerifiedContactBehaviour=behaviour)
        said = sign_in(door.stranger(), "eve@evil.example", "somebody else's words 9")
        assert said.step == "ended", behaviour
    assert list(shut_out(User.objects.all(), company=ada.company, policy="required")) == [ada]
    assert judged([User.objects.get(pk=ada.pk)], policy="required")
    # A reset, which takes two, lets her begin anew.
    assert turn_off_factors(ada, reason=WHY, by=system_actor(), now=clock()) is None
    configure(TwoFactor__NoVerifiedContactBehaviour="enrol")
    assert sign_in(door.stranger(), "eve@evil.example", "somebody else's words 9").step == "enrol"


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
