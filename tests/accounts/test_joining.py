"""Joining a company by a link and by signing up: what it makes, what it asks of the link, its maker and the account."""

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings

from accounts.joining import accept, lowest_role, read_join_token, refuse_acceptance, sign_up, url_of
from accounts.models import Arrival, JoinLink, User
from accounts.people import UserDraft, change_user, lock_user
from audit.events import Event
from audit.models import AuditEvent
from audit.record import Origin
from core.outcomes import Denied
from tenants.models import Company, Kind, Permission, Reach, Role
from tests.accounts.story import built_in, code, events, is_in, signed_in
from tests.cast import acting
from tests.conftest import Clock

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db]
HERE = Origin(address="192.0.2.9")


def link_of(maker: User, role: Role, *, clock: Clock, **more: Any) -> JoinLink:
    return JoinLink.objects.create(
        **{
            "company": maker.company,
            "role": role,
            "made_by": maker,
            "made_by_name": maker.username,
            "created_at": clock(),
            "expires_at": clock() + timedelta(hours=72),
        }
        | more
    )


def token_of(link: JoinLink, *, clock: Clock) -> str:
    url = url_of(link, now=clock())
    assert url.startswith(f"{settings.PUBLIC_URL}/join/")
    assert url.endswith("/")
    return url.removeprefix(f"{settings.PUBLIC_URL}/join/").removesuffix("/")


def join(link: JoinLink, email: str, *, clock: Clock, user: User | None = None) -> User | Denied:
    return accept(link, email=email, display_name="Dan Doe", now=clock(), origin=HERE, user=user)


# --- what the token holds ------------------------------------------------------------------------------------------------


def test_a_token_names_its_link(ada: User, clock: Clock) -> None:
    link = link_of(ada, built_in("Agent"), clock=clock, email="dan@acme.example")
    assert read_join_token(token_of(link, clock=clock), now=clock()) == link


def test_a_link_is_over_at_the_very_second(ada: User, clock: Clock) -> None:
    link = link_of(ada, built_in("Agent"), clock=clock)
    token = token_of(link, clock=clock)
    clock.forward(hours=72, seconds=-1)
    assert read_join_token(token, now=clock()) == link
    assert refuse_acceptance(link, now=clock()) is None
    clock.forward(seconds=1)
    assert read_join_token(token, now=clock()) is None
    assert code(join(link, "dan@acme.example", clock=clock)) == "link_unusable"


@pytest.mark.parametrize(
    "changed",
    [
        {"email": "other@acme.example"},
        {"email": ""},
        {"role": "Member"},
        {"company": "globex"},
        {"expires_at": 1},
        {"uid": uuid.UUID(int=7)},
        {"revoked_at": 0},
        {"used_at": 0},
    ],
)
def test_a_token_that_says_another_thing_than_its_row_is_none(
    changed: dict[str, Any], ada: User, globex: Company, clock: Clock
) -> None:
    link = link_of(ada, built_in("Agent"), clock=clock, email="dan@acme.example")
    token = token_of(link, clock=clock)
    for name, value in changed.items():
        values = {"role": built_in("Member"), "company": globex}
        value = clock() + timedelta(hours=value) if name.endswith("_at") else values.get(name, value)
        setattr(link, name, value)
    link.save()
    assert read_join_token(token, now=clock()) is None


def test_a_link_without_an_address_takes_no_token_with_one(ada: User, clock: Clock) -> None:
    link = link_of(ada, built_in("Agent"), clock=clock, email="dan@acme.example")
    token = token_of(link, clock=clock)
    JoinLink.objects.update(email="")
    assert read_join_token(token, now=clock()) is None


def test_a_link_dies_with_its_company_and_with_its_role(ada: User, acme: Company, clock: Clock) -> None:
    own = Role.objects.create(name="Own", company=acme, rank=5)
    link = link_of(ada, own, clock=clock)
    token = token_of(link, clock=clock)
    assert read_join_token(token, now=clock()) == link
    Company.objects.filter(pk=acme.pk).update(is_active=False)
    assert read_join_token(token, now=clock()) is None
    Company.objects.filter(pk=acme.pk).update(is_active=True)
    own.delete()
    assert read_join_token(token, now=clock()) is None


# --- accepting it --------------------------------------------------------------------------------------------------------


