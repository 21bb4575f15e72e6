"""The verbs on people: what each does, writes down and refuses, and that a refusal changes nothing."""

from typing import Any

import pytest
from django.contrib.auth.hashers import check_password

from accounts.companies import change_company
from accounts.models import Session, User
from accounts.names import Realm
from accounts.people import (
    UserDraft,
    change_user,
    create_user,
    delete_user,
    lock_user,
    set_password,
)
from audit.events import Event
from audit.models import AuditEvent
from core import epoch
from core.outcomes import Denied
from delivery.models import Delivery
from tenants.models import Company
from tenants.services import CompanyDraft
from tests import cast
from tests.accounts.story import GOOD, built_in, code, events, is_in, new, signed_in
from tests.cast import acting
from tests.conftest import Clock
from tests.parallel import in_parallel

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db]

# --- making ------------------------------------------------------------------------------------------------------------


def test_ada_makes_a_person_of_her_company(ada: User, acme: Company, clock: Clock) -> None:
    person = new(
        email=" New@Acme.example ", display_name="  New\tPerson ", company=acme, roles=[built_in("Agent")],
        phone="+49 30 1234567", language="de", must_change_password=True,
    )  # fmt: skip
    user = create_user(person, password=GOOD, by=acting(ada), now=clock())
    assert isinstance(user, User)
    user.refresh_from_db()
    assert (user.username, user.email, user.login_key) == (
        "New@Acme.example",
        "New@Acme.example",
        "new@acme.example",
    )
    assert (user.display_name, user.phone, user.language) == ("New Person", "+49301234567", "de")
    assert (user.realm, user.company, list(user.roles.all())) == (Realm.INTERNAL, acme, [built_in("Agent")])
    assert user.email_verified_at is None
    assert user.phone_verified_at is None
    assert user.must_change_password
    assert user.password_changed_at == clock()
    assert check_password(GOOD, user.password)
    assert user.password.startswith("argon2$argon2id$")
    assert [one.password for one in user.used_passwords.all()] == [user.password]
    row = AuditEvent.objects.get(event=Event.USER_CREATED)
    assert (row.actor_uid, row.subject_uid, row.company_id) == (str(ada.uid), str(user.uid), acme.pk)
    assert row.details == {"roles": ["Agent"]}
    assert GOOD not in str(vars(row))


@pytest.mark.parametrize(
    ("given", "refused", "field"),
    [
        ({"email": ""}, "invalid", "email"),
        ({"email": "no address"}, "invalid", "email"),
        ({"email": "аda@acme.example"}, "invalid", "email"),  # noqa: RUF001  (the first letter is Cyrillic)
        ({"email": "a" * 250 + "@acme.example"}, "invalid", "email"),
        ({"display_name": ""}, "invalid", "display_name"),
        ({"display_name": "\u200b \n"}, "invalid", "display_name"),
        ({"display_name": "x" * 121}, "invalid", "display_name"),
        ({"phone": "030 1234567"}, "invalid", "phone"),
        ({"phone": "+49"}, "invalid", "phone"),
        ({"phone": "+" + "9" * 100_000}, "invalid", "phone"),
        ({"phone": "tel:+4930<script>"}, "invalid", "phone"),
        ({"language": "tlh"}, "invalid", "language"),
        ({"language": "../../../etc"}, "invalid", "language"),
    ],
)
def test_what_does_not_fit_is_refused_for_new_and_known_people(
    ada: User, ben: User, acme: Company, clock: Clock, given: dict[str, Any], refused: str, field: str
) -> None:
    for result in (
        create_user(new(company=acme, **given), password=GOOD, by=acting(ada), now=clock()),
        change_user(ben, UserDraft(**given), by=acting(ada), now=clock()),
    ):
        assert isinstance(result, Denied)
        assert (result.code, result.field) == (refused, field)
        assert str(result.message)
    assert User.objects.count() == 2
    assert events() == []


@pytest.mark.parametrize("given", [{"email": "x@acme.example"}, {"display_name": "X"}, {}])
def test_a_person_needs_an_address_and_a_name(
    ada: User, acme: Company, clock: Clock, given: dict[str, Any]
) -> None:
    assert (
        code(create_user(UserDraft(company=acme, **given), password=GOOD, by=acting(ada), now=clock()))
        == "invalid"
    )


@pytest.mark.parametrize(
    "password", ["", "short", "x" * 129, "new@acme.example", "NEW@acme.example12", "1qaz2wsx3edc"]
)
def test_a_weak_password_is_refused(ada: User, acme: Company, clock: Clock, password: str) -> None:
    result = create_user(new(company=acme), password=password, by=acting(ada), now=clock())
    assert isinstance(result, Denied)
    assert (result.code, result.field) == ("password_rules", "new_password")
    assert not User.objects.filter(login_key="new@acme.example").exists()


def test_nobody_makes_people_without_the_privilege_or_outside_of_reach(
    ada: User, ben: User, cleo: User, acme: Company, clock: Clock
) -> None:
    for who, company in ((ben, acme), (cleo, acme), (ada, None)):
        assert (
            code(create_user(new(company=company), password=GOOD, by=acting(who), now=clock())) == "forbidden"
        )
    assert events() == []


