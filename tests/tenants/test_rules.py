"""Rights as loaded from the database, and what exists for whom."""

from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.models import Model
from django.test.utils import CaptureQueriesContext

from accounts.models import Session, User
from accounts.principal import rights_of
from audit.events import Event
from audit.models import AuditEvent
from audit.record import Origin, record
from core.db import unit
from delivery.models import Delivery
from tenants.actor import system_actor
from tenants.models import Company, Kind, Permission, Privilege, Reach, Role, SettingsRevision
from tenants.rights import EVERYWHERE, NEEDS, NOTHING, NOWHERE, PRIVILEGES, Rights, exceeds
from tenants.rules import may_touch, rights_by_user, rights_given_by, visible_to, within_reach
from tenants.settings import change_settings
from tests.conftest import Clock

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db]
VERBS = ("view", "add", "change", "delete")


def permit(who: User | Role, kind: str, reach: Reach, company: Company | None = None) -> Permission:
    holder = {"user": who} if isinstance(who, User) else {"role": who}
    return Permission.objects.create(kind=kind, reach=reach, company=company, **holder)


def built_in(name: str) -> Role:
    return Role.objects.get(name=name, company=None)


# --- loading -----------------------------------------------------------------------------------------------------------


def test_a_member_may_do_and_see_nothing(ben: User) -> None:
    assert rights_of(ben) == Rights(rank=10)


def test_who_has_no_role_has_nothing(ben: User) -> None:
    ben.roles.clear()
    assert rights_of(ben) == NOTHING


def test_a_company_administrator_sees_all_of_his_own_company_and_no_other(ada: User, acme: Company) -> None:
    rights = rights_of(ada)
    assert rights.rank == 60
    assert rights.sees("user") == {acme.pk}
    assert rights.may_open_admin
    assert rights.may("change", "user")
    assert not rights.may("add", "company")


def test_a_full_administrator_may_do_everything_everywhere(root: User) -> None:
    rights = rights_of(root)
    assert rights.rank == 100
    assert all(rights.has(name) for name in PRIVILEGES)
    assert all(rights.sees(kind) is EVERYWHERE for kind in Kind.values)
    assert exceeds(rights, system_actor().rights) is None
    assert exceeds(system_actor().rights, rights) is None


def test_own_means_the_company_of_the_person_and_not_of_the_role(
    ben: User, acme: Company, globex: Company
) -> None:
    role = Role.objects.create(name="Reader", rank=5)
    permit(role, Kind.USER, Reach.OWN)
    ben.roles.add(role)
    assert rights_of(ben).sees("user") == {acme.pk}
    ben.company = globex
    ben.save()
    assert rights_of(ben).sees("user") == {globex.pk}


def test_own_means_nowhere_for_who_belongs_nowhere(root: User) -> None:
    root.roles.set([built_in("Company Administrator")])
    assert rights_of(root).sees("user") == NOWHERE
    assert not may_touch(rights_of(root), "view", "user", company_id=None)


def test_permissions_of_the_person_and_of_each_role_add_up(ben: User, acme: Company, globex: Company) -> None:
    third = Company.objects.create(name="Initech")
    role = Role.objects.create(name="Reader", rank=30)
    permit(role, Kind.USER, Reach.ONE, third)
    permit(ben, Kind.USER, Reach.OWN)
    permit(ben, Kind.AUDIT, Reach.ONE, globex)
    permit(built_in("Agent"), Kind.SESSION, Reach.EVERY)  # a role that he does not have
    ben.roles.add(role)
    rights = rights_of(ben)
    assert rights.rank == 30
    assert rights.reach == {"user": frozenset({acme.pk, third.pk}), "audit": frozenset({globex.pk})}


def test_privileges_of_every_role_add_up(ben: User) -> None:
    for name, privilege in (("One", "Users - View"), ("Two", "Audit - View")):
        role = Role.objects.create(name=name, rank=1)
        role.privileges.add(Privilege.objects.get(name=privilege))
        ben.roles.add(role)
    other = Privilege.objects.create(application="Dialler", name="Users - View")
    ben.roles.first().privileges.add(other)
    assert rights_of(ben).privileges == {
        ("Gatehouse", "Users - View"),
        ("Gatehouse", "Audit - View"),
        ("Dialler", "Users - View"),
    }