def test_whoever_accepts_gets_an_account_with_the_role(ada: User, acme: Company, clock: Clock) -> None:
    link = link_of(ada, built_in("Agent"), clock=clock)
    user = join(link, " Dan@acme.example ", clock=clock)
    assert isinstance(user, User)
    user = User.objects.get(pk=user.pk)
    assert (user.username, user.login_key, user.display_name) == (
        "Dan@acme.example",
        "dan@acme.example",
        "Dan Doe",
    )
    assert (user.company, list(user.roles.all())) == (acme, [built_in("Agent")])
    assert (user.came_by, user.came_through) == (Arrival.JOINED, ada.username)
    assert user.email_verified_at == clock()
    assert not user.has_usable_password()
    assert user.may_sign_in
    link.refresh_from_db()
    assert (link.state(now=clock()), link.used_by, link.used_by_name) == (
        "accepted",
        user,
        "Dan@acme.example",
    )
    assert events() == [Event.USER_CREATED, Event.JOIN_LINK_ACCEPTED]
    row = AuditEvent.objects.get(event=Event.JOIN_LINK_ACCEPTED)
    assert (row.subject_uid, row.company_id, row.details["person"]) == (
        str(link.uid),
        acme.pk,
        "Dan@acme.example",
    )


def test_a_link_is_accepted_once(ada: User, clock: Clock) -> None:
    link = link_of(ada, built_in("Agent"), clock=clock)
    assert isinstance(join(link, "dan@acme.example", clock=clock), User)
    assert code(join(link, "eve@acme.example", clock=clock)) == "link_unusable"
    assert not User.objects.filter(username="eve@acme.example").exists()


def test_a_bound_link_takes_its_address_in_any_spelling_and_no_other(ada: User, clock: Clock) -> None:
    link = link_of(ada, built_in("Agent"), clock=clock, email="dan@acme.example")
    refused = join(link, "mallory@acme.example", clock=clock)
    assert isinstance(refused, Denied)
    assert (refused.code, refused.field) == ("link_unusable", "email")
    link.refresh_from_db()
    assert link.state(now=clock()) == "open"
    assert isinstance(join(link, "DAN@Acme.Example", clock=clock), User)


def test_a_member_gets_the_role_in_addition(ada: User, ben: User, clock: Clock) -> None:
    before = (ben.display_name, ben.password, ben.came_by)
    link = link_of(ada, built_in("Agent"), clock=clock)
    user = join(link, ben.email, clock=clock, user=ben)
    assert user == ben
    ben.refresh_from_db()
    assert set(ben.roles.all()) == {built_in("Member"), built_in("Agent")}
    assert (ben.display_name, ben.password, ben.came_by) == before
    assert events() == [Event.USER_CHANGED, Event.JOIN_LINK_ACCEPTED]


def test_a_role_that_asks_for_a_second_factor_ends_sessions_that_saw_none(
    ada: User, ben: User, acme: Company, clock: Clock
) -> None:
    strict = Role.objects.create(name="Strict", company=acme, rank=5, twofactor_policy="required")
    signed_in(ben)
    assert isinstance(join(link_of(ada, strict, clock=clock), ben.email, clock=clock, user=ben), User)
    assert not is_in(ben)


def test_an_account_elsewhere_does_not_join(
    ada: User, cleo: User, root: User, ben: User, clock: Clock
) -> None:
    link = link_of(ada, built_in("Agent"), clock=clock)
    for one in (cleo, root):
        assert code(join(link, one.email, clock=clock, user=one)) == "link_unusable"
    # Who proved one address does not join with the account of another.
    assert code(join(link, "dan@acme.example", clock=clock, user=ben)) == "link_unusable"
    assert code(join(link, ben.email, clock=clock, user=None)) == "link_unusable"
    link.refresh_from_db()
    assert link.state(now=clock()) == "open"


@pytest.mark.parametrize(
    "state",
    [{"is_active": False}, {"locked_at": "now"}, {"email_verified_at": None}, {"realm": "external"}],
)
def test_an_account_that_stands_for_nobody_proved_does_not_join(
    state: dict[str, Any], ada: User, ben: User, clock: Clock
) -> None:
    User.objects.filter(pk=ben.pk).update(**{name: clock() if value == "now" else value for name, value in state.items()})  # fmt: skip
    ben.refresh_from_db()
    link = link_of(ada, built_in("Agent"), clock=clock)
    assert code(join(link, ben.email, clock=clock, user=ben)) == "link_unusable"
    assert list(ben.roles.all()) == [built_in("Member")]


