"""I. What a hostile directory says of its people, and what is written into the settings of one, is text and nothing else."""

import re
from collections.abc import Iterator

import pytest
from django.utils import timezone

from accounts.models import Session, User
from audit.models import AuditEvent
from configserver import services
from configserver.directory import Directory
from configserver.models import Person, Role, Tenant
from core.outcomes import Denied
from tenants.actor import system_actor
from tests import cast, directories, directory
from tests.attacks.addresses import every_path
from tests.journeys.doors import ApiDoor, Door, WebDoor, sign_in
from tests.journeys.ldap_stage import *  # noqa: F403
from tests.journeys.ldap_stage import known, reasons, shadow
from tests.journeys.pages import Page
from tests.journeys.stage import Time
from tests.services import ldap_admin
from tests.services.hostile import Talk, hostile_server
from tests.services.ldap import AGENTS, DORA, GROUPS, PEOPLE, Ldap, password_of
from tests.services.radius import Person as Known
from tests.services.radius import Question, freeradius

pytestmark = pytest.mark.django_db
MARK = "x55"
SCRIPTS = (
    f"<script>{MARK}()</script>",
    f'"><img src={MARK} onerror={MARK}()>',
    f"</title></textarea><svg/onload={MARK}()>",
    "{{ " + MARK + " }}{% debug %}",
)
ALL = " ".join(SCRIPTS)


def harmless(text: str) -> bool:
    return not any(one in text for one in (f"<script>{MARK}", f"<img src={MARK}", "<svg/onload"))


def assert_inert(answer: object, path: str) -> None:
    """The page shows it as text, under a policy that runs nothing anyway."""
    assert harmless(answer.content.decode()), path  # type: ignore[attr-defined]
    policy = answer["Content-Security-Policy"]  # type: ignore[index]
    assert "script-src 'self'" in policy, path
    assert "unsafe" not in policy, path


# --- 32


@pytest.fixture
def hostile(server: Ldap, acme_tenant: Tenant, agent: Role) -> Person:
    """A person of whom the directory says evil things, with a group of an evil name, in a directory of an evil name."""
    group = f"cn=<script>{MARK}()</script>,{GROUPS}"
    ldap_admin.add(server, group, objectClass="groupOfNames", member=DORA)
    ldap_admin.change(
        server, DORA, cn=ALL[:120], mail=f'"<script>{MARK}()</script>"@example.org', telephoneNumber="+49 30 1",
        o=f"<script>{MARK}()</script>",
    )  # fmt: skip
    services.change_role(agent, services.RoleDraft(name=ALL[:120]), by=system_actor(), now=timezone.now())
    evil = directories.ldap(
        server,
        name=ALL[:120],
        tenant_attribute="o",
        tenant_values=[(f"<script>{MARK}()</script>", acme_tenant)],
        groups=[(group, agent)],
    )
    services.change_tenant(
        acme_tenant, services.TenantDraft(name=ALL[:120]), by=system_actor(), now=timezone.now()
    )
    return directory.person("dora", tenant=acme_tenant, directory=evil)


def test_an_evil_name_role_and_group_are_text_for_the_person(web: WebDoor, hostile: Person) -> None:
    assert sign_in(web, "dora", password_of("dora")).step == "done"
    assert shadow("dora").display_name == ALL[:120]
    for path in ("/", "/account/", "/account/sessions/", "/account/contacts/", "/account/security/", "/account/password/"):  # fmt: skip
        answer = web.browser.get(path)
        assert answer.status_code == 200, path
        assert_inert(answer, path)
    assert f"&lt;script&gt;{MARK}" in web.browser.get("/").content.decode()


def test_they_are_text_for_administrators_and_in_the_api(
    api: ApiDoor, hostile: Person, root: User, ldap: Directory
) -> None:
    said = sign_in(api, "dora", password_of("dora"))
    assert said.step == "done"
    assert api.answer["Content-Type"] == "application/json"
    evil = Directory.objects.exclude(pk=ldap.pk).get()
    browser = cast.browser(root)
    user, opened = shadow("dora"), 0
    numbers = {str(one) for one in (user.pk, hostile.pk, evil.pk, hostile.tenant_id, Role.objects.first().pk)}  # type: ignore[union-attr]
    uids = {str(one) for one in (user.uid, hostile.uid, evil.uid)}
    for ident in sorted(numbers | uids):
        for path in every_path(ident=ident):
            if path.startswith(("/static/", "/logout/", "/api/")):
                continue
            answer = browser.get(path)
            if answer.status_code == 200 and "html" in answer["Content-Type"]:
                opened += 1
                assert_inert(answer, path)
    assert opened > 30
    assert AuditEvent.objects.filter(event="login:attempt:succeeded").exists()


