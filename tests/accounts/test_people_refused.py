"""The verbs on people: who is refused what, computed over everything that would be given."""

from typing import Any

import pytest

from accounts.models import User
from accounts.people import (
    UserDraft,
    change_user,
    create_user,
    delete_user,
    lock_user,
    set_password,
)
from tenants.actor import system_actor
from tenants.models import Company, Kind, Permission, Privilege, Reach, Role
from tests import cast
from tests.accounts.story import GOOD, built_in, code, events, new
from tests.cast import acting
from tests.conftest import Clock
from tests.parallel import in_parallel

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db]


@pytest.fixture
def eva(acme: Company) -> User:
    """Of Acme, and above Ada."""
    above = Role.objects.create(name="Owner", company=acme, rank=80)
    user = cast.person("eva@acme.example", company=acme, role=cast.MEMBER, name="Eva")
    user.roles.add(above)
    return user


# --- rank, over everything that would be given --------------------------------------------------------------------------


def test_nobody_gives_a_role_above_his_own_rank(ada: User, ben: User, acme: Company, clock: Clock) -> None:
    above = Role.objects.create(name="Above", company=acme, rank=61)
    for roles in ([above], [built_in("Member"), above], [built_in("Full Administrator")]):
        made = create_user(new(company=acme, roles=roles), password=GOOD, by=acting(ada), now=clock())
        assert code(made) == "rank_too_high"
        assert code(change_user(ben, UserDraft(roles=roles), by=acting(ada), now=clock())) == "rank_too_high"
        assert (
            code(change_user(ada, UserDraft(roles=[*ada.roles.all(), *roles]), by=acting(ada), now=clock()))
            == "rank_too_high"
        )
    assert events() == []


def test_his_own_rank_can_be_given(ada: User, ben: User, clock: Clock) -> None:
    changed = change_user(ben, UserDraft(roles=list(ada.roles.all())), by=acting(ada), now=clock())
    assert isinstance(changed, User)


def test_a_low_role_that_holds_more_than_the_actor_cannot_be_given(
    ada: User, ben: User, acme: Company, clock: Clock
) -> None:
    low = Role.objects.create(name="Harmless", company=acme, rank=1)
    low.privileges.add(Privilege.objects.get(name="Companies - Manage"))
    assert code(change_user(ben, UserDraft(roles=[low]), by=acting(ada), now=clock())) == "privilege_not_held"
    seeing = Role.objects.create(name="Watcher", company=acme, rank=1)
    Permission.objects.create(role=seeing, kind=Kind.AUDIT, reach=Reach.EVERY)
    assert code(change_user(ben, UserDraft(roles=[seeing]), by=acting(ada), now=clock())) == "reach_not_held"


def test_moving_somebody_gives_him_the_new_company_so_the_mover_must_hold_it(
    ada: User, ben: User, root: User, globex: Company, clock: Clock
) -> None:
    assert code(change_user(ben, UserDraft(company=globex), by=acting(ada), now=clock())) == "forbidden"
    assert code(change_user(ben, UserDraft(company=None), by=acting(ada), now=clock())) == "forbidden"
    assert code(change_user(ada, UserDraft(company=globex), by=acting(ada), now=clock())) == "forbidden"
    moved = change_user(ben, UserDraft(company=globex), by=acting(root), now=clock())
    assert isinstance(moved, User)
    assert moved.company == globex


def test_permissions_that_somebody_has_count_too(ada: User, ben: User, globex: Company, clock: Clock) -> None:
    """Ben sees Globex by a permission of his own: he stands above Ada in that, whatever his rank."""
    Permission.objects.create(user=ben, kind=Kind.USER, reach=Reach.ONE, company=globex)
    assert (
        code(change_user(ben, UserDraft(display_name="X"), by=acting(ada), now=clock())) == "reach_not_held"
    )
    assert code(set_password(ben, GOOD, must_change=False, by=acting(ada), now=clock())) == "reach_not_held"


def test_whoever_stands_above_is_not_touched_in_any_way(ada: User, eva: User, clock: Clock) -> None:
    before = User.objects.filter(pk=eva.pk).values().get()
    refused = [
        change_user(eva, UserDraft(display_name="X"), by=acting(ada), now=clock()),
        change_user(eva, UserDraft(roles=[built_in("Member")]), by=acting(ada), now=clock()),
        change_user(eva, UserDraft(is_active=False), by=acting(ada), now=clock()),
        set_password(eva, GOOD, must_change=False, by=acting(ada), now=clock()),
        lock_user(eva, reason="x", by=acting(ada), now=clock()),
        delete_user(eva, by=acting(ada), now=clock()),
    ]
    assert {code(one) for one in refused} == {"rank_too_high"}
    assert User.objects.filter(pk=eva.pk).values().get() == before
    assert events() == []


def test_a_role_of_another_company_does_not_fit(
    root: User, ben: User, acme: Company, globex: Company, clock: Clock
) -> None:
    theirs = Role.objects.create(name="Theirs", company=globex, rank=1)
    ours = Role.objects.create(name="Ours", company=acme, rank=1)
    made = create_user(new(company=acme, roles=[theirs]), password=GOOD, by=acting(root), now=clock())
    assert code(made) == "role_of_other_company"
    assert (
        code(change_user(ben, UserDraft(roles=[theirs]), by=acting(root), now=clock()))
        == "role_of_other_company"
    )
    ben.roles.add(ours)
    assert (
        code(change_user(ben, UserDraft(company=globex), by=acting(root), now=clock()))
        == "role_of_other_company"
    )
    moved = change_user(ben, UserDraft(company=globex, roles=[theirs]), by=acting(root), now=clock())
    assert isinstance(moved, User)


