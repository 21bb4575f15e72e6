"""The one answer of the Configuration Server about persons whose passwords it keeps itself."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.hashers import make_password

from configserver import service, services
from configserver.choice import INTERNAL
from configserver.engines.base import Refused
from configserver.models import ENVIRONMENT_DBID, Person, Tenant
from configserver.service import PasswordSet
from configserver.values import Identity, Opened
from core.outcomes import Denied
from tenants.actor import Actor
from tenants.settings import snapshot
from tests import directory
from tests.attacks.hashers import Counting
from tests.journeys.stage import configure

pytestmark = pytest.mark.django_db
WIDE = "\uff44\uff4f\uff52\uff41"  # dora, in another width
PASSWORD, OTHER = "a lantern in the harbour 7", "two kettles under the bridge 8"


@pytest.fixture
def acme_tenant(db: None) -> Tenant:
    return directory.tenant(directory.ACME_DBID)


@pytest.fixture
def dora(hashes: type[Counting], acme_tenant: Tenant) -> Person:
    role = directory.role("Agent", privileges=[("Workspace", "Chat")], opens=["user"])
    return directory.person("dora", tenant=acme_tenant, password=PASSWORD, roles=[role])


def ask(name: str, password: str, *, now: datetime) -> Any:
    return service.authenticate(name, password, environment=snapshot(None), now=now)


def test_a_right_password_tells_everything_that_the_portal_needs(dora: Person, now: datetime) -> None:
    found = ask(" DORA ", PASSWORD, now=now)
    assert isinstance(found, Identity)
    assert (found.id, found.name, found.tenant, found.engine) == (dora.uid, "dora", 101, INTERNAL)
    (role,) = found.roles
    assert (role.name, role.rank, role.privileges) == ("Agent", 20, {("Workspace", "Chat")})
    assert role.permissions == (Opened(kind="user", reach="own", tenant=dora.tenant.dbid),)
    assert (found.must_change, found.may_change, found.factor_proved) == (False, True, False)


@pytest.mark.parametrize(
    "who", ["nobody", "wrong", "disabled", "tenant-off", "root-off", "no-password", "directory-gone"]
)
def test_every_refusal_is_the_same_and_costs_one_hash(who: str, dora: Person, now: datetime) -> None:
    if who == "disabled":
        Person.objects.filter(pk=dora.pk).update(is_active=False)
    if who == "no-password":
        Person.objects.filter(pk=dora.pk).update(password="")
    if who in {"tenant-off", "root-off"}:
        dbid = directory.ACME_DBID if who == "tenant-off" else ENVIRONMENT_DBID
        Tenant.objects.filter(dbid=dbid).update(is_active=False)
    if who == "directory-gone":
        off = directory.ldap("off", is_active=False)
        Person.objects.filter(pk=dora.pk).update(directory=off)
    Counting.count = 0
    found = ask("nobody" if who == "nobody" else "dora", OTHER if who == "wrong" else PASSWORD, now=now)
    assert isinstance(found, Refused)
    assert found.told == ""
    assert Counting.count == 1


@pytest.mark.parametrize("name", ["", "*", "do*ra", "dora\0", "dora)(uid=*", "d" * 10_000, WIDE, "\ud800"])
def test_a_name_is_data(name: str, dora: Person, now: datetime) -> None:
    found = ask(name, PASSWORD, now=now)
    # Compatibility forms are the same name, as everywhere.
    assert isinstance(found, Identity) == (name == WIDE)


def test_expiry_and_the_flag_ask_for_a_change(dora: Person, now: datetime) -> None:
    configure(Login__Security__Strict=True, security_authentication_rules__password_expiration=30)
    assert not ask("dora", PASSWORD, now=now).must_change
    assert ask("dora", PASSWORD, now=now + timedelta(days=31)).must_change
    Person.objects.filter(pk=dora.pk).update(must_change_password=True)
    assert ask("dora", PASSWORD, now=now).must_change


def set_password(dora: Person, current: str, new: str, *, now: datetime) -> Any:
    return service.set_password(
        dora.uid, version=dora.version, current=current, new=new, environment=snapshot(None), now=now
    )


def test_a_new_password_clears_the_flag_and_ends_what_was_granted(dora: Person, now: datetime) -> None:
    Person.objects.filter(pk=dora.pk).update(must_change_password=True)
    assert isinstance(set_password(dora, OTHER, OTHER, now=now), Refused)
    refused = set_password(dora, PASSWORD, "short", now=now)
    assert isinstance(refused, Denied)
    assert refused.code == "password_rules"
    assert isinstance(set_password(dora, PASSWORD, PASSWORD, now=now), Denied)
    assert set_password(dora, PASSWORD, OTHER, now=now) == PasswordSet(version=dora.version + 1)
    dora.refresh_from_db()
    assert (dora.must_change_password, dora.version) == (False, 2)
    assert isinstance(ask("dora", OTHER, now=now), Identity)
    assert isinstance(ask("dora", PASSWORD, now=now), Refused)


def test_rules_come_from_the_tenant_then_from_those_above_then_from_the_settings(
    dora: Person, acme_tenant: Tenant, system: Actor, now: datetime
) -> None:
    configure(Login__Security__Strict=True, security_authentication_rules__password_min_length=20)
    below = directory.tenant(102, parent=acme_tenant)
    Person.objects.filter(pk=dora.pk).update(tenant=below)
    dora.refresh_from_db()

    def length() -> int:
        return service.rules_of(dora, snapshot(None)).length

    def say(tenant: Tenant, *, inherits: bool = True, **rules: int) -> None:
        named = {
            f"security-authentication-rules.{name.replace('_', '-')}": one for name, one in rules.items()
        }
        draft = services.TenantDraft(rules=named, inherits=inherits)
        assert isinstance(services.change_tenant(tenant, draft, by=system, now=now), Tenant)

    assert length() == 20
    say(acme_tenant, password_min_length=24)
    assert length() == 24
    say(below, password_no_repeats=3)
    rules = service.rules_of(dora, snapshot(None))
    assert (rules.length, rules.no_repeats) == (24, 3)
    say(below, password_min_length=30)
    assert length() == 30
    say(below, inherits=False)
    assert length() == 12  # the floor: what stands above is not taken


def test_a_role_of_a_directorys_group_is_not_given_without_it(dora: Person, now: datetime) -> None:
    directory.role("Manager", rank=90)
    assert [role.name for role in ask("dora", PASSWORD, now=now).roles] == ["Agent"]


def test_the_hash_is_made_anew_when_it_is_outdated(dora: Person, now: datetime, settings: Any) -> None:
    settings.PASSWORD_HASHERS = [
        "django.contrib.auth.hashers.MD5PasswordHasher",
        "tests.attacks.hashers.Counting",
    ]
    assert isinstance(ask("dora", PASSWORD, now=now), Identity)
    dora.refresh_from_db()
    assert dora.password.startswith("md5$")
    assert make_password(PASSWORD).startswith("md5$")
