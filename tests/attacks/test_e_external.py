"""E. Access after it should have ended, of people whom the Configuration Server or its directories let in."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from accounts.companies import change_company
from accounts.models import Session, User
from accounts.people import lock_user
from configserver import services
from configserver.directory import Directory
from configserver.models import ENVIRONMENT_DBID, Person, Role, Tenant
from core.outcomes import Denied
from tenants.actor import system_actor
from tenants.models import Company
from tenants.services import CompanyDraft
from tenants.settings import snapshot
from tests import directories, directory
from tests.journeys.doors import ApiDoor, WebDoor, sign_in
from tests.journeys.ldap_stage import *  # noqa: F403
from tests.journeys.ldap_stage import shadow
from tests.journeys.stage import NEW_PASSWORD, PASSWORD, Time, configure
from tests.services.ldap import AGENTS, SERVICE_PASSWORD, password_of

pytestmark = pytest.mark.django_db
KEPT_HERE = "kept.here"
WATCHER = Path(__file__).with_name("watcher.py")
End = Callable[[str], Any]


def now() -> dict[str, Any]:
    return {"by": system_actor(), "now": timezone.now()}


def whom(name: str) -> Person:
    return Person.objects.select_related("tenant", "directory").get(name=name)


def disable(name: str) -> Any:
    return services.change_person(whom(name), services.PersonDraft(is_active=False), **now())


def delete(name: str) -> Any:
    return services.delete_person(whom(name), **now())


def rename(name: str) -> Any:
    return services.change_person(whom(name), services.PersonDraft(name="somebody.else"), **now())


def take_roles(name: str) -> Any:
    return services.change_person(
        whom(name), services.PersonDraft(roles=[directory.role("Another")]), **now()
    )


def move(name: str) -> Any:
    other = Tenant.objects.get(dbid=102)
    return services.change_person(whom(name), services.PersonDraft(tenant=other), **now())


def close_tenant(name: str) -> Any:
    return services.change_tenant(whom(name).tenant, services.TenantDraft(is_active=False), **now())


def close_the_tenant_above(name: str) -> Any:
    tenant = whom(name).tenant
    above = directory.tenant(100, name="Above")
    services.change_tenant(tenant, services.TenantDraft(parent=above), **now())
    sign_everybody_in_again()
    return services.change_tenant(above, services.TenantDraft(is_active=False), **now())


def unlink_company(name: str) -> Any:
    company = Company.objects.get(tenant_dbid=whom(name).tenant.dbid)
    return change_company(company, CompanyDraft(tenant_dbid=None), **now())


def close_company(name: str) -> Any:
    company = Company.objects.get(tenant_dbid=whom(name).tenant.dbid)
    return change_company(company, CompanyDraft(is_active=False), **now())


def lock_the_account(name: str) -> Any:
    return lock_user(shadow(name), reason="seen elsewhere", **now())


def change_the_role(name: str) -> Any:
    draft = services.RoleDraft(privileges=())
    return services.change_role(Role.objects.get(name="Agent of the directory"), draft, **now())


def give_password(name: str) -> Any:
    return services.give_password(
        whom(name), NEW_PASSWORD, must_change=True, environment=snapshot(None), **now()
    )


def close_directory(name: str) -> Any:
    draft = services.DirectoryDraft(is_active=False)
    return services.change_directory(Directory.objects.get(), draft, **now())


def lead_the_directory_elsewhere(name: str) -> Any:
    draft = services.DirectoryDraft(servers="ldaps://elsewhere.example", secret=SERVICE_PASSWORD)
    return services.change_directory(Directory.objects.get(), draft, **now())


def map_the_group_to_nothing(name: str) -> Any:
    return services.change_directory(Directory.objects.get(), services.DirectoryDraft(groups=[]), **now())


def prove_the_tenant_elsewhere(name: str) -> Any:
    draft = services.TenantDraft(library="internal", directory=None)
    return services.change_tenant(whom(name).tenant, draft, **now())


def name_another_directory(name: str) -> Any:
    other = directories.radius("127.0.0.1:9", name="another")
    return services.change_person(whom(name), services.PersonDraft(directory=other), **now())


_doors: list[tuple[WebDoor | ApiDoor, str, str]] = []


def sign_everybody_in_again() -> None:
    for door, name, password in _doors:
        assert sign_in(door, name, password).step == "done"


def in_by_both_doors(name: str, password: str) -> tuple[WebDoor, ApiDoor]:
    web, api = WebDoor(), ApiDoor()
    _doors[:] = [(web, name, password), (api, name, password)]
    sign_everybody_in_again()
    return web, api


def assert_ended(web: WebDoor, api: ApiDoor) -> None:
    """At the page, at the API by cookie and by access token, for the refresh token, and for whoever asks about the token."""
    assert not web.is_in()
    assert web.browser.get("/api/v1/me/").status_code == 401
    assert not api.is_in()
    said = api.stranger().post("/api/v1/tokens/introspect/", {"token": api.access}, bearer=api.access)
    assert not said.facts.get("active")
    assert api.post("/api/v1/tokens/refresh/", {"refresh_token": api.refresh}).status == 401


@pytest.fixture
def kept_here(acme_tenant: Tenant, globex_tenant: Tenant, agent: Role) -> Person:
    """Of Acme, an agent, with a password that the Configuration Server keeps."""
    return directory.person(KEPT_HERE, tenant=acme_tenant, password=PASSWORD, roles=[agent])


# --- 18


@pytest.mark.parametrize(
    "end",
    [
        disable, delete, rename, take_roles, move, close_tenant, close_the_tenant_above, unlink_company, close_company,
        lock_the_account, change_the_role, give_password,
    ],
)  # fmt: skip
def test_everything_that_takes_access_from_a_person_kept_here_ends_it_everywhere(
    kept_here: Person, end: End
) -> None:
    web, api = in_by_both_doors(KEPT_HERE, PASSWORD)
    half = ApiDoor()
    half.begin(KEPT_HERE)
    assert not isinstance(end(KEPT_HERE), Denied)
    assert_ended(web, api)
    if end in {
        disable,
        close_tenant,
        close_the_tenant_above,
        close_company,
        lock_the_account,
        unlink_company,
    }:
        assert half.take("password", password=PASSWORD).step != "done"
    assert all(one.user.may_sign_in is False or not one.is_live(now=timezone.now()) for one in live())


def live() -> list[Session]:
    return list(Session.objects.filter(ended_at=None).select_related("user"))


@pytest.mark.parametrize(
    "end",
    [
        disable, delete, rename, take_roles, move, close_tenant, close_the_tenant_above, unlink_company, close_company,
        lock_the_account, change_the_role, close_directory, lead_the_directory_elsewhere, map_the_group_to_nothing,
        name_another_directory,
    ],
)  # fmt: skip
def test_everything_that_takes_access_from_a_person_of_a_directory_ends_it_everywhere(
    dora: Person, end: End
) -> None:
    web, api = in_by_both_doors("dora", password_of("dora"))
    assert not isinstance(end("dora"), Denied)
    assert_ended(web, api)


def test_a_tenant_that_proves_its_people_otherwise_from_now_on_ends_what_they_had(
    ldap: Directory, acme_tenant: Tenant
) -> None:
    services.change_tenant(
        acme_tenant, services.TenantDraft(library="directory", directory=ldap, enforce="true"), **now()
    )
    directory.person("dora", tenant=acme_tenant)
    web, api = in_by_both_doors("dora", password_of("dora"))
    assert not isinstance(prove_the_tenant_elsewhere("dora"), Denied)
    assert_ended(web, api)


def test_the_tenant_that_the_directory_names_ends_access_when_it_is_switched_off(
    ldap: Directory, acme_tenant: Tenant, globex_tenant: Tenant
) -> None:
    """Egon's own tenant is Acme; the directory says that he belongs to Globex."""
    directory.person("egon", tenant=acme_tenant, directory=ldap)
    web, api = in_by_both_doors("egon", password_of("egon"))
    assert shadow("egon").tenant_dbid == globex_tenant.dbid
    services.change_tenant(globex_tenant, services.TenantDraft(is_active=False), **now())
    assert_ended(web, api)
    assert sign_in(ApiDoor(), "egon", password_of("egon")).refused


