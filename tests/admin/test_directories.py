"""The pages of directories: what they ask, what they never show, who may do what, and the test of a connection."""

import re
from collections.abc import Iterator

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import User
from audit.events import Event
from audit.models import AuditEvent
from configserver.directories import secret_of
from configserver.models import Directory, Person, Tenant
from configserver.trial import TESTS
from core import epoch, sealed
from core.db import unit
from tenants.models import Company, Permission, Privilege, Role
from tests import directory
from tests.cast import MEMBER, Api, Browse, person
from tests.configserver.provider import Provider, scim_directory
from tests.services.radius import SECRET, Radius, freeradius

pytestmark = pytest.mark.django_db
NEW_SECRET = "another-secret-of-thirty-two-bytes-or-so"
LIST = "/admin/configserver/directory/"
ADD = f"{LIST}add/"


def _may(user: User, *names: str, reach: str = "every") -> User:
    role = Role.objects.create(name="Watcher", company=user.company, rank=30)
    role.privileges.set(Privilege.objects.filter(name__in=["Administration - Open", *names]))
    for kind in ("directory", "user"):
        Permission.objects.create(role=role, kind=kind, reach=reach)
    user.roles.set([role])
    return user


@pytest.fixture
def viewer(db: None) -> User:
    """Sees the directories of the installation and changes nothing."""
    return _may(
        person("vera@portal.example", company=None, role=MEMBER), "Directories - View", "Users - View"
    )


@pytest.fixture
def ldap(db: None) -> Directory:
    found = directory.directory(protocol="ldap", servers="ldaps://ldap.example:636", tenant_attribute="o")
    agent, acme = directory.role("Agent"), directory.tenant(directory.ACME_DBID, name="Acme")
    found.groups.create(group="cn=agents,dc=example", role=agent)
    found.tenant_values.create(value="Acme", tenant=acme)
    return found


@pytest.fixture(scope="module")
def radius() -> Iterator[Radius]:
    with freeradius() as server:
        yield server


def _change(one: Directory) -> str:
    return reverse("admin:configserver_directory_change", args=[one.pk])


def _test(one: Directory) -> str:
    return reverse("admin:configserver_directory_test", args=[one.pk])


def _form(page: Client, url: str) -> dict[str, object]:
    """What a browser would send for the form at this address, as it stands."""
    form = page.get(url).context["adminform"].form
    found = {name: field.prepare_value(form[name].value()) for name, field in form.fields.items()}
    return {
        name: "on" if value is True else value
        for name, value in found.items()
        if value is not None and value is not False
    }


def _errors(answer: object) -> dict[str, list[str]]:
    return dict(answer.context["adminform"].form.errors)  # type: ignore[attr-defined]


# --- the forms ---------------------------------------------------------------------------------------------------------------


def test_the_protocol_is_asked_first_and_then_only_what_belongs_to_it(browser: Browse, root: User) -> None:
    page = browser(root)
    first = page.get(ADD)
    assert list(first.context["adminform"].form.fields) == ["protocol"]
    assert page.get(ADD, {"protocol": "nis"}).context["adminform"].form.fields.keys() == {"protocol"}
    fields = {
        name: set(page.get(ADD, {"protocol": name}).context["adminform"].form.fields)
        for name in ("ldap", "radius")
    }
    assert fields["ldap"] & fields["radius"] == {
        "name", "is_active", "servers", "secret", "connect_timeout_ms", "timeout_ms",
    }  # fmt: skip
    assert {"base_dn", "groups", "tenant_values", "start_tls"} <= fields["ldap"]
    assert {"coding", "attempts", "nas_identifier", "rounds_are_factor"} <= fields["radius"]


@pytest.mark.parametrize("protocol", ["ldap", "radius"])
def test_every_field_has_help(protocol: str, browser: Browse, root: User, ldap: Directory) -> None:
    form = browser(root).get(ADD, {"protocol": protocol}).context["adminform"].form
    assert [name for name, field in form.fields.items() if not field.help_text] == []


