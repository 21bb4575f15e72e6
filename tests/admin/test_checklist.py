"""The pages beside the lists: the prerequisites, and the explanation of a sign-in."""

import pytest
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from audit.events import Event
from audit.models import AuditEvent
from configserver.models import Person, SolutionPackage, Tenant
from core import epoch
from core.db import unit
from tenants.models import Company, Permission, Privilege, Role
from tests import directory
from tests.cast import MEMBER, Browse, person
from tests.journeys.stage import PASSWORD, configure

pytestmark = pytest.mark.django_db
PREREQUISITES, EXPLAIN = "/admin/configserver/prerequisites/", "/admin/configserver/explain/"


def _with(user: User, *names: str, reach: str) -> User:
    role = Role.objects.create(name="Made", company=user.company, rank=30)
    role.privileges.set(Privilege.objects.filter(name__in=["Administration - Open", *names]))
    Permission.objects.create(role=role, kind="*", reach=reach)
    user.roles.set([role])
    return user


@pytest.fixture
def viewer(db: None) -> User:
    return _with(
        person("vera@portal.example", company=None, role=MEMBER), "Directories - View", reach="every"
    )


@pytest.fixture
def dora(acme: Company) -> Person:
    return directory.person(
        "dora", tenant=directory.tenant(directory.ACME_DBID, company=acme), password=PASSWORD
    )


# --- prerequisites -----------------------------------------------------------------------------------------------------------


def _done(browser: Browse, user: User) -> list[bool]:
    return [step.done for step, _next in browser(user).get(PREREQUISITES).context["prerequisites"]]


def test_each_prerequisite_is_done_when_it_is(
    browser: Browse, root: User, acme: Company, globex: Company
) -> None:
    assert _done(browser, root) == [False, True, False, False]
    configure(Login__ExternalAuthenticationMode="ConfigServer")
    assert _done(browser, root) == [True, True, False, False]
    package = SolutionPackage.objects.create(
        name="Agents", version="1.0", deploymentkey="k", before="{}", applied_at=timezone.now()
    )
    assert _done(browser, root) == [True, True, True, False]
    assert "Agents 1.0 is in force" in browser(root).get(PREREQUISITES).content.decode()
    SolutionPackage.objects.filter(pk=package.pk).update(rolled_back_at=timezone.now())
    assert _done(browser, root)[2] is False
    directory.person("dora", tenant=directory.tenant(directory.ACME_DBID, company=acme))
    assert _done(browser, root)[3] is True
    directory.person("egon", tenant=directory.tenant(directory.NOWHERE_DBID, name="Nowhere"))
    assert _done(browser, root)[3] is False
    assert "turned away: Nowhere (999)" in browser(root).get(PREREQUISITES).content.decode()
    configure(GenesysSDK__ConfigServerLogin__DefaultCompanyID=str(globex.uid))
    assert _done(browser, root)[3] is True
    Company.objects.filter(pk=globex.pk).update(is_active=False)
    with unit():
        epoch.bump()
    assert _done(browser, root)[3] is False
    assert "names no company that is there and active" in browser(root).get(PREREQUISITES).content.decode()


def test_every_link_of_the_list_leads_somewhere(browser: Browse, root: User) -> None:
    page = browser(root)
    urls = [one.url for _step, one in page.get(PREREQUISITES).context["prerequisites"] if one.url]
    assert urls
    for url in urls:
        assert page.get(url, follow=True).status_code == 200


def test_the_list_is_for_who_sees_the_directories_of_every_company(
    browser: Browse, viewer: User, ada: User, ben: User
) -> None:
    page = browser(viewer)
    assert page.get(PREREQUISITES).status_code == 200
    urls = [one.url for _step, one in page.get(PREREQUISITES).context["prerequisites"] if one.url]
    assert urls == ["/admin/configserver/solutionpackage/"]  # where nothing else is for this person to see
    for user in (ada, _with(ben, "Directories - View", reach="own")):
        page = browser(user)
        assert page.get(PREREQUISITES).status_code == 403
        assert PREREQUISITES not in page.get("/admin/").content.decode()
    assert browser().get(PREREQUISITES).status_code == 302