def test_what_was_ended_does_not_come_back_when_it_is_switched_on_again(
    dora: Person, ldap: Directory
) -> None:
    web, api = in_by_both_doors("dora", password_of("dora"))
    close_tenant("dora")
    services.change_tenant(whom("dora").tenant, services.TenantDraft(is_active=True), **now())
    assert_ended(web, api)
    web, api = in_by_both_doors("dora", password_of("dora"))
    close_directory("dora")
    services.change_directory(ldap, services.DirectoryDraft(is_active=True), **now())
    assert_ended(web, api)


def test_environment_cannot_be_switched_off_by_mistake() -> None:
    root = Tenant.objects.get(dbid=ENVIRONMENT_DBID)
    assert isinstance(services.change_tenant(root, services.TenantDraft(is_active=False), **now()), Denied)


def test_a_sign_in_under_way_ends_with_what_it_stands_on(
    dora: Person, ldap: Directory, clock: Time, post: Any
) -> None:
    configure(TwoFactor__Policy="required")
    api = ApiDoor()
    assert sign_in(api, "dora", password_of("dora")).step == "enrol"
    api.take("enrol", kind="email", value="dora@example.org")
    code = post.code("dora@example.org")
    close_directory("dora")
    assert api.take("enrol", code=code).step == "ended"
    assert not api.is_in()