@pytest.fixture
def asking(acme_tenant: Tenant) -> Iterator[Person]:
    """Hanna's server asks evil questions."""
    question = Question(prompts=(ALL, "\u202egnp.exe\u202c and\x07 bells"), answer="123456", echo=True)
    with freeradius(
        people=[Known(name="hanna", password="hanna's Passw0rd", questions=(question,))]
    ) as server:
        found = directories.radius(server.name)
        yield directory.person("hanna", tenant=acme_tenant, directory=found)


def test_an_evil_prompt_is_text_of_one_line(web: WebDoor, api: ApiDoor, asking: Person) -> None:
    assert sign_in(web, "hanna", "hanna's Passw0rd").step == "challenge"
    assert_inert(web.answer, "/login/challenge/")
    html = web.answer.content.decode()
    assert f"&lt;script&gt;{MARK}" in html
    said = sign_in(api, "hanna", "hanna's Passw0rd")
    prompt = said.facts["prompt"]
    assert SCRIPTS[0] in prompt
    assert len(prompt) <= 500
    assert all(character.isprintable() for character in prompt)  # no way to turn the direction of the line
    assert not re.search(r"[\u202a-\u202e\u2066-\u2069]", prompt)


def test_an_evil_reason_for_a_refused_change_is_text(
    web: WebDoor, dora: Person, ldap: Directory, server: Ldap, clock: Time
) -> None:
    services.change_directory(
        ldap, services.DirectoryDraft(change_password=True), by=system_actor(), now=clock()
    )
    assert sign_in(web, "dora", password_of("dora")).step == "done"
    form = next(one for one in web.open("/account/password/").forms if "new_password" in one.values)
    web.send(form, current_password=password_of("dora"), new_password=SCRIPTS[0][:7])
    assert_inert(web.answer, "/account/password/")
    assert web.page.errors


# --- 33


TEMPLATES = (
    "(&(uid={login})(cn={login.__class__}))",
    "(&(uid={login})(cn={login!r}))",
    "(&(uid={login})(cn={0.__globals__}))",
    "(&(uid={login})(cn={settings.SECRET_KEY}))",
    "(&(uid={login})(cn={{ login }}))",
    "(&(uid={login})(cn=${login}))",
    "(&(uid={login})(cn=%(login)s))",
    "(&(uid={login})(cn={bind_password}))",
)


@pytest.mark.parametrize("template", TEMPLATES)
def test_a_filter_is_no_template_language(
    door: Door, server: Ldap, acme_tenant: Tenant, template: str
) -> None:
    """Only {login} means anything; whatever else stands there goes to the directory as it is, or nowhere."""
    draft = services.DirectoryDraft(user_filter=template)
    found = directories.ldap(server)
    changed = services.change_directory(found, draft, by=system_actor(), now=timezone.now())
    if isinstance(changed, Denied):
        assert changed.field == "user_filter"
        return
    known("dora", found, acme_tenant)
    said = sign_in(door, "dora", password_of("dora"))
    assert said.refused
    log = "\n".join(server.log)
    for leaked in ("class 'str'", "__main__", "of-the-portal-1", "'dora'"):
        assert leaked not in log
    assert not Session.objects.exists()


@pytest.mark.parametrize(
    "template", [f"uid={{login.__class__}},{PEOPLE}", f"uid={{login}},cn={{settings}},{PEOPLE}", "{login}"]
)
def test_a_dn_is_none_either(door: Door, server: Ldap, acme_tenant: Tenant, template: str) -> None:
    """As a whole the name makes no DN: who is typed `uid=dora,…` would be Dora otherwise."""
    draft = services.DirectoryDraft(
        name="direct", protocol="ldap", servers=server.secure_url, ca_certificates=server.authority,
        direct_dn=template,
    )  # fmt: skip
    made = services.create_directory(draft, by=system_actor(), now=timezone.now())
    if isinstance(made, Denied):
        assert made.field == "direct_dn"
        return
    directory.person("mallory", tenant=acme_tenant, directory=made, external_id=DORA)
    said = sign_in(door, "mallory", password_of("dora"))
    assert said.refused
    assert DORA not in server.binds()


def test_a_group_filter_is_none_and_a_dn_in_it_is_data(
    api: ApiDoor, server: Ldap, acme_tenant: Tenant, agent: Role
) -> None:
    odd = "o'neil, (the) *\\"
    ldap_admin.change(server, AGENTS, member=f"uid=o'neil\\2c (the) *\\5c,{PEOPLE}")
    found = directories.ldap(
        server, groups=[(AGENTS, agent)], group_filter="(|(member={dn})(cn={dn.__class__}))"
    )
    directory.person("oneil", tenant=acme_tenant, directory=found, external_id=odd)
    said = sign_in(api, "oneil", password_of(odd))
    assert said.facts["roles"] == [agent.name]
    assert "class 'str'" not in "\n".join(server.log)


# --- 34