def test_a_directory_is_added_and_its_secret_is_kept_sealed(browser: Browse, root: User) -> None:
    page, url = browser(root), f"{ADD}?protocol=radius"
    given = _form(page, url) | {"name": "Tokens", "servers": "radius.example:1812", "is_active": "on"}
    refused = page.post(url, given)
    assert "shared secret" in str(_errors(refused)["secret"])
    answer = page.post(url, given | {"secret": NEW_SECRET})
    assert answer.status_code == 302
    made = Directory.objects.get()
    assert (made.protocol, made.name, secret_of(made)) == ("radius", "Tokens", NEW_SECRET)
    assert NEW_SECRET not in made.secret.text


def test_lines_become_the_mapping_and_wrong_ones_are_named(
    browser: Browse, root: User, ldap: Directory
) -> None:
    page, url = browser(root), _change(ldap)
    given = _form(page, url)
    assert given["groups"] == "cn=agents,dc=example => Agent"
    assert given["tenant_values"] == "Acme => 101"
    wrong = "cn=agents,dc=example => Agent\r\n\r\nAgent\r\ncn=x => Nobody\r\n=> Agent"
    errors = _errors(page.post(url, given | {"groups": wrong, "tenant_values": "Acme => 7\nA => x => 101"}))
    assert [one.partition(":")[0] for one in errors["groups"]] == ["Line 3", "Line 4", "Line 5"]
    assert errors["tenant_values"] == ["Line 1: there is no tenant with the DBID 7."]
    assert ldap.groups.count() == 1
    directory.role("Chief, of all => sorts")
    right = "cn=agents,dc=example => Agent\ncn=chiefs => Chief, of all => sorts\n"
    answer = page.post(url, given | {"groups": right, "tenant_values": "A => x => 101"})
    assert answer.status_code == 302
    assert set(ldap.groups.values_list("group", "role__name")) == {
        ("cn=agents,dc=example", "Agent"),
        ("cn=chiefs", "Chief, of all => sorts"),
    }
    assert list(ldap.tenant_values.values_list("value", "tenant__dbid")) == [("A => x", 101)]


def test_many_wrong_lines_are_told_in_short(browser: Browse, root: User, ldap: Directory) -> None:
    page, url = browser(root), _change(ldap)
    answer = page.post(url, _form(page, url) | {"groups": "nonsense\n" * 30})
    assert len(_errors(answer)["groups"]) == 6
    assert "And 25 more." in _errors(answer)["groups"]
    too_many = page.post(url, _form(page, url) | {"groups": "a => Agent\n" * 501})
    assert "at most 500 lines" in str(_errors(too_many)["groups"])


@pytest.mark.parametrize(
    "changed",
    [
        {"servers": "ldaps://mallory.example:636"},
        {"start_tls": None},
        {"ca_certificates": "-----BEGIN CERTIFICATE-----"},
        {"bind_dn": "cn=other,dc=example,dc=org"},
    ],
    ids=lambda changed: next(iter(changed)),
)
def test_another_way_to_the_servers_asks_for_the_secret_again(
    changed: dict[str, str | None], browser: Browse, root: User, ldap: Directory
) -> None:
    page, url = browser(root), _change(ldap)
    given = {name: value for name, value in (_form(page, url) | changed).items() if value is not None}
    answer = page.post(url, given)
    assert "enter the secret again" in str(_errors(answer)["secret"])
    ldap.refresh_from_db()
    assert (ldap.servers, secret_of(ldap)) == ("ldaps://ldap.example:636", SECRET)
    assert AuditEvent.objects.filter(event=Event.REFUSED, details__code="secret_needed").exists()
    assert page.post(url, given | {"secret": NEW_SECRET}).status_code == 302
    ldap.refresh_from_db()
    assert secret_of(ldap) == NEW_SECRET


def test_an_empty_secret_keeps_it_and_no_account_forgets_it(
    browser: Browse, root: User, ldap: Directory
) -> None:
    page, url = browser(root), _change(ldap)
    given = _form(page, url) | {"name": "Renamed"}
    assert page.post(url, given).status_code == 302
    ldap.refresh_from_db()
    assert (ldap.name, secret_of(ldap)) == ("Renamed", SECRET)
    given |= {"bind_dn": "", "direct_dn": "uid={login},dc=example"}
    assert page.post(url, given).status_code == 302
    ldap.refresh_from_db()
    assert secret_of(ldap) == ""
    assert "Not set" in page.get(url).content.decode()