# --- who may touch whom ------------------------------------------------------------------------------------------------

VERBS = {
    "nothing": lambda user, how: change_user(user, UserDraft(), **how),
    "change": lambda user, how: change_user(user, UserDraft(display_name="X"), **how),
    "password": lambda user, how: set_password(user, GOOD, must_change=False, **how),
    "lock": lambda user, how: lock_user(user, reason="x", **how),
    "delete": lambda user, how: delete_user(user, **how),
}


@pytest.mark.parametrize("verb", VERBS)
def test_a_person_of_another_company_does_not_exist(cleo: User, ben: User, clock: Clock, verb: str) -> None:
    assert code(VERBS[verb](ben, {"by": acting(cleo), "now": clock()})) == "not_found"
    assert events() == []


@pytest.mark.parametrize("verb", VERBS)
def test_who_only_looks_changes_nothing(ben: User, ada: User, acme: Company, clock: Clock, verb: str) -> None:
    looking = Role.objects.create(name="Looker", company=acme, rank=100)
    looking.privileges.add(Privilege.objects.get(name="Users - View"))
    Permission.objects.create(role=looking, kind=Kind.USER, reach=Reach.OWN)
    looker = cast.person("lou@acme.example", company=acme, role=cast.MEMBER)
    looker.roles.add(looking)
    assert code(VERBS[verb](ben, {"by": acting(looker), "now": clock()})) == "forbidden"


@pytest.mark.parametrize("verb", VERBS)
def test_who_is_gone_meanwhile_does_not_exist(root: User, ben: User, clock: Clock, verb: str) -> None:
    gone = User.objects.get(pk=ben.pk)
    ben.delete()
    assert code(VERBS[verb](gone, {"by": acting(root), "now": clock()})) == "not_found"


# --- own account and last administrator ---------------------------------------------------------------------------------


@pytest.mark.parametrize("verb", ["lock", "delete", "disable"])
def test_nobody_ends_his_own_account(root: User, ada: User, clock: Clock, verb: str) -> None:
    for who in (root, ada):
        how: dict[str, Any] = {"by": acting(who), "now": clock()}
        done = {
            "lock": lambda who=who, how=how: lock_user(who, reason="x", **how),
            "delete": lambda who=who, how=how: delete_user(who, **how),
            "disable": lambda who=who, how=how: change_user(who, UserDraft(is_active=False), **how),
        }[verb]()
        assert code(done) == "own_account"
    assert User.objects.filter(is_active=True, locked_at=None).count() == 2


ENDS = {
    "lock": lambda user, how: lock_user(user, reason="x", **how),
    "delete": lambda user, how: delete_user(user, **how),
    "disable": lambda user, how: change_user(user, UserDraft(is_active=False), **how),
    "demote": lambda user, how: change_user(user, UserDraft(roles=[built_in("Member")]), **how),
    "strip": lambda user, how: change_user(user, UserDraft(roles=[]), **how),
    "move": lambda user, how: change_user(user, UserDraft(company=Company.objects.get(name="Acme")), **how),
}


@pytest.mark.parametrize("end", ENDS)
def test_the_last_administrator_stays(root: User, acme: Company, clock: Clock, end: str) -> None:
    how = {"by": system_actor(), "now": clock()}
    assert code(ENDS[end](root, how)) == "last_administrator"
    second = cast.person("second@portal.example", company=None, role=cast.FULL)
    assert code(ENDS[end](second, how)) == ""
    assert code(ENDS[end](root, how)) == "last_administrator"


@pytest.mark.parametrize("state", ["disabled", "locked", "moved", "without the role"])
def test_an_administrator_who_cannot_come_in_does_not_count(
    root: User, acme: Company, clock: Clock, state: str
) -> None:
    second = cast.person("second@portal.example", company=None, role=cast.FULL)
    if state == "without the role":
        # A role of the same rank that holds nothing repairs nothing.
        second.roles.set([Role.objects.create(name="Highest", rank=100)])
    changes: dict[str, dict[str, Any]] = {
        "disabled": {"is_active": False}, "locked": {"locked_at": clock()}, "moved": {"company": acme},
    }  # fmt: skip
    User.objects.filter(pk=second.pk).update(**changes.get(state, {"phone": ""}))
    how = {"by": system_actor(), "now": clock()}
    assert code(lock_user(root, reason="x", **how)) == "last_administrator"
    assert code(change_user(root, UserDraft(roles=[]), **how)) == "last_administrator"


@pytest.mark.django_db(transaction=True)
def test_administrators_who_all_go_at_once_leave_one(root: User, clock: Clock) -> None:
    more = [cast.person(f"root-{number}@portal.example", company=None, role=cast.FULL) for number in range(5)]
    everybody, results = [root, *more], list[str]()
    by = [acting(everybody[number - 1]) for number in range(6)]

    def work(number: int) -> None:
        demoted = change_user(
            everybody[number], UserDraft(roles=[built_in("Member")]), by=by[number], now=clock()
        )
        results.append(code(demoted))

    in_parallel(6, work)
    assert sorted(results) == [*[""] * 5, "last_administrator"]