@pytest.mark.parametrize(
    "spelling",
    ["ben@acme.example", "BEN@ACME.EXAMPLE", "Ben@Acme.Example ", "bEN@acme.EXAMPLE"],
)
def test_a_name_exists_once_in_every_spelling(
    ada: User, ben: User, acme: Company, clock: Clock, spelling: str
) -> None:
    result = create_user(new(email=spelling, company=acme), password=GOOD, by=acting(ada), now=clock())
    assert code(result) == "name_taken"
    other = cast.person("eva@acme.example", company=acme, role=cast.MEMBER)
    assert code(change_user(other, UserDraft(email=spelling), by=acting(ada), now=clock())) == "name_taken"


def test_a_name_taken_in_another_company_is_taken(ada: User, cleo: User, acme: Company, clock: Clock) -> None:
    result = create_user(new(email=cleo.email, company=acme), password=GOOD, by=acting(ada), now=clock())
    assert code(result) == "name_taken"


def test_the_same_name_in_a_directory_is_another_person(ada: User, acme: Company, clock: Clock) -> None:
    shadow = User(realm=Realm.EXTERNAL, username="new@acme.example", company=acme, password="!")
    shadow.save()
    user = create_user(new(company=acme), password=GOOD, by=acting(ada), now=clock())
    assert isinstance(user, User)
    assert User.objects.find("new@acme.example", realm=Realm.INTERNAL) == user
    assert User.objects.find("NEW@acme.example", realm=Realm.EXTERNAL) == shadow


@pytest.mark.django_db(transaction=True)
def test_of_two_people_made_under_one_name_at_once_one_is(root: User, clock: Clock) -> None:
    by, results = acting(root), []

    def work(number: int) -> None:
        email = "new@acme.example" if number % 2 else "NEW@acme.example"
        results.append(code(create_user(new(email=email, company=None), password=GOOD, by=by, now=clock())))

    in_parallel(6, work)
    assert sorted(results) == ["", *["name_taken"] * 5]
    assert events(Event.USER_CREATED) == [Event.USER_CREATED]


# --- changing ----------------------------------------------------------------------------------------------------------


def test_what_is_not_given_is_kept(ada: User, ben: User, clock: Clock) -> None:
    before = User.objects.filter(pk=ben.pk).values().get()
    result = change_user(ben, UserDraft(), by=acting(ada), now=clock())
    assert result == ben
    change_user(
        ben,
        UserDraft(display_name="Ben", email="ben@acme.example", is_active=True),
        by=acting(ada),
        now=clock(),
    )
    assert User.objects.filter(pk=ben.pk).values().get() == before
    assert events() == []


def test_a_change_is_written_down_by_the_names_of_its_fields(ada: User, ben: User, clock: Clock) -> None:
    change_user(ben, UserDraft(display_name="Benjamin", language="de"), by=acting(ada), now=clock())
    row = AuditEvent.objects.get()
    assert (row.event, row.details) == (Event.USER_CHANGED, {"fields": ["display_name", "language"]})
    ben.refresh_from_db()
    assert (ben.display_name, ben.language, ben.security_version) == ("Benjamin", "de", 1)


def test_a_new_address_is_unverified_ends_sessions_and_the_old_one_is_told(
    ada: User, ben: User, clock: Clock
) -> None:
    signed_in(ben)
    changed = change_user(ben, UserDraft(email="benjamin@acme.example"), by=acting(ada), now=clock())
    assert isinstance(changed, User)
    changed.refresh_from_db()
    assert (changed.username, changed.login_key) == ("benjamin@acme.example", "benjamin@acme.example")
    assert changed.email_verified_at is None
    assert changed.security_version == 2
    assert not is_in(ben)
    told = Delivery.objects.get()
    assert (told.to, told.template) == ("ben@acme.example", "notice")
    assert User.objects.find("ben@acme.example", realm=Realm.INTERNAL) is None


def test_an_address_that_was_never_verified_is_told_nothing(ada: User, ben: User, clock: Clock) -> None:
    User.objects.filter(pk=ben.pk).update(email_verified_at=None)
    change_user(ben, UserDraft(email="benjamin@acme.example"), by=acting(ada), now=clock())
    assert not Delivery.objects.exists()


def test_the_address_in_another_case_is_another_address_to_verify(ada: User, ben: User, clock: Clock) -> None:
    changed = change_user(ben, UserDraft(email="BEN@acme.example"), by=acting(ada), now=clock())
    assert isinstance(changed, User)
    assert changed.email_verified_at is None


def test_a_new_phone_is_unverified(ada: User, ben: User, clock: Clock) -> None:
    User.objects.filter(pk=ben.pk).update(phone="+49301234567", phone_verified_at=clock())
    changed = change_user(ben, UserDraft(phone="+49 30 7654321"), by=acting(ada), now=clock())
    assert isinstance(changed, User)
    assert (changed.phone, changed.phone_verified_at, changed.security_version) == ("+49307654321", None, 2)
    cleared = change_user(ben, UserDraft(phone=""), by=acting(ada), now=clock())
    assert isinstance(cleared, User)
    assert cleared.phone == ""