def test_a_directory_keeps_its_protocol(browser: Browse, root: User, ldap: Directory) -> None:
    page, url = browser(root), _change(ldap)
    assert page.post(f"{url}?protocol=radius", _form(page, url) | {"protocol": "radius"}).status_code == 302
    ldap.refresh_from_db()
    assert ldap.protocol == "ldap"


@pytest.mark.parametrize(
    "wrong",
    [
        {"servers": "radius.example:0"},
        {"servers": "[::1"},
        {"servers": "a\nb\n" * 6},
        {"nas_identifier": ""},
        {"nas_identifier": "é" * 61},
        {"coding": "eap"},
        {"attempts": "9"},
        {"timeout_ms": "many"},
    ],
    ids=str,
)
def test_what_an_engine_could_not_use_is_refused_on_its_field(
    wrong: dict[str, str], browser: Browse, root: User
) -> None:
    page, made = browser(root), directory.directory()
    answer = page.post(_change(made), _form(page, _change(made)) | wrong | {"secret": NEW_SECRET})
    assert _errors(answer).keys() == wrong.keys()


# --- who sees what -----------------------------------------------------------------------------------------------------------


def _hidden(page: Client, *urls: str) -> None:
    for url in urls:
        text = page.get(url).content.decode()
        for secret in (SECRET, NEW_SECRET, Directory.objects.get().secret.text):
            assert secret not in text
        assert not re.search(r'type="password"[^>]* value=', text)


def test_no_page_shows_a_secret_to_anybody(
    browser: Browse, root: User, viewer: User, ldap: Directory
) -> None:
    urls = (LIST, _change(ldap), reverse("admin:configserver_directory_delete", args=[ldap.pk]))
    _hidden(browser(root), *urls, _test(ldap))
    _hidden(browser(viewer), *urls[:2])
    assert "Set" in browser(viewer).get(_change(ldap)).content.decode()
    refused = browser(root).post(_change(ldap), {"name": "", "secret": NEW_SECRET})
    assert refused.status_code == 200
    assert NEW_SECRET not in refused.content.decode()
    assert not any(
        SECRET in str(row.details) or NEW_SECRET in str(row.details) for row in AuditEvent.objects.all()
    )


def test_who_may_only_look_finds_tables_and_no_button(browser: Browse, viewer: User, ldap: Directory) -> None:
    page = browser(viewer)
    text = page.get(_change(ldap)).content.decode()
    assert "cn=agents,dc=example" in text
    assert "Acme (101)" in text
    assert 'name="_save"' not in text
    assert "Test connection" not in text
    assert page.get(_test(ldap)).status_code == 403
    assert page.post(_test(ldap), {"login": ""}).status_code == 403
    assert page.get(ADD).status_code == 403
    assert page.post(f"{ADD}?protocol=radius", {"name": "x"}).status_code == 403
    assert page.post(_change(ldap), {"name": "Hacked"}).status_code == 403
    ldap.refresh_from_db()
    assert ldap.name == "Head office"
    assert not AuditEvent.objects.filter(event=Event.DIRECTORY_TESTED).exists()


def test_directories_do_not_exist_for_who_administers_a_company(
    browser: Browse, ada: User, ldap: Directory
) -> None:
    page = browser(_may(ada, "Directories - View", "Directories - Manage", reach="own"))
    assert page.get(LIST).context["cl"].result_count == 0
    for url in (_change(ldap), _test(ldap), reverse("admin:configserver_directory_delete", args=[ldap.pk])):
        assert page.get(url).status_code == 404
        assert page.post(url, {"login": "", "post": "yes"}).status_code == 404
    assert page.get(ADD).status_code == 403


def test_one_that_is_used_is_not_deleted(browser: Browse, root: User, ldap: Directory) -> None:
    Tenant.objects.update(library="directory", directory=ldap)
    url = reverse("admin:configserver_directory_delete", args=[ldap.pk])
    assert "Give them another one first" in browser(root).post(url, {"post": "yes"}).content.decode()
    Tenant.objects.update(library="", directory=None)
    assert browser(root).post(url, {"post": "yes"}).status_code == 302
    assert not Directory.objects.exists()