NO_ADDRESSES = (
    "http://169.254.169.254/latest/meta-data/",
    "https://ldap.example",
    "file:///etc/passwd",
    "ldapi:///var/run/slapd/ldapi",
    "gopher://127.0.0.1:6379/_FLUSHALL",
    "ldap://user:secret@ldap.example",
    "ldaps://ldap.example/dc=example??sub?(objectClass=*)",
    "ldaps://ldap.example:636#x",
    "ldaps://ldap.example:0",
    "ldaps://ldap.example:99999",
    "ldaps://",
    "//ldap.example",
    "ldap.example",
    "javascript:alert(1)",
    "ldaps://one.example,ldaps://two.example",
    "ldaps://ldap.example\\@127.0.0.1",
)
NO_RADIUS_ADDRESSES = (
    "http://radius.example",
    "user@radius.example",
    "radius.example/x",
    "radius.example:0",
    "radius.example:99999",
    "::1",
    "[::1",
    "radius.example:18x",
    "r\u00e4dius.example",
)


@pytest.mark.parametrize("address", NO_ADDRESSES)
def test_what_is_no_address_of_an_ldap_server_is_no_server(address: str) -> None:
    draft = services.DirectoryDraft(
        name="x", protocol="ldap", servers=address, base_dn=PEOPLE, bind_dn="cn=x", secret="x"
    )
    made = services.create_directory(draft, by=system_actor(), now=timezone.now())
    assert isinstance(made, Denied), made
    assert made.field == "servers"


@pytest.mark.parametrize("address", NO_RADIUS_ADDRESSES)
def test_nor_is_any_other_of_a_radius_server(address: str) -> None:
    draft = services.DirectoryDraft(name="x", protocol="radius", servers=address, secret="x")
    made = services.create_directory(draft, by=system_actor(), now=timezone.now())
    assert isinstance(made, Denied), made
    assert made.field == "servers"


def test_a_server_that_speaks_something_else_is_not_repeated_to_anybody(
    door: Door, acme_tenant: Tenant, server: Ldap, post: object
) -> None:
    """Whoever may change directories may have any address asked; what it says is not shown, so nothing is read through us."""
    secret = b"HTTP/1.1 200 OK\r\n\r\nthe-metadata-secret"

    def says_too_much(talk: Talk) -> None:
        talk.socket.sendall(secret)
        talk.listen()

    with hostile_server(says_too_much) as internal:
        found = directories.ldap(
            server, servers=f"ldap://127.0.0.1:{internal.port}", start_tls=False, timeout_ms=500
        )
        known("dora", found, acme_tenant)
        said = sign_in(door, "dora", password_of("dora"))
    assert said.status == 503
    assert "metadata" not in said.text
    for event in AuditEvent.objects.values_list("details", flat=True):
        assert "metadata" not in str(event)
    assert reasons("login:directory:unavailable")


def test_the_secret_of_a_directory_does_not_follow_to_another_address(server: Ldap) -> None:
    found = directories.ldap(server)
    for change in (
        {"servers": "ldaps://mallory.example"},
        {"servers": f"{server.secure_url}\nldaps://mallory.example"},
        {"start_tls": False},
        {"ca_certificates": ""},
        {"bind_dn": "cn=mallory"},
    ):
        refused = services.change_directory(
            found, services.DirectoryDraft(**change), by=system_actor(), now=timezone.now()
        )
        assert isinstance(refused, Denied), change
        assert refused.code == "secret_needed"
    found.refresh_from_db()
    assert found.servers == server.secure_url


def test_who_may_not_change_directories_makes_this_machine_ask_nobody(
    ada: User, ben: User, dora: Person, server: Ldap, ldap: Directory
) -> None:
    """Tests, explanations and the forms behind them, at every address that has to do with directories."""
    server.forget()
    typed = {"login": "dora", "name": "dora", "realm": "external", "ask": "on", "server": server.secure_url}
    tried = 0
    for who, user in (("ben", ben), ("ada", ada), ("nobody", None)):
        browser = cast.browser(user)
        for ident in (str(ldap.pk), str(ldap.uid)):
            for path in every_path(ident=ident):
                if "director" not in path and "explain" not in path:
                    continue
                tried += 1
                for method in ("get", "post"):
                    answer = getattr(browser, method)(path, typed)
                    # Ada may have the sign-ins of her people explained, and still asks no directory by it.
                    allowed = who == "ada" and "explain" in path
                    assert allowed or answer.status_code in {302, 401, 403, 404, 405}, (who, method, path)
    asked = {"name": "dora", "realm": "external", "ask": True}
    answer = cast.Api(ada).post("explain-sign-in/", asked)
    assert "was not asked" in answer.content.decode()
    assert tried > 20
    assert server.log == []


def test_an_explanation_of_somebody_out_of_reach_is_that_of_nobody(
    cleo: User, dora: Person, globex_tenant: Tenant
) -> None:
    browser = cast.browser(cleo)
    told = []
    for name in ("dora", "zeppelin"):
        answer = browser.post("/admin/configserver/explain/", {"name": name, "realm": "external"})
        assert answer.status_code == 200
        page = Page(answer.content.decode())
        told.append(page.text.replace(name, "NAME"))
    assert told[0] == told[1]