# --- explain a sign-in -------------------------------------------------------------------------------------------------------


def test_the_page_explains_and_a_link_may_name_somebody(browser: Browse, root: User, dora: Person) -> None:
    page = browser(root)
    assert "findings" in page.get(EXPLAIN).context
    assert not page.get(EXPLAIN).context["findings"]
    for answer in (page.post(EXPLAIN, {"name": "dora"}), page.get(EXPLAIN, {"name": "dora"})):
        text = answer.content.decode()
        assert "Would not get in" in text
        assert "Login.ExternalAuthenticationMode" in text
    configure(Login__ExternalAuthenticationMode="ConfigServer")
    assert "Would get in" in page.get(EXPLAIN, {"name": "dora"}).content.decode()
    assert dora.password not in page.get(EXPLAIN, {"name": "dora"}).content.decode()
    refused = page.post(EXPLAIN, {"name": ""})
    assert "This field is required" in refused.content.decode()


def test_a_link_never_asks_a_directory(browser: Browse, root: User, dora: Person) -> None:
    made = directory.directory(protocol="ldap", servers="ldaps://127.0.0.1:9")
    Tenant.objects.filter(pk=dora.tenant_id).update(library="directory", directory=made, enforce="true")
    answer = browser(root).get(EXPLAIN, {"name": "dora", "ask": "on"})
    assert "The directory was not asked now" in answer.content.decode()
    assert not AuditEvent.objects.filter(event=Event.DIRECTORY_TESTED).exists()


def test_who_administers_a_company_may_ask_for_its_people_and_no_others(
    browser: Browse, ada: User, cleo: User, dora: Person
) -> None:
    configure(Login__ExternalAuthenticationMode="ConfigServer")
    page = browser(ada)
    assert EXPLAIN in page.get("/admin/").content.decode()
    assert "ask" not in page.get(EXPLAIN).context["form"].fields
    assert "Would get in" in page.post(EXPLAIN, {"name": "dora", "ask": "on"}).content.decode()

    def answered(name: str) -> str:
        text = browser(cleo).post(EXPLAIN, {"name": name}).content.decode()
        return text[text.index('id="findings"') :].replace(name, "NAME")

    assert answered("dora") == answered("mallory")
    assert answered("ada@acme.example") == answered("eve@acme.example")


def test_who_may_not_see_people_has_no_explanation(browser: Browse, viewer: User) -> None:
    page = browser(viewer)
    assert EXPLAIN not in page.get("/admin/").content.decode()
    assert page.get(EXPLAIN, {"name": "dora"}).status_code == 403
    assert page.post(EXPLAIN, {"name": "dora"}).status_code == 403


def test_the_page_of_a_person_leads_to_the_explanation(browser: Browse, ada: User, ben: User) -> None:
    page = browser(ada)
    tools = page.get(reverse("admin:accounts_user_change", args=[ben.pk])).context["object_tools"]
    (url,) = [one["url"] for one in tools if one["label"] == "Explain a sign-in"]
    text = page.get(url).content.decode()
    assert "A sign-in as “ben@acme.example”" in text


def test_the_part_of_the_configuration_server_opens_for_each_with_what_he_may_see(
    browser: Browse, root: User, ada: User, viewer: User
) -> None:
    part = "/admin/configserver/"
    for user, there, missing in (
        (root, {PREREQUISITES, EXPLAIN, f"{part}directory/"}, set()),
        (ada, {EXPLAIN}, {PREREQUISITES, f"{part}directory/"}),
        (viewer, {PREREQUISITES, f"{part}directory/"}, {EXPLAIN}),
    ):
        text = browser(user).get(part).content.decode()
        assert {one for one in there | missing if f'href="{one}"' in text} == there