def test_the_name_of_who_is_kept_in_a_directory_is_not_changed_here(
    ada: User, acme: Company, clock: Clock
) -> None:
    dora = User(realm=Realm.EXTERNAL, username="dora", display_name="Dora", company=acme, password="!")
    dora.save()
    assert (
        code(change_user(dora, UserDraft(email="dora@acme.example"), by=acting(ada), now=clock()))
        == "kept_elsewhere"
    )
    assert code(set_password(dora, GOOD, must_change=False, by=acting(ada), now=clock())) == "kept_elsewhere"
    assert isinstance(change_user(dora, UserDraft(is_active=False), by=acting(ada), now=clock()), User)


def test_other_roles_hold_at_once_and_end_nothing(ada: User, ben: User, clock: Clock) -> None:
    signed_in(ben)
    version = epoch.current()
    change_user(ben, UserDraft(roles=[built_in("Agent")]), by=acting(ada), now=clock())
    assert epoch.current() > version
    assert is_in(ben)
    row = AuditEvent.objects.get(event=Event.USER_CHANGED)
    assert row.details == {"fields": ["roles"], "roles": ["Agent"]}


def test_a_move_is_written_down_in_both_companies_and_ends_sessions(
    root: User, ben: User, acme: Company, globex: Company, clock: Clock
) -> None:
    signed_in(ben)
    change_user(ben, UserDraft(company=globex), by=acting(root), now=clock())
    rows = AuditEvent.objects.filter(event=Event.USER_CHANGED).order_by("id")
    assert [row.company_id for row in rows] == [acme.pk, globex.pk]
    assert not is_in(ben)


def test_a_disabled_person_is_out_at_once_and_stays_out_when_enabled_again(
    ada: User, ben: User, clock: Clock
) -> None:
    session = signed_in(ben)
    disabled = change_user(ben, UserDraft(is_active=False), by=acting(ada), now=clock())
    assert isinstance(disabled, User)
    assert not disabled.may_sign_in
    session.refresh_from_db()
    assert (session.ended_reason, session.ended_at) == ("disabled", clock())
    enabled = change_user(ben, UserDraft(is_active=True), by=acting(ada), now=clock())
    assert isinstance(enabled, User)
    assert enabled.may_sign_in
    assert not is_in(ben)
    assert events(Event.USER_DISABLED, Event.USER_ENABLED) == [Event.USER_DISABLED, Event.USER_ENABLED]


# --- passwords, locks, deletion ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("must_change", [True, False])
def test_a_password_that_is_set_voids_what_was_granted_before(
    ada: User, ben: User, clock: Clock, must_change: bool
) -> None:
    signed_in(ben)
    assert set_password(ben, GOOD, must_change=must_change, by=acting(ada), now=clock()) is None
    ben.refresh_from_db()
    assert check_password(GOOD, ben.password)
    assert (ben.must_change_password, ben.password_changed_at, ben.security_version) == (
        must_change,
        clock(),
        2,
    )
    assert not is_in(ben)
    assert events(Event.PASSWORD_SET) == [Event.PASSWORD_SET]
    assert code(set_password(ben, GOOD, must_change=False, by=acting(ada), now=clock())) == "password_rules"


def test_a_lock_ends_everything_and_says_why(ada: User, ben: User, clock: Clock) -> None:
    signed_in(ben)
    assert (
        lock_user(ben, reason="left the phone on a train " + "x" * 300, by=acting(ada), now=clock()) is None
    )
    ben.refresh_from_db()
    assert (ben.locked_at, ben.security_version, ben.may_sign_in) == (clock(), 2, False)
    assert ben.locked_reason.startswith("left the phone")
    assert len(ben.locked_reason) == 200
    assert not is_in(ben)
    clock.forward(hours=1)
    assert lock_user(ben, reason="again", by=acting(ada), now=clock()) is None
    assert events(Event.USER_LOCKED) == [Event.USER_LOCKED]


def test_a_deleted_person_is_gone_and_remembered_by_the_trail(ada: User, ben: User, clock: Clock) -> None:
    signed_in(ben)
    uid = str(ben.uid)
    assert delete_user(ben, by=acting(ada), now=clock()) is None
    assert not User.objects.filter(uid=uid).exists()
    assert not Session.objects.exists()
    row = AuditEvent.objects.get(event=Event.USER_DELETED)
    assert (row.subject_uid, row.subject_name) == (uid, "ben@acme.example")
    assert Event.SESSION_ENDED in events()


# --- companies ---------------------------------------------------------------------------------------------------------


def test_nobody_of_a_company_that_is_switched_off_may_sign_in(
    root: User, ben: User, acme: Company, clock: Clock
) -> None:
    signed_in(ben)
    change_company(acme, CompanyDraft(is_active=False), by=acting(root), now=clock())
    ben = User.objects.select_related("company").get(pk=ben.pk)
    assert not ben.may_sign_in
    assert not is_in(ben)
