"""External people change their own password: where the Configuration Server keeps it, and where a directory takes the new one."""

import pytest

from accounts.models import Session
from audit.models import AuditEvent
from configserver.models import Person, Tenant
from tenants.models import Company
from tests import directory
from tests.journeys.doors import ApiDoor, Door, Said, WebDoor, sign_in
from tests.journeys.stage import NEW_PASSWORD, PASSWORD, configure

pytestmark = pytest.mark.django_db
DORA = "dora"


@pytest.fixture(autouse=True)
def mode(db: None) -> None:
    configure(Login__ExternalAuthenticationMode="ConfigServer")


@pytest.fixture
def tenant(acme: Company) -> Tenant:
    return directory.tenant(directory.ACME_DBID, company=acme)


@pytest.fixture
def dora(tenant: Tenant) -> Person:
    """The Configuration Server keeps her password."""
    return directory.person(DORA, tenant=tenant, password=PASSWORD)


def change(door: Door, *, current: str, new: str) -> Said:
    """Change the own password in a session, on the page or over the API."""
    fields = {"current_password": current, "new_password": new}
    if isinstance(door, ApiDoor):
        return door.post("/api/v1/me/password/", fields, bearer=door.access)
    assert isinstance(door, WebDoor)
    page = door.open("/account/password/")
    form = next(one for one in page.forms if "new_password" in one.values)
    door.send(form, **fields)
    return door.said()


def changed(said: Said) -> bool:
    """Whether the new password was taken."""
    return said.status == 204 or "Your password was changed" in said.text


# --- kept by the Configuration Server


def test_a_password_kept_here_is_changed_at_will_and_other_sessions_end(door: Door, dora: Person) -> None:
    other = door.stranger()
    for one in (door, other):
        assert sign_in(one, DORA, PASSWORD).step == "done"
    assert changed(change(door, current=PASSWORD, new=NEW_PASSWORD))
    assert door.is_in()
    assert not other.is_in()
    assert sign_in(other, DORA, PASSWORD).refused
    assert other.take("password", password=NEW_PASSWORD).step == "done"
    assert AuditEvent.objects.filter(event="accounts:password:changed").count() == 1


def test_the_current_password_is_asked_for_and_counted(door: Door, dora: Person) -> None:
    assert sign_in(door, DORA, PASSWORD).step == "done"
    for _ in range(10):
        said = change(door, current="a wrong guess", new=NEW_PASSWORD)
        assert not changed(said)
        assert "current password is not right" in said.text
    assert not changed(change(door, current=PASSWORD, new=NEW_PASSWORD))
    assert sign_in(door.stranger(), DORA, NEW_PASSWORD).refused


def test_the_rules_of_the_tenant_hold_for_its_people_and_are_shown(web: WebDoor, dora: Person) -> None:
    configure(Login__Security__Strict=True)
    Tenant.objects.filter(pk=dora.tenant_id).update(
        rules={"security-authentication-rules.password-min-length": 20}
    )
    assert sign_in(web, DORA, PASSWORD).step == "done"
    assert "at least 20 characters" in web.open("/account/password/").text
    said = change(web, current=PASSWORD, new="nineteen characters")
    assert "at least 20 characters" in said.text
    assert not changed(said)
    assert changed(change(web, current=PASSWORD, new=NEW_PASSWORD))


def test_nobody_s_password_can_be_changed_while_external_people_are_kept_out(
    door: Door, dora: Person
) -> None:
    assert sign_in(door, DORA, PASSWORD).step == "done"
    configure(Login__ExternalAuthenticationMode="None")
    if isinstance(door, ApiDoor):
        said = change(door, current=PASSWORD, new=NEW_PASSWORD)
        assert said.status in {401, 409}
    else:
        assert isinstance(door, WebDoor)
        door.post("/account/password/", current_password=PASSWORD, new_password=NEW_PASSWORD)
    configure(Login__ExternalAuthenticationMode="ConfigServer")
    assert sign_in(door.stranger(), DORA, PASSWORD).step == "done"
    assert Session.objects.filter(user__username=DORA).exists()
