"""People of the Configuration Server: signing in, what is loaded, and what ends it."""

import pytest

from accounts.housekeeping import end_voided
from accounts.models import Session, User
from accounts.names import Realm
from audit.models import AuditEvent
from configserver import services
from configserver.models import Person, Role
from tenants.actor import system_actor
from tenants.models import Company
from tests import directory
from tests.journeys.doors import ApiDoor, Door, WebDoor, sign_in
from tests.journeys.stage import NEW_PASSWORD, PASSWORD, Post, Time, configure

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db]


@pytest.fixture(autouse=True)
def mode(db: None) -> None:
    configure(Login__ExternalAuthenticationMode="ConfigServer")


@pytest.fixture
def agent(db: None) -> Role:
    return directory.role("Contact Centre Agent", privileges=[("Workspace", "Agent - Can Monitor Co-browse")])


@pytest.fixture
def dora(acme: Company, agent: Role) -> Person:
    tenant = directory.tenant(directory.ACME_DBID, company=acme)
    return directory.person(
        "dora", tenant=tenant, password=PASSWORD, roles=[agent], email="dora@acme.example"
    )


@pytest.fixture
def egon(db: None) -> Person:
    return directory.person("egon", tenant=directory.tenant(directory.NOWHERE_DBID), password=PASSWORD)


def shadow(name: str) -> User:
    return User.objects.get(realm=Realm.EXTERNAL, login_key=name)


def test_dora_signs_in_and_gets_role_privilege_and_company(api: ApiDoor, dora: Person, acme: Company) -> None:
    said = sign_in(api, "dora", PASSWORD)
    assert said.step == "done", said
    assert said.facts["company"]["name"] == "Acme"
    assert said.facts["roles"] == ["Contact Centre Agent"]
    assert {"application": "Workspace", "name": "Agent - Can Monitor Co-browse"} in said.facts["privileges"]
    user = shadow("dora")
    assert (user.source_id, user.company, user.has_usable_password()) == (dora.uid, acme, False)
    assert Session.objects.get().user == user


def test_the_company_is_shown_where_the_sign_in_lands(web: WebDoor, dora: Person) -> None:
    assert sign_in(web, "dora", PASSWORD).step == "done"
    assert "Acme" in web.page.text
    assert "Contact Centre Agent" in web.page.text


def test_with_the_mode_none_the_answer_is_that_of_a_wrong_password(door: Door, dora: Person) -> None:
    configure(Login__ExternalAuthenticationMode="None")
    said = sign_in(door, "dora", PASSWORD)
    assert said.refused
    assert "do not fit together" in said.text
    assert not door.is_in()


def test_a_tenant_without_a_company_is_turned_away_and_the_trail_says_why(door: Door, egon: Person) -> None:
    said = sign_in(door, "egon", PASSWORD)
    assert said.refused
    assert "no company here yet" in said.text
    assert AuditEvent.objects.filter(event="login:attempt:denied", details__reason="no_company").exists()
    assert not User.objects.filter(realm=Realm.EXTERNAL).exists()


def test_without_a_link_the_default_company_is_loaded(api: ApiDoor, egon: Person, globex: Company) -> None:
    configure(GenesysSDK__ConfigServerLogin__DefaultCompanyID=str(globex.uid))
    assert sign_in(api, "egon", PASSWORD).facts["company"]["name"] == "Globex"


def test_a_due_change_is_made_where_the_password_is_kept(door: Door, dora: Person) -> None:
    Person.objects.filter(pk=dora.pk).update(must_change_password=True)
    assert sign_in(door, "dora", PASSWORD).step == "change-password"
    said = door.take("change-password", current_password=PASSWORD, new_password="short")
    assert "at least 12" in said.text
    said = door.take("change-password", current_password=PASSWORD, new_password=NEW_PASSWORD)
    assert said.step == "done", said
    assert door.is_in()
    dora.refresh_from_db()
    assert not dora.must_change_password
    other = door.stranger()
    assert sign_in(other, "dora", PASSWORD).refused
    assert other.take("password", password=NEW_PASSWORD).step == "done"


def test_a_person_switched_off_is_out_at_once_and_stays_out(door: Door, dora: Person, clock: Time) -> None:
    assert sign_in(door, "dora", PASSWORD).step == "done"
    draft = services.PersonDraft(is_active=False)
    services.change_person(dora, draft, by=system_actor(), now=clock())
    assert not door.is_in()
    services.change_person(dora, services.PersonDraft(is_active=True), by=system_actor(), now=clock())
    assert not door.is_in()
    assert sign_in(door.stranger(), "dora", PASSWORD).step == "done"


def test_the_same_name_inside_and_outside_is_two_people(door: Door, dora: Person, ben: User) -> None:
    twin = directory.person("ben@acme.example", tenant=dora.tenant, password=NEW_PASSWORD)
    assert door.begin("ben@acme.example", realm="external").step == "password"
    assert door.take("password", password=PASSWORD).refused
    assert door.take("password", password=NEW_PASSWORD).step == "done"
    assert User.objects.get(source_id=twin.uid) != ben
    assert sign_in(door.stranger(), "ben@acme.example", NEW_PASSWORD).refused


def test_a_forgotten_password_is_told_where_to_go(
    web: WebDoor, dora: Person, post: Post, clock: Time
) -> None:
    sign_in(web, "dora", PASSWORD)
    User.objects.filter(source_id=dora.uid).update(email_verified_at=clock())
    known, unknown = web.stranger(), web.stranger()
    assert known.forgotten("dora").text.replace("dora", "nobody") == unknown.forgotten("nobody").text
    told = post.newest("dora@acme.example")
    assert "kept in the directory" in told
    assert "/login/forgotten/" not in told


def test_switching_the_mode_off_ends_what_external_people_hold(door: Door, dora: Person, clock: Time) -> None:
    sign_in(door, "dora", PASSWORD)
    configure(Login__ExternalAuthenticationMode="None")
    assert not door.is_in()
    assert end_voided(now=clock.forward(seconds=1)) == 1
    configure(Login__ExternalAuthenticationMode="ConfigServer")
    assert not door.is_in()


def test_what_a_directory_has_voided_ends_in_the_books_too(
    door: Door, dora: Person, ben: User, clock: Time
) -> None:
    sign_in(door, "dora", PASSWORD)
    sign_in(door.stranger(), "ben@acme.example", PASSWORD)
    assert end_voided(now=clock.forward(seconds=1)) == 0
    services.change_person(dora, services.PersonDraft(roles=[]), by=system_actor(), now=clock())
    assert end_voided(now=clock()) == 1
    assert (
        AuditEvent.objects.filter(
            event="accounts:session:ended", details__reason="changed_in_directory"
        ).count()
        == 1
    )
    assert Session.objects.filter(ended_at=None).count() == 1


def test_a_name_that_passes_on_is_given_up_by_whoever_had_it_however_long_it_is(
    door: Door, dora: Person, clock: Time
) -> None:
    long = "\ufb03" * 100  # folded, three letters each
    services.change_person(dora, services.PersonDraft(name=long), by=system_actor(), now=clock())
    assert sign_in(door, long, PASSWORD).step == "done"
    services.change_person(dora, services.PersonDraft(name="dora"), by=system_actor(), now=clock())
    directory.person(long, tenant=dora.tenant, password=NEW_PASSWORD)
    assert sign_in(door.stranger(), long, NEW_PASSWORD).step == "done"
    assert sign_in(door.stranger(), "dora", PASSWORD).step == "done"
    assert User.objects.filter(realm=Realm.EXTERNAL).count() == 2