def test_the_rights_of_many_people_cost_no_more_statements_than_those_of_one(
    ada: User, ben: User, cleo: User, root: User
) -> None:
    def load(*people: User) -> dict[int, Rights]:
        role_ids = {one.pk: list(one.roles.values_list("pk", flat=True)) for one in people}
        with CaptureQueriesContext(connection) as asked:
            found = rights_by_user([(one.pk, one.company_id) for one in people], role_ids=role_ids)
        assert len(asked) == 4
        return found

    load(ada)
    found = load(ada, ben, cleo, root)
    assert found == {one.pk: rights_of(one) for one in (ada, ben, cleo, root)}


def test_what_roles_would_give_is_what_they_give(ada: User, ben: User, acme: Company) -> None:
    for person in (ada, ben):
        roles, permissions = list(person.roles.all()), list(person.permissions.all())
        assert rights_given_by(roles=roles, permissions=permissions, own=acme.pk) == rights_of(person)


@pytest.mark.parametrize(
    "row",
    [
        {"kind": "user", "reach": "own"},
        {"kind": "user", "reach": "one", "for": "ben"},
        {"kind": "user", "reach": "own", "for": "ben", "in": "acme"},
        {"kind": "user", "reach": "every", "for": "ben", "in": "acme"},
        {"kind": "user", "reach": "own", "for": "both"},
    ],
)
def test_a_permission_that_means_nothing_cannot_be_stored(
    ben: User, acme: Company, row: dict[str, str]
) -> None:
    wanted: dict[str, Any] = {"kind": row["kind"], "reach": row["reach"]}
    if "for" in row:
        wanted["user"] = ben
    if row.get("for") == "both":
        wanted["role"] = built_in("Agent")
    if "in" in row:
        wanted["company"] = acme
    with pytest.raises(IntegrityError), transaction.atomic():
        Permission.objects.create(**wanted)


# --- what exists for whom ----------------------------------------------------------------------------------------------


@pytest.fixture
def world(ada: User, ben: User, cleo: User, root: User, clock: Clock) -> dict[type[Model], dict[str, Any]]:
    """One object of every kind in Acme, in Globex, and of nobody."""
    found: dict[type[Model], dict[str, Any]] = {
        kind: {} for kind in (Session, Role, Permission, AuditEvent, Delivery, SettingsRevision)
    }
    for name, person in (("acme", ben), ("globex", cleo), ("nobody", root)):
        company = person.company
        found[Session][name] = Session.objects.create(
            user=person, kind="page", fingerprint=name, created_at=clock(), seen_at=clock(), confirmed_at=clock(), expires_at=clock()
        )  # fmt: skip
        found[Role][name] = Role.objects.create(name=f"Role of {name}", company=company, rank=1)
        found[Permission][name] = permit(person, Kind.AUDIT, Reach.OWN)
        with unit():
            record(
                Event.USER_CHANGED, origin=Origin(), at=clock(), company_id=person.company_id, subject=person
            )
        found[AuditEvent][name] = AuditEvent.objects.latest("id")
        found[Delivery][name] = Delivery.objects.create(
            kind="email", to=person.email, template="code", language="en", company_id=person.company_id,
            next_try_at=clock(), expires_at=clock(), created_at=clock(),
        )  # fmt: skip
        found[SettingsRevision][name] = change_settings(
            {"TwoFactor.CodeDigits": 8}, company=company, reason="test", by=system_actor(), now=clock()
        )
    found[User] = {"acme": ben, "globex": cleo, "nobody": root}
    found[Company] = {"acme": ben.company, "globex": cleo.company}
    return found


World = dict[type[Model], dict[str, Any]]
MODELS = [User, Session, Role, Permission, AuditEvent, Delivery, SettingsRevision, Company]


def seen(rights: Rights, model: type[Model], world: World) -> set[str]:
    """Whose of the objects of the world exist for these rights."""
    visible = set(visible_to(rights, model).values_list("pk", flat=True))
    return {name for name, one in world[model].items() if one.pk in visible}


@pytest.mark.parametrize("model", MODELS)
def test_ada_sees_what_is_of_her_company_and_nothing_of_another(
    world: World, ada: User, model: type[Model]
) -> None:
    # Roles of no company can be given everywhere, so every administrator sees them.
    assert seen(rights_of(ada), model, world) == ({"acme", "nobody"} if model is Role else {"acme"})


