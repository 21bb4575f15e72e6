"""The verbs on external persons: who may do what to whom, and what a change ends."""

from datetime import datetime
from typing import Any

import pytest

from accounts.models import User
from audit.models import AuditEvent
from configserver import services
from configserver.models import Permission, Person, Role, Tenant
from configserver.services import PersonDraft
from core.outcomes import Denied
from tenants.actor import Actor
from tenants.models import Company
from tenants.settings import snapshot
from tests import cast, directory

pytestmark = pytest.mark.django_db
PASSWORD = "a lantern in the harbour 7"


@pytest.fixture
def tenant(acme: Company) -> Tenant:
    return directory.tenant(directory.ACME_DBID, company=acme)


@pytest.fixture
def elsewhere(globex: Company) -> Tenant:
    return directory.tenant(202, company=globex)


@pytest.fixture
def by(ada: User, tenant: Tenant) -> Actor:
    """Ada, who administers Acme."""
    return cast.acting(ada)


@pytest.fixture
def agent(db: None) -> Role:
    return directory.role("Agent", rank=20)


@pytest.fixture
def dora(hashes: Any, tenant: Tenant, agent: Role) -> Person:
    return directory.person("dora", tenant=tenant, password=PASSWORD, roles=[agent])


def code(result: object) -> str:
    return result.code if isinstance(result, Denied) else ""


def create(by: Actor, now: datetime, *, password: str = PASSWORD, **fields: Any) -> Person | Denied:
    draft = PersonDraft(**({"name": "fritz", "display_name": "Fritz"} | fields))
    return services.create_person(draft, password=password, environment=snapshot(None), by=by, now=now)


def test_a_company_administrator_makes_persons_of_the_linked_tenant_alone(
    by: Actor, tenant: Tenant, elsewhere: Tenant, agent: Role, now: datetime
) -> None:
    assert code(create(by, now, tenant=elsewhere)) == "forbidden"
    made = create(by, now, tenant=tenant, roles=[agent])
    assert isinstance(made, Person)
    assert (
        AuditEvent.objects.get(event="configserver:person:created").company_id
        == Company.objects.get(name="Acme").pk
    )


def test_nobody_gives_more_than_he_has(by: Actor, tenant: Tenant, dora: Person, now: datetime) -> None:
    above = directory.role("Above", rank=99)
    everywhere = directory.role("Everywhere", rank=1)
    Permission.objects.create(role=everywhere, kind="user", reach="every")
    manages = directory.role("Manages", rank=1, privileges=[("Gatehouse", "Companies - Manage")])
    for role, refusal in (
        (above, "rank_too_high"),
        (everywhere, "reach_not_held"),
        (manages, "privilege_not_held"),
    ):
        assert code(create(by, now, tenant=tenant, roles=[role])) == refusal
        assert code(services.change_person(dora, PersonDraft(roles=[role]), by=by, now=now)) == refusal
    foreign = directory.role("Foreign", rank=20, privileges=[("Workspace", "Chat")])
    assert isinstance(services.change_person(dora, PersonDraft(roles=[foreign]), by=by, now=now), Person)


def test_whoever_stands_above_is_not_touched(by: Actor, dora: Person, now: datetime) -> None:
    dora.roles.add(directory.role("Above", rank=99))
    environment = snapshot(None)
    assert (
        code(services.change_person(dora, PersonDraft(display_name="X"), by=by, now=now)) == "rank_too_high"
    )
    assert code(services.delete_person(dora, by=by, now=now)) == "rank_too_high"
    assert code(services.forget_entry(dora, by=by, now=now)) == "rank_too_high"
    given = services.give_password(dora, "x" * 20, must_change=True, environment=environment, by=by, now=now)
    assert code(given) == "rank_too_high"


def test_persons_of_another_company_do_not_exist(elsewhere: Tenant, by: Actor, now: datetime) -> None:
    cleos = directory.person("zoe", tenant=elsewhere)
    assert code(services.change_person(cleos, PersonDraft(display_name="X"), by=by, now=now)) == "not_found"
    assert code(services.delete_person(cleos, by=by, now=now)) == "not_found"


