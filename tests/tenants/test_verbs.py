"""The verbs on companies, roles, privileges and permissions: what each refuses, and that a refusal changes nothing."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from django.utils import timezone

from accounts.companies import change_company
from accounts.models import Session, SessionKind, User
from accounts.principal import principal_of_session, rights_of
from accounts.sessions import Client, start_session
from audit.models import AuditEvent
from audit.record import Origin
from core.outcomes import Denied
from tenants.actor import Actor
from tenants.models import Company, Permission, Privilege, Role
from tenants.services import (
    CompanyDraft,
    PermissionDraft,
    PrivilegeDraft,
    RoleDraft,
    change_permission,
    change_privilege,
    change_role,
    create_company,
    create_permission,
    create_privilege,
    create_role,
    delete_company,
    delete_permission,
    delete_privilege,
    delete_role,
)

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
How = dict[str, Any]


def as_(user: User) -> How:
    """The keywords of a verb when this person asks."""
    actor = Actor(rights=rights_of(user), origin=Origin(actor=user, address="192.0.2.1"))
    return {"by": actor, "now": NOW}


def code(result: object) -> str:
    """The code of a refusal; empty when it was none."""
    return result.code if isinstance(result, Denied) else ""


def privilege(name: str) -> Privilege:
    return Privilege.objects.get(application="Gatehouse", name=name)


def built_in(name: str) -> Role:
    return Role.objects.get(name=name, company=None)


@pytest.fixture
def clerk(acme: Company) -> Role:
    """A small role of Acme."""
    role = Role.objects.create(name="Clerk", company=acme, rank=15)
    role.privileges.add(privilege("Users - View"))
    return role


@pytest.fixture
def guarded(acme: Company) -> Role:
    """A role of Acme that stands above Ada."""
    return Role.objects.create(name="Guarded", company=acme, rank=90)


# --- roles


def test_ada_makes_a_role_of_her_company_and_it_is_written_down(ada: User, acme: Company) -> None:
    draft = RoleDraft(name="  Team   lead ", company=acme, rank=30, privileges=[privilege("Users - View")])
    role = create_role(draft, **as_(ada))
    assert isinstance(role, Role)
    assert (role.name, role.rank, role.company) == ("Team lead", 30, acme)
    event = AuditEvent.objects.get(event="tenants:role:created")
    assert (event.actor_name, event.company_id) == ("ada@acme.example", acme.pk)
    assert event.details["privileges"] == ["Gatehouse: Users - View"]


@pytest.mark.parametrize(
    ("more", "refusal"),
    [
        ({"rank": 61}, "rank_too_high"),
        ({"rank": 101}, "invalid"),
        ({"rank": -1}, "invalid"),
        ({"name": "   "}, "invalid"),
        ({"name": "x" * 121}, "invalid"),
        ({"twofactor_policy": "never"}, "invalid"),
        ({"company": None}, "forbidden"),
        ({"name": "Clerk"}, "name_taken"),
    ],
)
def test_a_role_above_or_outside_ada_is_refused(
    more: How, refusal: str, ada: User, acme: Company, clerk: Role
) -> None:
    before = Role.objects.count()
    draft = RoleDraft(**({"name": "New", "company": acme, "rank": 10} | more))
    assert code(create_role(draft, **as_(ada))) == refusal
    assert Role.objects.count() == before


def test_a_role_in_another_company_is_refused(ada: User, globex: Company) -> None:
    assert code(create_role(RoleDraft(name="Spy", company=globex, rank=1), **as_(ada))) == "forbidden"


def test_nobody_gives_a_privilege_that_he_lacks(ada: User, acme: Company, clerk: Role) -> None:
    lacking = [privilege("Companies - Manage")]
    assert code(create_role(RoleDraft(name="New", company=acme, privileges=lacking), **as_(ada))) == (
        "privilege_not_held"
    )
    assert code(change_role(clerk, RoleDraft(privileges=lacking), **as_(ada))) == "privilege_not_held"
    assert list(clerk.privileges.values_list("name", flat=True)) == ["Users - View"]


def test_a_role_that_stands_above_cannot_be_edited_deleted_or_lowered(ada: User, guarded: Role) -> None:
    assert code(change_role(guarded, RoleDraft(name="Mine"), **as_(ada))) == "rank_too_high"
    assert code(change_role(guarded, RoleDraft(rank=1), **as_(ada))) == "rank_too_high"
    assert code(delete_role(guarded, **as_(ada))) == "rank_too_high"
    guarded.refresh_from_db()
    assert (guarded.name, guarded.rank) == ("Guarded", 90)


def test_a_role_that_opens_more_than_ada_sees_cannot_be_edited(ada: User, clerk: Role) -> None:
    Permission.objects.create(role=clerk, kind="user", reach="every")
    assert code(change_role(clerk, RoleDraft(name="Mine"), **as_(ada))) == "reach_not_held"


def test_a_change_keeps_what_is_not_given(ada: User, clerk: Role) -> None:
    changed = change_role(clerk, RoleDraft(rank=20), **as_(ada))
    assert isinstance(changed, Role)
    assert (changed.name, changed.rank, changed.privileges.count()) == ("Clerk", 20, 1)
    assert AuditEvent.objects.get(event="tenants:role:changed").details == {"fields": ["rank"], "rank": 20}


def test_nothing_changed_writes_nothing_down(ada: User, clerk: Role) -> None:
    assert isinstance(change_role(clerk, RoleDraft(name="Clerk", rank=15), **as_(ada)), Role)
    assert not AuditEvent.objects.filter(event="tenants:role:changed").exists()


def test_a_role_of_everyone_is_only_for_those_who_see_everyone(ada: User, root: User) -> None:
    agent = built_in("Agent")
    assert code(change_role(agent, RoleDraft(twofactor_policy="required"), **as_(ada))) == "forbidden"
    assert isinstance(change_role(agent, RoleDraft(twofactor_policy="required"), **as_(root)), Role)


def test_another_companys_role_does_not_exist(cleo: User, clerk: Role) -> None:
    assert code(change_role(clerk, RoleDraft(name="Mine"), **as_(cleo))) == "not_found"
    assert code(delete_role(clerk, **as_(cleo))) == "not_found"


def test_a_role_stays_with_its_company(root: User, clerk: Role, globex: Company) -> None:
    assert code(change_role(clerk, RoleDraft(company=globex), **as_(root))) == "fixed"


def test_a_built_in_role_keeps_name_and_rank_and_stays(root: User) -> None:
    member = built_in("Member")
    assert code(change_role(member, RoleDraft(name="Guest"), **as_(root))) == "built_in"
    assert code(change_role(member, RoleDraft(rank=5), **as_(root))) == "built_in"
    assert code(delete_role(member, **as_(root))) == "built_in"


def test_the_full_administrator_loses_nothing(root: User) -> None:
    full = built_in("Full Administrator")
    fewer = list(full.privileges.all())[1:]
    assert code(change_role(full, RoleDraft(privileges=fewer), **as_(root))) == "built_in"
    opened = Permission.objects.get(role=full)
    assert code(delete_permission(opened, **as_(root))) == "built_in"
    assert code(change_permission(opened, PermissionDraft(reach="own"), **as_(root))) == "built_in"


def test_a_role_that_somebody_has_stays(ada: User, ben: User, clerk: Role) -> None:
    ben.roles.add(clerk)
    refusal = delete_role(clerk, **as_(ada))
    assert isinstance(refusal, Denied)
    assert (refusal.code, str(refusal.message)[:8]) == ("in_use", "1 person")
    ben.roles.remove(clerk)
    assert delete_role(clerk, **as_(ada)) is None
    assert not Role.objects.filter(name="Clerk").exists()


def test_somebody_without_the_privilege_changes_nothing(ben: User, acme: Company, clerk: Role) -> None:
    assert code(create_role(RoleDraft(name="Mine", company=acme, rank=0), **as_(ben))) == "forbidden"
    assert code(change_role(clerk, RoleDraft(rank=0), **as_(ben))) == "not_found"


# --- permissions


def test_ada_opens_her_company_to_ben(ada: User, ben: User) -> None:
    permission = create_permission(PermissionDraft(user=ben, kind="user", reach="own"), **as_(ada))
    assert isinstance(permission, Permission)
    assert rights_of(ben).sees("user") == frozenset([ben.company_id])


def test_nobody_opens_more_than_he_sees(ada: User, ben: User, clerk: Role, globex: Company) -> None:
    for opened in ({"reach": "every"}, {"reach": "one", "company": globex}):
        for holder in ({"user": ben}, {"role": clerk}):
            draft = PermissionDraft(kind="user", **opened, **holder)
            assert code(create_permission(draft, **as_(ada))) == "reach_not_held"
    assert not Permission.objects.filter(kind="user").exists()


def test_nobody_widens_a_permission_beyond_himself(ada: User, ben: User) -> None:
    permission = Permission.objects.create(user=ben, kind="user", reach="own")
    assert code(change_permission(permission, PermissionDraft(reach="every"), **as_(ada))) == "reach_not_held"
    permission.refresh_from_db()
    assert permission.reach == "own"


def test_the_permissions_of_somebody_above_are_not_adas_to_touch(ada: User, ben: User, guarded: Role) -> None:
    ben.roles.add(guarded)
    permission = Permission.objects.create(user=ben, kind="user", reach="own")
    assert code(delete_permission(permission, **as_(ada))) == "rank_too_high"
    draft = PermissionDraft(user=ben, kind="audit")
    assert code(create_permission(draft, **as_(ada))) == "rank_too_high"


def test_own_company_on_a_role_of_everyone_is_judged_as_everywhere(root: User, acme: Company) -> None:
    # Somebody who sees every role but only Acme's people could otherwise open all people through such a role.
    half = User.objects.create(username="half@acme.example", display_name="Half", company=acme)
    half.roles.set([built_in("Company Administrator")])
    Permission.objects.create(user=half, kind="permission", reach="every")
    agent = built_in("Agent")
    draft = PermissionDraft(role=agent, kind="user", reach="own")
    assert code(create_permission(draft, **as_(half))) == "reach_not_held"
    assert isinstance(create_permission(draft, **as_(root)), Permission)


def test_another_companys_permission_does_not_exist(cleo: User, ben: User, clerk: Role) -> None:
    for permission in (
        Permission.objects.create(user=ben, kind="user"),
        Permission.objects.create(role=clerk, kind="user"),
    ):
        assert code(delete_permission(permission, **as_(cleo))) == "not_found"
        assert code(change_permission(permission, PermissionDraft(kind="role"), **as_(cleo))) == "not_found"


@pytest.mark.parametrize(
    "malformed",
    [
        {"kind": "user"},
        {"user": "ben", "role": "clerk", "kind": "user"},
        {"user": "ben", "kind": "people"},
        {"user": "ben", "kind": "user", "reach": "one"},
        {"user": "ben", "kind": "user", "reach": "own", "company": "acme"},
        {"user": "ben", "kind": "user", "reach": "far"},
    ],
)
def test_a_permission_that_says_nothing_sensible_is_refused(
    malformed: How, ada: User, ben: User, clerk: Role, acme: Company
) -> None:
    cast = {"ben": ben, "clerk": clerk, "acme": acme}
    draft = PermissionDraft(**{name: cast.get(value, value) for name, value in malformed.items()})
    assert code(create_permission(draft, **as_(ada))) == "invalid"


def test_a_permission_stays_with_its_holder(root: User, ben: User, ada: User) -> None:
    permission = Permission.objects.create(user=ben, kind="user")
    assert code(change_permission(permission, PermissionDraft(user=ada), **as_(root))) == "fixed"


# --- privileges


def test_a_new_privilege_reaches_the_full_administrator_who_can_give_it_on(root: User, clerk: Role) -> None:
    made = create_privilege(PrivilegeDraft(application="Shop", name="Refund"), **as_(root))
    assert isinstance(made, Privilege)
    assert rights_of(root).has("Refund", application="Shop")
    privileges = [*clerk.privileges.all(), made]
    assert isinstance(change_role(clerk, RoleDraft(privileges=privileges), **as_(root)), Role)
    assert code(delete_privilege(made, **as_(root))) == "in_use"


def test_the_catalogue_is_for_those_who_see_every_company(ada: User, root: User) -> None:
    made = create_privilege(PrivilegeDraft(application="Shop", name="Refund"), **as_(root))
    assert isinstance(made, Privilege)
    assert code(create_privilege(PrivilegeDraft(application="Shop", name="Ship"), **as_(ada))) == "forbidden"
    assert code(change_privilege(made, PrivilegeDraft(name="Ship"), **as_(ada))) == "forbidden"
    assert code(delete_privilege(made, **as_(ada))) == "forbidden"
    assert (
        code(create_privilege(PrivilegeDraft(application="Shop", name="Refund"), **as_(root))) == "name_taken"
    )
    assert isinstance(change_privilege(made, PrivilegeDraft(name="Ship"), **as_(root)), Privilege)
    assert delete_privilege(made, **as_(root)) is None


@pytest.mark.parametrize("application", ["Gatehouse", "gatehouse", "GATEHOUSE"])
def test_the_products_own_privileges_are_part_of_it(application: str, root: User) -> None:
    assert (
        code(create_privilege(PrivilegeDraft(application=application, name="New"), **as_(root))) == "built_in"
    )
    own = privilege("Users - View")
    assert code(delete_privilege(own, **as_(root))) == "built_in"
    assert code(change_privilege(own, PrivilegeDraft(name="Look"), **as_(root))) == "built_in"
    assert isinstance(
        change_privilege(own, PrivilegeDraft(description="Look at people."), **as_(root)), Privilege
    )
    other = create_privilege(PrivilegeDraft(application="Shop", name="Refund"), **as_(root))
    assert isinstance(other, Privilege)
    assert code(change_privilege(other, PrivilegeDraft(application=application), **as_(root))) == "built_in"


# --- companies


def test_root_makes_a_company_and_ada_does_not(root: User, ada: User) -> None:
    assert isinstance(create_company(CompanyDraft(name="Initech"), **as_(root)), Company)
    assert code(create_company(CompanyDraft(name="Initech"), **as_(root))) == "name_taken"
    assert code(create_company(CompanyDraft(name=""), **as_(root))) == "invalid"
    assert code(create_company(CompanyDraft(name="Hooli"), **as_(ada))) == "forbidden"


@pytest.fixture
def signed_in() -> Callable[[User], Session]:
    """Signs a person in."""
    client = Client(address="192.0.2.1", user_agent="Test/1.0")

    def start(user: User) -> Session:
        now = timezone.now()
        return start_session(
            user, kind=SessionKind.API, methods=["pwd"], client=client, browser=None, now=now
        )[0]

    return start


def test_a_company_switched_off_ends_its_peoples_sessions_for_good(
    root: User, ben: User, cleo: User, acme: Company, signed_in: Callable[[User], Session]
) -> None:
    bens, cleos = signed_in(ben), signed_in(cleo)
    assert isinstance(change_company(acme, CompanyDraft(is_active=False), **as_(root)), Company)
    principal = principal_of_session(str(bens.uid))
    assert principal is None
    change_company(acme, CompanyDraft(is_active=True), **as_(root))
    assert principal_of_session(str(bens.uid)) is None
    left = principal_of_session(str(cleos.uid))
    assert left is not None
    assert left.is_live(now=timezone.now())


def test_nobody_switches_off_or_deletes_his_own_company(root: User, acme: Company) -> None:
    root.company = acme
    root.save()
    assert code(change_company(acme, CompanyDraft(is_active=False), **as_(root))) == "own_company"
    assert code(delete_company(acme, **as_(root))) == "own_company"


def test_nobody_switches_off_people_who_stand_above_him(
    root: User, ben: User, acme: Company, guarded: Role
) -> None:
    warden = User.objects.create(username="warden@portal.example", display_name="Warden")
    low = Role.objects.create(name="Warden", rank=50)
    low.privileges.set(Privilege.objects.filter(name__startswith="Companies"))
    Permission.objects.create(role=low, kind="company", reach="every")
    warden.roles.set([low])
    ben.roles.add(guarded)
    assert code(change_company(acme, CompanyDraft(is_active=False), **as_(warden))) == "rank_too_high"
    ben.roles.remove(guarded)
    assert isinstance(change_company(acme, CompanyDraft(is_active=False), **as_(warden)), Company)


def test_a_company_with_people_stays(root: User, ben: User, acme: Company) -> None:
    assert code(delete_company(acme, **as_(root))) == "in_use"
    ben.delete()
    assert delete_company(acme, **as_(root)) is None
    assert AuditEvent.objects.get(event="tenants:company:deleted").subject_name == "Acme"


def test_another_company_does_not_exist_for_ada(ada: User, globex: Company) -> None:
    assert code(change_company(globex, CompanyDraft(name="Mine"), **as_(ada))) == "not_found"
    assert code(delete_company(globex, **as_(ada))) == "not_found"


def test_her_own_company_is_not_adas_to_change(ada: User, acme: Company) -> None:
    assert code(change_company(acme, CompanyDraft(name="Acme II"), **as_(ada))) == "forbidden"