@pytest.mark.parametrize("model", MODELS)
def test_cleo_does_not_see_what_is_of_adas_company(world: World, cleo: User, model: type[Model]) -> None:
    assert "acme" not in seen(rights_of(cleo), model, world)
    assert "globex" in seen(rights_of(cleo), model, world)


@pytest.mark.parametrize("model", MODELS)
def test_root_sees_everything(world: World, root: User, model: type[Model]) -> None:
    assert seen(rights_of(root), model, world) == set(world[model])


@pytest.mark.parametrize("model", MODELS)
def test_ben_and_a_stranger_see_nothing(world: World, ben: User, model: type[Model]) -> None:
    for rights in (rights_of(ben), NOTHING):
        assert seen(rights, model, world) == set()
        assert not visible_to(rights, model).exists()


@pytest.mark.parametrize("model", MODELS)
def test_reach_without_the_privilege_shows_nothing(world: World, model: type[Model]) -> None:
    assert seen(Rights(rank=100, reach={"*": EVERYWHERE}), model, world) == set()


@pytest.mark.parametrize("model", MODELS)
def test_the_privilege_without_reach_shows_no_companys_things(world: World, model: type[Model]) -> None:
    rights = Rights(rank=100, privileges=frozenset(("Gatehouse", name) for name in PRIVILEGES))
    assert seen(rights, model, world) == ({"nobody"} if model is Role else set())


@pytest.mark.parametrize("model", MODELS)
def test_reach_of_another_kind_opens_nothing(world: World, acme: Company, model: type[Model]) -> None:
    kind = str(model.scope_kind)  # type: ignore[attr-defined]
    others = {one: frozenset({acme.pk}) for one in Kind.values if one not in {kind, "*"}}
    everything = frozenset(("Gatehouse", name) for name in PRIVILEGES)
    assert "acme" not in seen(Rights(privileges=everything, reach=others), model, world)
    assert "acme" in seen(Rights(privileges=everything, reach={kind: frozenset({acme.pk})}), model, world)


def test_the_permission_of_a_role_exists_for_those_who_see_the_roles_company(
    world: World, ada: User, cleo: User
) -> None:
    of_role = permit(world[Role]["acme"], Kind.USER, Reach.OWN)
    of_everywhere = permit(world[Role]["nobody"], Kind.USER, Reach.OWN)
    assert of_role in visible_to(rights_of(ada), Permission)
    assert of_role not in visible_to(rights_of(cleo), Permission)
    assert of_everywhere not in visible_to(rights_of(ada), Permission)


def test_a_permission_with_two_ways_to_it_is_listed_once(world: World, ada: User) -> None:
    rows = list(visible_to(rights_of(ada), Permission))
    assert len(rows) == len(set(rows))


def test_the_catalogue_of_privileges_is_one_for_all_companies(ada: User, ben: User) -> None:
    assert visible_to(rights_of(ada), Privilege).count() == Privilege.objects.count()
    assert not visible_to(rights_of(ben), Privilege).exists()


def test_what_has_no_scope_exists_for_nobody(root: User) -> None:
    """A new model is closed until somebody says whose its rows are."""
    from accounts.models import UsedPassword

    UsedPassword.objects.create(user=root, password="x", at=root.created_at)
    assert not visible_to(rights_of(root), UsedPassword).exists()
    assert not within_reach(rights_of(root), UsedPassword).exists()


# --- what may be done with it ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", NEEDS)
def test_ada_touches_only_what_is_of_her_company(
    ada: User, acme: Company, globex: Company, kind: str
) -> None:
    rights = rights_of(ada)
    for verb in VERBS:
        assert may_touch(rights, verb, kind, company_id=acme.pk) is rights.may(verb, kind)
        assert not may_touch(rights, verb, kind, company_id=globex.pk)
        assert not may_touch(rights, verb, kind, company_id=None)


@pytest.mark.parametrize("kind", NEEDS)
def test_root_touches_everything_that_can_be_touched_at_all(root: User, acme: Company, kind: str) -> None:
    for verb in VERBS:
        for company_id in (acme.pk, None):
            assert may_touch(rights_of(root), verb, kind, company_id=company_id) is (verb in NEEDS[kind])


@pytest.mark.parametrize("kind", [*NEEDS, "", "nothing"])
def test_ben_touches_nothing(ben: User, acme: Company, kind: str) -> None:
    assert not any(may_touch(rights_of(ben), verb, kind, company_id=acme.pk) for verb in VERBS)