def test_nobody_is_moved_to_or_from_another_company(
    dora: Person, elsewhere: Tenant, by: Actor, now: datetime
) -> None:
    moved = services.change_person(dora, PersonDraft(tenant=elsewhere), by=by, now=now)
    assert (code(moved), getattr(moved, "field", None)) == ("forbidden", "tenant")


def test_who_proves_a_password_is_not_for_one_company_to_say(
    dora: Person, tenant: Tenant, by: Actor, now: datetime
) -> None:
    other = directory.ldap("other")
    assert code(services.change_person(dora, PersonDraft(directory=other), by=by, now=now)) == "forbidden"
    assert code(create(by, now, tenant=tenant, directory=other)) == "forbidden"


@pytest.mark.parametrize(
    ("draft", "voids"),
    [
        (PersonDraft(display_name="Dora D."), False),
        (PersonDraft(phone="+49 30 1234567"), False),
        (PersonDraft(is_active=False), True),
        (PersonDraft(name="dorothea"), True),
        (PersonDraft(email="dora@acme.example"), True),
        (PersonDraft(external_id="d.d"), True),
        (PersonDraft(roles=[]), True),
        (PersonDraft(must_change_password=True), True),
    ],
)
def test_what_changes_who_somebody_is_ends_what_was_granted(
    draft: PersonDraft, voids: bool, dora: Person, by: Actor, now: datetime
) -> None:
    assert isinstance(services.change_person(dora, draft, by=by, now=now), Person)
    dora.refresh_from_db()
    assert (dora.version > 1) == voids


def test_a_name_is_one_persons_in_any_spelling(
    dora: Person, tenant: Tenant, by: Actor, now: datetime
) -> None:
    for name in ("DORA", " dora ", "\uff44ora"):
        assert code(create(by, now, name=name, tenant=tenant)) == "name_taken"
    assert isinstance(
        create(by, now, name="d\u043era", tenant=tenant), Person
    )  # another letter is another name


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "x" * 255}, "name"),
        ({"display_name": " "}, "display_name"),
        ({"email": "no address"}, "email"),
        ({"phone": "12"}, "phone"),
        ({"external_id": "x" * 255}, "external_id"),
    ],
)
def test_what_does_not_fit_is_refused(
    fields: dict[str, str], field: str, tenant: Tenant, by: Actor, now: datetime
) -> None:
    refused = create(by, now, tenant=tenant, **fields)
    assert isinstance(refused, Denied)
    assert (refused.code, refused.field) == ("invalid", field)


def test_the_own_person_is_neither_switched_off_nor_deleted(
    dora: Person, acme: Company, now: datetime, system: Actor
) -> None:
    mine = cast.person("dora@x.example", company=acme, role=cast.COMPANY_ADMINISTRATOR)
    User.objects.filter(pk=mine.pk).update(source_id=dora.uid, source_version=1)
    mine.refresh_from_db()
    me = cast.acting(mine)
    assert code(services.change_person(dora, PersonDraft(is_active=False), by=me, now=now)) == "own_account"
    assert code(services.delete_person(dora, by=me, now=now)) == "own_account"


def test_a_person_of_a_directory_gets_no_password_here(dora: Person, system: Actor, now: datetime) -> None:
    Person.objects.filter(pk=dora.pk).update(directory=directory.ldap("other"))
    dora.refresh_from_db()
    refused = services.give_password(
        dora, "x" * 20, must_change=True, environment=snapshot(None), by=system, now=now
    )
    assert code(refused) == "kept_elsewhere"


def test_another_directory_forgets_the_entry(dora: Person, system: Actor, now: datetime) -> None:
    Person.objects.filter(pk=dora.pk).update(entry="an-entry")
    services.change_person(dora, PersonDraft(display_name="X"), by=system, now=now)
    dora.refresh_from_db()
    assert dora.entry == "an-entry"
    services.change_person(dora, PersonDraft(external_id="other"), by=system, now=now)
    dora.refresh_from_db()
    assert dora.entry == ""