def test_an_account_that_would_have_more_than_the_maker_does_not_rise(
    ada: User, ben: User, clock: Clock
) -> None:
    # What Ben sees everywhere is of no use to him until a role lets him do something with it.
    Permission.objects.create(user=ben, kind=Kind.USER, reach=Reach.EVERY)
    link = link_of(ada, built_in("Company Administrator"), clock=clock)
    assert code(join(link, ben.email, clock=clock, user=ben)) == "link_unusable"
    assert list(ben.roles.all()) == [built_in("Member")]


def test_the_links_of_a_demoted_maker_are_dead(ada: User, root: User, clock: Clock) -> None:
    link = link_of(ada, built_in("Agent"), clock=clock)
    assert refuse_acceptance(link, now=clock()) is None
    changed = change_user(ada, UserDraft(roles=[built_in("Member")]), by=acting(root), now=clock())
    assert isinstance(changed, User)
    link = JoinLink.objects.get()
    assert code(refuse_acceptance(link, now=clock())) == "link_unusable"
    assert code(join(link, "dan@acme.example", clock=clock)) == "link_unusable"


def test_the_links_of_whoever_is_locked_or_gone_are_dead(ada: User, root: User, clock: Clock) -> None:
    link = link_of(ada, built_in("Agent"), clock=clock)
    assert lock_user(ada, reason="test", by=acting(root), now=clock()) is None
    assert code(join(link, "dan@acme.example", clock=clock)) == "link_unusable"
    User.objects.filter(pk=ada.pk).update(locked_at=None)
    ada.delete()
    assert code(join(link, "dan@acme.example", clock=clock)) == "link_unusable"
    assert not User.objects.filter(username="dan@acme.example").exists()


def test_a_role_that_grew_above_its_maker_is_not_given(ada: User, acme: Company, clock: Clock) -> None:
    own = Role.objects.create(name="Own", company=acme, rank=5)
    link = link_of(ada, own, clock=clock)
    Role.objects.filter(pk=own.pk).update(rank=100)
    assert code(join(link, "dan@acme.example", clock=clock)) == "link_unusable"


# --- signing up ----------------------------------------------------------------------------------------------------------


def test_whoever_signs_up_gets_the_lowest_role(acme: Company, clock: Clock) -> None:
    user = sign_up(acme, email="dan@acme.example", display_name=" Dan  Doe ", now=clock(), origin=HERE)
    assert isinstance(user, User)
    assert (user.came_by, user.came_through, user.display_name) == (Arrival.SIGNED_UP, "", "Dan Doe")
    assert list(user.roles.all()) == [built_in("Member")]
    assert code(
        sign_up(acme, email="Dan@acme.example", display_name="Dan", now=clock(), origin=HERE)
    ) == "name_taken"  # fmt: skip


def test_of_roles_of_one_rank_the_own_is_the_lowest_and_of_these_the_oldest(
    acme: Company, globex: Company
) -> None:
    lowest = built_in("Member").rank
    first = Role.objects.create(name="B", company=acme, rank=lowest)
    Role.objects.create(name="A", company=acme, rank=lowest)
    Role.objects.create(name="C", company=globex, rank=0)
    assert lowest_role(acme) == first


def test_nobody_signs_up_in_a_company_that_is_switched_off(acme: Company, clock: Clock) -> None:
    Company.objects.filter(pk=acme.pk).update(is_active=False)
    assert (
        code(sign_up(acme, email="dan@acme.example", display_name="Dan", now=clock(), origin=HERE))
        == "denied"
    )


@pytest.mark.parametrize(("email", "name"), [("dan", "Dan"), ("dan@acme.example", " "), ("d\u0430n@acme.example", "Dan")])  # fmt: skip
def test_what_is_no_address_or_no_name_is_refused(
    email: str, name: str, ada: User, acme: Company, clock: Clock
) -> None:
    assert code(sign_up(acme, email=email, display_name=name, now=clock(), origin=HERE)) == "invalid"
    link = link_of(ada, built_in("Agent"), clock=clock)
    refused = accept(link, email=email, display_name=name, now=clock(), origin=HERE, user=None)
    assert code(refused) == "invalid"