def test_lists_and_panels_say_who_uses_it(
    browser: Browse, root: User, acme: Company, ldap: Directory
) -> None:
    above = directory.tenant(directory.ACME_DBID)
    Tenant.objects.filter(pk=above.pk).update(library="directory", directory=ldap)
    below = directory.tenant(500, name="Below", parent=above)
    directory.person("dora", tenant=above, external_id="dora1")
    directory.person("egon", tenant=above)  # without an external id nobody asks for him
    directory.person("frida", tenant=below, external_id="frida1")
    directory.person("gerd", tenant=directory.tenant(directory.NOWHERE_DBID), directory=ldap)
    page = browser(root)
    assert page.get(LIST).context["cl"].result_list[0].used_by == (2, 3)
    text = page.get(_change(ldap)).content.decode()
    for word in ("dora1", "frida1", "gerd", "Below (500)", "a tenant above", "persons with an external id"):
        assert word in text
    assert "egon" not in text
    Tenant.objects.filter(pk=above.pk).update(enforce="true")
    with unit():
        epoch.bump()
    assert page.get(LIST).context["cl"].result_list[0].used_by == (2, 4)


def test_the_list_asks_a_bounded_number_of_questions(browser: Browse, root: User) -> None:
    page = browser(root)
    counts = []
    for number in range(2):
        directory.directory(f"Directory {number}")
        page.get(LIST)
        with CaptureQueriesContext(connection) as asked:
            assert page.get(LIST).status_code == 200
        counts.append(len(asked))
    assert counts[1] - counts[0] <= 1  # its persons are counted, to a bound
    assert counts[0] <= 16


# --- the test ----------------------------------------------------------------------------------------------------------------


def test_the_test_tells_each_step_of_each_server(browser: Browse, root: User, radius: Radius) -> None:
    made = directory.directory(servers=f"{radius.name}\n127.0.0.1:9", timeout_ms=2_000)
    page = browser(root)
    assert "Test connection" in page.get(_change(made)).content.decode()
    assert 'name="login"' not in page.get(_test(made)).content.decode()  # RADIUS looks nobody up
    answer = page.post(_test(made), {"login": "alice"})
    trial = answer.context["trial"]
    assert [(one.server, one.ok) for one in trial.servers] == [(radius.name, True), ("127.0.0.1:9", False)]
    text = answer.content.decode()
    for sentence in (
        "signed with the shared secret",
        "Nobody listens",
        "All steps hold",
    ):
        assert sentence in text
    assert SECRET not in text
    event = AuditEvent.objects.get(event=Event.DIRECTORY_TESTED)
    assert (event.actor_uid, event.subject_uid) == (str(root.uid), str(made.uid))
    assert event.details == {
        "servers": [radius.name, "127.0.0.1:9"],
        "failed": ["127.0.0.1:9"],
        "with_name": False,
    }
    assert "alice" not in str(event.details)


def test_a_wrong_secret_is_told_and_not_shown(browser: Browse, root: User, radius: Radius) -> None:
    made = directory.directory(servers=radius.name, secret=NEW_SECRET)
    text = browser(root).post(_test(made), {}).content.decode()
    assert "the shared secret may be wrong" in text
    assert NEW_SECRET not in text


def test_tests_are_limited_and_the_refusal_says_so(browser: Browse, root: User) -> None:
    made, page = directory.directory(), browser(root)
    for _number in range(TESTS.tries):
        assert page.post(_test(made), {}).context["trial"] is not None
    answer = page.post(_test(made), {})
    assert "trial" not in answer.context
    assert "Too many tries" in answer.content.decode()
    assert AuditEvent.objects.filter(event=Event.DIRECTORY_TESTED).count() == TESTS.tries


def test_a_secret_of_lost_keys_is_told_instead_of_failing(browser: Browse, root: User) -> None:
    made = directory.directory()
    Directory.objects.filter(pk=made.pk).update(secret=sealed.Sealed("k9:AAAA"))
    answer = browser(root).post(_test(made), {})
    assert answer.status_code == 200
    assert "cannot be opened with the keys" in answer.content.decode()


# --- identity providers ----------------------------------------------------------------------------------------------------