def test_a_remembered_browser_of_an_external_person_is_forgotten_with_the_rest(
    kept_here: Person, post: Any
) -> None:
    configure(TwoFactor__Policy="required", TwoFactor__SkipOptions="device")
    Person.objects.filter(pk=kept_here.pk).update(email="kept@acme.example")
    web = WebDoor()
    sign_in(web, KEPT_HERE, PASSWORD)
    web.take("enrol", kind="email", value="kept@acme.example")
    assert web.take("enrol", code=post.code("kept@acme.example")).step == "done"
    User.objects.update(email_verified_at=timezone.now())
    give_password(KEPT_HERE)
    assert sign_in(web, KEPT_HERE, NEW_PASSWORD).step in {"code", "enrol"}


# --- within a second, in another process


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("end", [disable, close_tenant, change_the_role])
def test_another_process_sees_the_end_within_a_second(end: End) -> None:
    if connection.vendor != "sqlite":
        pytest.skip("the other process is pointed to SQLite's file")
    acme = Company.objects.create(name="Acme")
    agent = directory.role(
        "Agent of the directory", privileges=[("Workspace", "Agent - Can Monitor Co-browse")]
    )
    tenant = directory.tenant(101, name="Acme", company=acme)
    directory.person(KEPT_HERE, tenant=tenant, password=PASSWORD, roles=[agent])
    web = WebDoor()
    assert sign_in(web, KEPT_HERE, PASSWORD).step == "done"
    session = Session.objects.get()
    environment = os.environ | {
        "DATABASE_URL": f"sqlite:///{connection.settings_dict['NAME']}",
        "DJANGO_SETTINGS_MODULE": "portal.settings",
        "PYTHONPATH": str(WATCHER.parents[2]),
    }
    other = subprocess.Popen(
        [sys.executable, WATCHER, session.fingerprint, str(session.uid)],
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert other.stdout is not None
        assert other.stdout.readline().strip() == "watching"
        time.sleep(0.4)  # it has cached by now
        assert not isinstance(end(KEPT_HERE), Denied)
        at = time.time()
        said = other.stdout.readline().split()
        assert said[0] == "ended", said
        assert float(said[1]) - at < 1.0
    finally:
        other.kill()
        other.wait()


def test_a_group_that_gives_nothing_any_more_gives_nothing_at_the_next_sign_in(dora: Person) -> None:
    api = ApiDoor()
    assert sign_in(api, "dora", password_of("dora")).facts["roles"] == ["Agent of the directory"]
    assert Directory.objects.get().groups.filter(group=AGENTS).exists()
    map_the_group_to_nothing("dora")
    assert sign_in(api.stranger(), "dora", password_of("dora")).facts["roles"] == []
