"""`manage.py demo`: the people to look at the product with."""

import io
from collections.abc import Callable
from pathlib import Path

import jwt
import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.utils import timezone
from pytest_django import Settings

from accounts.external import default_company
from accounts.joining import refuse_acceptance
from accounts.mode import external_is_on
from accounts.models import Integration, JoinLink, User
from audit.models import AuditEvent
from cobrowse.models import Application, Validity
from cobrowse.tokens import desk_of, site_of
from configserver.models import Permission, Person, Role, SolutionPackage, Tenant
from delivery.models import Delivery
from tenants import settings as runtime
from tenants.models import Company, SettingsRevision
from tests.accounts.test_bearer import get
from tests.journeys.doors import ApiDoor, WebDoor, sign_in
from tests.journeys.stage import configure, quick_hashes  # noqa: F401

pytestmark = pytest.mark.django_db
AGENT = "Contact Centre Agent"


@pytest.fixture
def demo(settings: Settings, tmp_path: Path) -> Callable[[], str]:
    """Loads it; the password of its people."""
    settings.DEMO, settings.DATA_DIR = True, tmp_path

    def load() -> str:
        call_command("demo", stdout=io.StringIO())
        return (tmp_path / "demo-password.txt").read_text().strip()

    return load


def test_dora_belongs_to_acme_through_her_tenant_and_is_an_agent(demo: Callable[[], str]) -> None:
    said = sign_in(ApiDoor(), "dora", demo())
    assert said.step == "done", said
    assert said.facts["company"]["name"] == "Acme"
    assert said.facts["roles"] == [AGENT]
    assert {"application": "Workspace", "name": "Agent - Can Monitor Co-browse"} in said.facts["privileges"]
    assert Company.objects.get(name="Acme").tenant_dbid == 101


def test_acme_has_one_open_join_link_and_the_mailbox_is_empty(demo: Callable[[], str]) -> None:
    demo()
    demo()
    link = JoinLink.objects.get()
    assert (link.company.name, link.role.name, link.state(now=timezone.now())) == ("Acme", "Agent", "open")
    assert refuse_acceptance(link, now=timezone.now()) is None
    assert not Delivery.objects.exists()


def test_acme_has_an_integration_whose_key_lies_beside_the_password(
    demo: Callable[[], str], tmp_path: Path
) -> None:
    demo()
    key = tmp_path / "demo-integration.pem"
    assert key.stat().st_mode & 0o777 == 0o600
    desk = Integration.objects.get(company__name="Acme")
    now = int(timezone.now().timestamp())
    claims = {
        "iss": desk.licence_key,
        "aud": settings.PUBLIC_URL,
        "sub": "ben@acme.example",
        "iat": now,
        "exp": now + 60,
    }
    token = jwt.encode(claims, key.read_text(), algorithm="RS256")
    assert get(token).status_code == 200
    demo()  # a second time changes nothing
    assert Integration.objects.get().keys.count() == 1


def test_acme_has_both_applications_of_co_browse_without_tokens_and_its_shop_may_start_sessions(
    demo: Callable[[], str],
) -> None:
    demo()
    demo()
    acme = Company.objects.get(name="Acme")
    assert {one.type: one.name for one in Application.objects.filter(company=acme)} == {
        "cluster": "Co-browse Cluster of Acme",
        "workspace": "Workspace Desktop Edition of Acme",
    }
    assert Application.objects.count() == 2
    assert set(Application.objects.values_list("validity", flat=True)) == {Validity.OFF}
    assert not desk_of(acme.pk).is_on
    site = site_of(settings.PUBLIC_URL)
    assert site is not None
    assert site.company_id == acme.pk


def test_an_application_that_somebody_changed_stays_as_it_is(demo: Callable[[], str]) -> None:
    demo()
    Application.objects.filter(type="workspace").delete()
    Application.objects.filter(type="cluster").update(name="Ours")
    demo()
    assert set(Application.objects.values_list("name", flat=True)) == {
        "Ours",
        "Workspace Desktop Edition of Acme",
    }


def test_egon_s_tenant_leads_nowhere(demo: Callable[[], str]) -> None:
    said = sign_in(ApiDoor(), "egon", demo())
    assert said.refused
    assert "no company here yet" in said.text
    assert Tenant.objects.get(persons__name="egon").dbid == 999
    assert not Company.objects.filter(tenant_dbid=999).exists()
    assert default_company() is None


@pytest.mark.parametrize("name", ["fritz", "gerda", "hanna"])
def test_whoever_waits_for_a_directory_cannot_sign_in_before(demo: Callable[[], str], name: str) -> None:
    password = demo()
    for given in (password, f"{name}-Passw0rd"):
        assert sign_in(ApiDoor(), name, given).refused


def test_people_inside_are_as_before_and_the_page_asks_where_the_account_is_kept(
    demo: Callable[[], str],
) -> None:
    password = demo()
    assert sign_in(ApiDoor(), "ben@acme.example", password).step == "done"
    assert sign_in(ApiDoor(), "ada@acme.example", password).step == "code"
    assert "Where is your account kept?" in WebDoor().open("/login/").text


def rows() -> dict[str, int]:
    """How much there is."""
    models = (User, Company, Tenant, Person, Role, Permission, SolutionPackage, SettingsRevision)
    return {model.__name__: model.objects.count() for model in models}


def test_loaded_again_it_changes_nothing(demo: Callable[[], str]) -> None:
    password = demo()
    before, events = rows(), AuditEvent.objects.count()
    assert demo() == password
    assert rows() == before
    new = AuditEvent.objects.order_by("id")[events:].values_list("event", flat=True)
    assert list(new) == ["portal:demo:loaded"]


def test_the_roles_come_from_the_sample_package(demo: Callable[[], str]) -> None:
    demo()
    package = SolutionPackage.objects.get()
    assert (package.name, package.version) == ("IA Roles", "1.0.0")
    assert set(Role.objects.values_list("name", flat=True)) == {
        "Company Administrator",
        "Application Designer",
        "Reporting Analyst",
        AGENT,
    }
    assert {role.name for role in Person.objects.get(name="dora").roles.all()} == {AGENT}
    assert not Person.objects.get(name="egon").roles.exists()


def test_what_somebody_changed_meanwhile_stays(demo: Callable[[], str]) -> None:
    demo()
    configure(Login__ExternalAuthenticationMode="None")
    Company.objects.filter(name="Acme").update(tenant_dbid=None)
    Person.objects.filter(name="dora").update(display_name="Dora the Second")
    demo()
    assert not external_is_on()
    assert Person.objects.get(name="dora").display_name == "Dora the Second"


def test_a_pinned_mode_does_not_stop_it(demo: Callable[[], str], settings: Settings) -> None:
    settings.PINNED_OPTIONS = {"OPTION_LOGIN__EXTERNALAUTHENTICATIONMODE": "None"}
    runtime.pinned.cache_clear()
    try:
        demo()
        assert Person.objects.filter(name="dora").exists()
        assert not external_is_on()
    finally:
        runtime.pinned.cache_clear()


def test_without_the_word_it_is_not_loaded(settings: Settings) -> None:
    settings.DEMO = False
    with pytest.raises(CommandError, match="one password"):
        call_command("demo")
    assert not User.objects.exists()