def test_an_identity_provider_is_added_gets_a_token_once_and_shows_what_it_brought(
    browser: Browse, root: User
) -> None:
    page, agent = browser(root), directory.role("Agent")
    tenant = directory.tenant(directory.ACME_DBID, name="Acme")
    form = page.get(f"{ADD}?protocol=scim").content.decode()
    assert "ldaps://" not in form
    assert 'name="servers"' not in form
    given = {"name": "Okta", "is_active": "on", "people_tenant": tenant.pk, "groups": "Sellers => Agent"}
    assert page.post(f"{ADD}?protocol=scim", given | {"people_tenant": ""}).status_code == 200
    assert page.post(f"{ADD}?protocol=scim", given).status_code == 302
    okta = Directory.objects.get(name="Okta")
    assert [(one.group, one.role) for one in okta.groups.all()] == [("Sellers", agent)]

    change = f"{LIST}{okta.pk}/change/"
    before = page.get(change).content.decode()
    assert "No token" in before
    assert "http://127.0.0.1:8000/scim/v2" in before
    assert "Test connection" not in before
    shown = page.post(f"{LIST}{okta.pk}/make_token/", {}).content.decode()
    found = re.search(r"gh_scim_[\w-]{43}", shown)
    assert found is not None
    provider = Provider(found[0])
    user = provider.brings("anna", displayName="Anna <b>Amsel</b>")
    provider.groups("Sellers", user["id"])
    provider.groups("Book Club")
    after = page.get(change).content.decode()
    assert found[0] not in after
    assert "Token set" in after
    assert "Anna &lt;b&gt;Amsel&lt;/b&gt;" in after
    assert re.search(r"Sellers</td>\s*<td[^>]*>1</td>\s*<td[^>]*>Agent", after)
    assert re.search(r"Book Club</td>\s*<td[^>]*>0</td>\s*<td[^>]*>nothing", after)
    assert "calls by itself" in page.get(LIST).content.decode()

    person_page = page.get(reverse("admin:configserver_person_change", args=(Person.objects.get().pk,)))
    assert "Okta" in person_page.content.decode()
    refused = page.post(f"{LIST}{okta.pk}/delete/", {"post": "yes"}).content.decode()
    assert "it has brought persons" in refused


def test_an_identity_provider_proves_nobody(root: User, browser: Browse) -> None:
    tenant = directory.tenant(directory.ACME_DBID, name="Acme")
    okta, _token = scim_directory(dbid=tenant.dbid)
    form = browser(root).get(f"/admin/configserver/tenant/{tenant.pk}/change/").content.decode()
    assert ">Okta<" not in form
    api = Api(root)
    refused = api.patch(
        f"/api/v1/tenants/{tenant.uid}/", {"library": "directory", "directory": str(okta.uid)}
    )
    assert (refused.status_code, [*refused.json()["errors"]]) == (400, ["directory"])
    made = api.post(
        "/api/v1/persons/",
        {"name": "x", "display_name": "X", "tenant_dbid": tenant.dbid, "directory": str(okta.uid)},
    )
    assert (made.status_code, [*made.json()["errors"]]) == (400, ["directory"])
    handed = api.post(
        "/api/v1/persons/",
        {"name": "y", "display_name": "Y", "tenant_dbid": tenant.dbid, "brought_by": str(okta.uid)},
    )
    assert (handed.status_code, handed.json()["brought_by"]) == (201, str(okta.uid))
    assert api.post(f"/api/v1/directories/{okta.uid}/test/", {}).status_code == 400
    assert api.post("/api/v1/directories/", {"name": "Z", "protocol": "scim"}).status_code == 400


def test_who_may_not_touch_directories_hands_nobody_over(ada: User, acme: Company) -> None:
    tenant = directory.tenant(directory.ACME_DBID, name="Acme")
    Company.objects.filter(pk=acme.pk).update(tenant_dbid=tenant.dbid)
    with unit():
        epoch.bump()
    okta, _token = scim_directory(dbid=tenant.dbid)
    api = Api(ada)
    body = {"name": "y", "display_name": "Y", "brought_by": str(okta.uid)}
    assert api.post("/api/v1/persons/", body).status_code == 400  # it does not exist for her
    made = api.post("/api/v1/persons/", {"name": "y", "display_name": "Y"})
    assert made.status_code == 201, made.content
    assert api.patch(f"/api/v1/persons/{made.json()['id']}/", {"brought_by": None}).status_code == 200
