"""What a remote Configuration Server keeps, over the portal's own API: the same answers and the same rules as where it is embedded."""

import base64
import json
import zlib
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from accounts.limits import PASSWORD as PASSWORD_LIMIT
from accounts.limits import name_key, strangers_key
from accounts.models import User
from accounts.names import Realm
from audit.models import AuditEvent
from configserver import services, where
from configserver.models import Directory, Person, Portal, Tenant
from configserver.values import Granted
from core.models import Epoch
from core.throttle import take
from tenants.actor import system_actor
from tenants.far import read_administrator
from tenants.models import Company
from tests import cast, directory
from tests.cast import Api, Browse, Call
from tests.configserver.test_remote import ask
from tests.services.configserver import Remote, config_servers

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db(transaction=True)]
PASSWORD, OTHER = "a lantern in the harbour 7", "two kettles under the bridge 8"


@pytest.fixture(scope="module")
def far(django_db_setup: None, django_db_blocker: Any) -> Iterator[Remote]:
    with django_db_blocker.unblock(), config_servers() as servers:
        yield servers


@pytest.fixture(autouse=True)
def remote(far: Remote, settings: Settings) -> Remote:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    if not far.servers[0].is_up:
        far.servers[0].start()
    Epoch.objects.update_or_create(pk=1, defaults={"version": int(timezone.now().timestamp() * 1e6)})
    far.use()
    return far


@pytest.fixture
def acme_tenant(acme: Company) -> Tenant:
    found = directory.tenant(directory.ACME_DBID, company=acme)
    acme.refresh_from_db()
    return found


@pytest.fixture
def dora(acme_tenant: Tenant) -> Person:
    role = directory.role("Agent", rank=20)
    return directory.person("dora", tenant=acme_tenant, password=PASSWORD, roles=[role])


def embedded(monkeypatch: pytest.MonkeyPatch) -> None:
    """From here on the portal keeps its people itself."""
    monkeypatch.setattr(where, "remote", lambda: None)


def test_lists_and_objects_are_the_same_far_and_near(
    api: Call, root: User, dora: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory.ldap("elsewhere")
    for number in range(3):
        directory.person(f"more-{number}", tenant=dora.tenant)
    own = api(root)
    paths = (
        "persons/?page_size=2",
        f"persons/{dora.uid}/",
        "persons/?name=DORA",
        "tenants/",
        "directories/",
        "directory-roles/",
        "directory-permissions/",
        "solution-packages/",
    )
    far = [own.get(path) for path in paths]
    embedded(monkeypatch)
    near = [own.get(path) for path in paths]
    for path, there, here in zip(paths, far, near, strict=True):
        assert (there.status_code, _without_links(there.json())) == (200, _without_links(here.json())), path
        assert there["Content-Type"] == here["Content-Type"], path


def _without_links(body: Any) -> Any:
    return {name: value for name, value in body.items() if name not in {"next", "previous"}}


def test_pages_lead_to_pages_of_this_portal(api: Call, root: User, dora: Person) -> None:
    for number in range(3):
        directory.person(f"more-{number}", tenant=dora.tenant)
    own = api(root)
    names, path = [], "/api/v1/persons/?page_size=2"
    while path:
        body = own.get(path).json()
        names += [one["name"] for one in body["results"]]
        assert body["next"] is None or body["next"].startswith("http://testserver/api/v1/persons/?")
        path = (body["next"] or "").removeprefix("http://testserver")
    assert sorted(names) == ["dora", "more-0", "more-1", "more-2"]


def test_a_person_is_made_changed_given_a_password_and_deleted_over_there(
    api: Call, ada: User, acme: Company, dora: Person
) -> None:
    own = api(ada)
    made = own.post("persons/", {"name": "lena", "display_name": "Lena", "password": PASSWORD})
    assert made.status_code == 201, made.content
    id = made.json()["id"]
    assert made["Location"] == f"/api/v1/persons/{id}/"
    lena = Person.objects.get(uid=UUID(id))
    assert (lena.tenant.dbid, bool(lena.password)) == (directory.ACME_DBID, True)
    assert own.patch(f"persons/{id}/", {"display_name": "Lena L."}).json()["display_name"] == "Lena L."
    given = own.post(f"persons/{id}/password/", {"password": OTHER, "must_change": False})
    assert given.status_code == 204, given.content
    assert own.post(f"persons/{id}/forget-entry/", {}).json()["code"] == "nothing_changed"
    assert own.delete(f"persons/{id}/").status_code == 204
    assert not Person.objects.filter(uid=UUID(id)).exists()
    events = AuditEvent.objects.filter(event__startswith="configserver:p").order_by("id")
    assert {(one.actor_uid, one.actor_name) for one in events if "portal" not in one.event} == {
        (str(ada.uid), ada.username)
    }
    # Over there the trail says through which portal; here, that something was changed over there.
    deleted = AuditEvent.objects.get(event="configserver:person:deleted")
    assert deleted.details["portal"] == Portal.objects.get().application
    told = AuditEvent.objects.filter(event="configserver:change:forwarded").order_by("id")
    assert [one.details["method"] for one in told] == ["POST", "PATCH", "POST", "DELETE"]
    assert {one.actor_uid for one in told} == {str(ada.uid)}


def test_refusals_are_those_of_the_verbs_with_their_fields(api: Call, ada: User, dora: Person) -> None:
    own = api(ada)
    taken = own.post("persons/", {"name": "Dora", "display_name": "D"})
    assert (taken.status_code, taken.json()["code"]) == (409, "name_taken")
    wrong = own.post("persons/", {"name": "x", "display_name": "", "odd": 1})
    assert wrong.status_code == 400
    assert "odd" in wrong.json()["errors"]
    short = own.post(f"persons/{dora.uid}/password/", {"password": "short"})
    assert (short.status_code, short.json()["code"]) == (400, "password_rules")
    assert own.get(f"persons/{UUID(int=7)}/").status_code == 404
    assert own.post("persons/", b"{", headers={}).status_code == 400


def test_ranks_hold_over_there(api: Call, ada: User, dora: Person) -> None:
    high = directory.role("High", rank=90)
    own = api(ada)
    risen = own.patch(f"persons/{dora.uid}/", {"roles": ["High"]})
    assert (risen.status_code, risen.json()["code"]) == (403, "rank_too_high")
    dora.roles.add(high)
    assert own.patch(f"persons/{dora.uid}/", {"display_name": "x"}).status_code == 403
    assert own.delete(f"persons/{dora.uid}/").status_code == 403
    made = own.post("persons/", {"name": "new", "display_name": "N", "roles": ["High"]})
    assert (made.status_code, made.json()["code"]) == (403, "rank_too_high")


def test_a_privilege_that_only_the_portal_knows_is_not_given_by_who_lacks_it(
    api: Call, ada: User, dora: Person, remote: Remote
) -> None:
    odd = directory.role("Odd", rank=1, privileges=[("Elsewhere", "Everything")])
    assert api(ada).patch(f"persons/{dora.uid}/", {"roles": ["Odd"]}).status_code == 200
    dora.roles.remove(odd)
    # Over there the catalogue of the portal counts, and not its own.
    by = read_administrator(
        {
            **json.loads(
                zlib.decompress(base64.b64decode(packed(rank=60, reach={"user": [directory.ACME_DBID]})))
            ),
            "lacks": [["Elsewhere", "Everything"]],
        },
        portal="portal:x",
        name="x",
    )
    given = Granted(rank=1, privileges=frozenset([("Elsewhere", "Everything")]))
    refused = by.exceeded_by_grants(given, dbid=directory.ACME_DBID)
    assert refused is not None
    assert refused.code == "privilege_not_held"


def test_an_impersonator_gets_no_answer_that_was_kept_for_the_person(
    api: Call, root: User, ada: User, dora: Person
) -> None:
    body, key = {"name": "lena", "display_name": "Lena"}, {"Idempotency-Key": "mine-7"}
    assert api(ada).post("persons/", body, headers=key).status_code == 201
    begun = api(root).post(f"users/{ada.uid}/impersonate/", {"reason": "x", "may_change": True})
    there = api(None)
    there.headers["Authorization"] = f"Bearer {begun.json()['access_token']}"
    answer = there.post("persons/", body, headers=key)
    assert (answer.status_code, answer.json()["code"]) == (409, "name_taken")


def test_other_tenants_do_not_exist_over_there(
    api: Call, ada: User, cleo: User, ben: User, dora: Person
) -> None:
    globex = directory.tenant(202, company=cleo.company)
    other = directory.person("gina", tenant=globex)
    own = api(ada)
    assert [one["name"] for one in own.get("persons/").json()["results"]] == ["dora"]
    for call in (own.get, own.delete):
        assert call(f"persons/{other.uid}/").status_code == 404
    assert own.patch(f"persons/{other.uid}/", {"display_name": "x"}).status_code == 404
    moved = own.patch(f"persons/{dora.uid}/", {"tenant_dbid": 202})
    assert moved.status_code == 400, moved.content
    # Directories, tenants and roles are matters of the whole installation.
    for kind in ("directories", "tenants", "directory-roles", "directory-permissions", "solution-packages"):
        assert own.get(f"{kind}/").status_code in {403, 404}, kind
    assert api(ben).get("persons/").status_code == 403
    assert api(None).get("persons/").status_code == 401


def test_a_key_of_idempotency_holds_over_there(api: Call, ada: User, dora: Person) -> None:
    own, key = api(ada), {"Idempotency-Key": "once-7"}
    body = {"name": "lena", "display_name": "Lena"}
    first, again = (own.post("persons/", body, headers=key) for _ in range(2))
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json()["id"] == again.json()["id"]
    assert again["Idempotency-Replayed"] == "true"
    other = own.post("persons/", body | {"display_name": "L"}, headers=key)
    assert other.json()["code"] == "idempotency_mismatch"


def test_a_directory_is_kept_over_there_and_its_secret_never_comes_back(api: Call, root: User) -> None:
    given = {
        "name": "tokens",
        "protocol": "radius",
        "servers": ["127.0.0.1:1812"],
        "secret": "a shared secret of thirty-two bytes, or more",
    }
    made = api(root).post("directories/", given)
    assert made.status_code == 201, made.content
    assert given["secret"] not in made.content.decode()
    assert Directory.objects.get(name="tokens").secret.text
    assert given["secret"] not in api(root).get("directories/").content.decode()


def test_with_nobody_over_there_it_is_said(
    api: Call, ada: User, root: User, dora: Person, remote: Remote
) -> None:
    remote.servers[0].kill()
    for kind in (
        "persons",
        "tenants",
        "directories",
        "directory-roles",
        "directory-permissions",
        "solution-packages",
    ):
        answer = api(root).get(f"{kind}/")
        assert (answer.status_code, answer.json()["code"]) == (503, "unavailable"), kind
        assert answer["Content-Type"] == "application/problem+json"
    made = api(ada).post("persons/", {"name": "lena", "display_name": "Lena"})
    assert made.status_code == 503
    remote.servers[0].start()
    assert not Person.objects.filter(name="lena").exists()


def test_tries_for_a_name_are_counted_and_forgotten_here(
    api: Call, ada: User, cleo: User, dora: Person
) -> None:
    key = name_key("dora", realm=Realm.EXTERNAL)
    take(PASSWORD_LIMIT, strangers_key(key), now=timezone.now())
    assert api(cleo).post(f"persons/{dora.uid}/unlock/", {}).status_code == 404
    assert api(ada).post(f"persons/{dora.uid}/unlock/", {}).status_code == 204
    assert api(ada).post(f"persons/{dora.uid}/unlock/", {}).json()["code"] == "not_locked"


# --- the administration ------------------------------------------------------------------------------------------------------


def test_persons_are_listed_found_made_changed_and_deleted_on_pages(
    browser: Browse, ada: User, dora: Person
) -> None:
    page, listed = browser(ada), reverse("admin:configserver_person_changelist")
    directory.role("Seller", rank=5)
    text = page.get(listed).content.decode()
    assert ("dora" in text, "keeps these people" in text) == (True, True)
    assert "dora" not in page.get(f"{listed}?q=nobody").content.decode().partition("<tbody>")[2]
    assert "dora" in page.get(f"{listed}?q=DORA").content.decode().partition("<tbody>")[2]
    add = reverse("admin:configserver_person_add")
    assert "Seller" in page.get(add).content.decode()
    given = {
        "name": "lena",
        "display_name": "Lena",
        "roles": ["Seller"],
        "is_active": "on",
        "new_password": PASSWORD,
    }
    made = page.post(add, given)
    assert made.status_code == 302, made.content.decode()
    lena = Person.objects.get(name="lena")
    assert made["Location"] == reverse("admin:configserver_person_change", args=[lena.uid])
    assert [role.name for role in lena.roles.all()] == ["Seller"]
    shown = page.get(made["Location"]).content.decode()
    for part in ("Lena", "Set password", "Delete", 'value="Seller"'):
        assert part in shown
    changed = page.post(
        made["Location"], {"name": "lena", "display_name": "Lena L.", "tenant_dbid": directory.ACME_DBID}
    )
    assert changed.status_code == 302, changed.content.decode()
    lena.refresh_from_db()
    assert (lena.display_name, lena.is_active, lena.roles.count()) == ("Lena L.", False, 0)
    password = reverse("admin:configserver_person_set_password", args=[lena.uid])
    assert "12 characters" in page.get(password).content.decode()
    assert "12" in page.post(password, {"new_password": "short"}).content.decode()
    assert page.post(password, {"new_password": OTHER}).status_code == 302
    delete = reverse("admin:configserver_person_delete", args=[lena.uid])
    assert page.get(delete).status_code == 200
    assert Person.objects.filter(name="lena").exists()
    assert page.post(delete).status_code == 302
    assert not Person.objects.filter(name="lena").exists()


def test_pages_show_refusals_on_their_fields_and_keep_what_was_typed(
    browser: Browse, ada: User, dora: Person
) -> None:
    directory.role("High", rank=90)
    page, add = browser(ada), reverse("admin:configserver_person_add")
    taken = page.post(add, {"name": "dora", "display_name": "Typed", "is_active": "on"})
    assert taken.status_code == 200
    text = taken.content.decode()
    assert ("There is a person of this user name already." in text, 'value="Typed"' in text) == (True, True)
    high = page.post(add, {"name": "x", "display_name": "X", "roles": ["High"]})
    assert "High" in high.content.decode()
    assert not Person.objects.filter(name="x").exists()


def test_pages_of_persons_out_of_reach_do_not_exist(
    browser: Browse, ada: User, ben: User, cleo: User, dora: Person
) -> None:
    other = directory.person("gina", tenant=directory.tenant(202, company=cleo.company))
    page = browser(ada)
    for verb in ("change", "delete", "set_password", "unlock", "forget_entry", "history"):
        for id in (other.uid, UUID(int=7), "7", other.pk):
            assert page.get(reverse(f"admin:configserver_person_{verb}", args=[id])).status_code == 404, verb
    assert "gina" not in page.get(reverse("admin:configserver_person_changelist")).content.decode()
    assert browser(ben).get(reverse("admin:configserver_person_changelist")).status_code == 404


def test_pages_say_that_nobody_answers(browser: Browse, ada: User, dora: Person, remote: Remote) -> None:
    remote.servers[0].kill()
    text = browser(ada).get(reverse("admin:configserver_person_changelist")).content.decode()
    assert "does not answer right now" in text
    assert browser(ada).get(reverse("admin:configserver_person_add")).status_code == 503


def test_what_is_left_to_do_is_told_of_the_server_over_there(
    api: Call, browser: Browse, root: User, dora: Person, remote: Remote
) -> None:
    lost = directory.person("gina", tenant=directory.tenant(202, name="Lost"))
    told = {one["name"]: one for one in api(root).get("prerequisites/").json()}
    assert told["access"]["done"] is True
    assert "answers" in told["access"]["sentence"]
    assert str(lost.tenant) in told["companies"]["sentence"]
    page = browser(root)
    tenants = reverse("admin:configserver_tenant_changelist")
    assert "which is asked in the place of this one" in page.get(tenants).content.decode()
    explained = page.get(reverse("admin:configserver_explain"), {"name": "dora", "realm": "external"})
    assert "cannot be told from here" in explained.content.decode()
    assert "Would get in" not in explained.content.decode()
    remote.servers[0].kill()
    told = {one["name"]: one for one in api(root).get("prerequisites/").json()}
    assert (told["access"]["done"], "does not answer" in told["access"]["sentence"]) == (False, True)
    assert "does not answer" in page.get(reverse("admin:index")).content.decode()
    explained = page.get(reverse("admin:configserver_explain"), {"name": "dora", "realm": "external"})
    assert "does not answer" in explained.content.decode()


# --- identity providers ------------------------------------------------------------------------------------------------------


def test_an_identity_provider_writes_through_to_the_server(
    remote: Remote, dora: Person, settings: Settings
) -> None:
    by, now = system_actor(), timezone.now()
    draft = services.DirectoryDraft(name="okta", protocol="scim", people_tenant=dora.tenant)
    scim = services.create_directory(draft, by=by, now=now)
    assert isinstance(scim, Directory), scim
    provider = cast.Api(None)
    provider.headers["Authorization"] = f"Bearer {services.make_token(scim, by=by, now=now)}"
    body = {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "lena", "externalId": "7"}
    provider.browser.defaults["REMOTE_ADDR"] = "198.51.100.7"
    made = provider.post("/scim/v2/Users", body)
    assert made.status_code == 201, made.content
    assert made["ETag"] == made.json()["meta"]["version"]
    lena = Person.objects.get(name="lena")
    assert (str(lena.uid), lena.source) == (made.json()["id"], scim)
    seen = provider.get(f"/scim/v2/Users/{lena.uid}", **{"If-None-Match": made["ETag"]})
    assert seen.status_code == 304
    stale = provider.patch(f"/scim/v2/Users/{lena.uid}", {}, headers={"If-Match": 'W/"old"'})
    assert stale.status_code == 412
    found = provider.get('/scim/v2/Users?filter=userName%20eq%20"LENA"').json()
    assert found["totalResults"] == 1
    assert provider.delete(f"/scim/v2/Users/{lena.uid}").status_code == 204
    refused = cast.Api(None).get("/scim/v2/Users", Authorization="Bearer gh_scim_wrong")
    assert (refused.status_code, "Bearer" in refused["WWW-Authenticate"]) == (401, True)
    # What is the portal's alone is no way in for him there either.
    for path in ("authenticate", "password", "changes"):
        assert provider.post(f"/scim/v2/{path}", {}).status_code in {401, 404}
    # What the provider reads and what the trail says is as if it had been asked here.
    assert made["Location"] == f"{settings.PUBLIC_URL}/scim/v2/Users/{lena.uid}"
    assert AuditEvent.objects.get(event="configserver:person:created").address == "198.51.100.7"
    for odd in ({"If-Match": "x" * 5_000}, {"Accept": "a\u00ff"}, {"If-Match": "x\r\nX-Gatehouse-Actor: y"}):
        assert provider.get("/scim/v2/Users", **odd).status_code == 400
    assert provider.get("/scim/v2/Users").status_code == 200  # and none of it has rested the server
    remote.servers[0].kill()
    away = provider.get("/scim/v2/Users")
    assert (away.status_code, away.json()["status"]) == (503, "503")


# --- what the server believes ------------------------------------------------------------------------------------------------


def packed(**more: Any) -> str:
    told = {
        "actor": None,
        "impersonator": None,
        "person": "",
        "address": "",
        "rank": 100,
        "privileges": [],
        "lacks": [],
        "kept_under": "somebody",
        "reach": {"user": None},
        "tenant": None,
    } | more
    return base64.b64encode(zlib.compress(json.dumps(told).encode())).decode()


def credentials() -> dict[str, str]:
    found = where.remote()
    assert found is not None
    return found.as_portal()


@pytest.mark.parametrize(
    "header",
    [
        "",
        "x",
        packed(rank="high"),
        packed(reach=[]),
        packed(privileges=[1]),
        packed(actor={"id": 1}),
        "A" * 13_000,
    ],
)
def test_a_portal_that_says_nobody_is_refused(remote: Remote, dora: Person, header: str) -> None:
    headers = credentials() | {"X-Gatehouse-Actor": header}
    assert ask(remote, "GET", "/api/v1/persons/", **headers)[0] == 400


def test_a_bomb_in_the_header_is_refused(remote: Remote, dora: Person) -> None:
    bomb = base64.b64encode(zlib.compress(b'"' + b"a" * 8_000_000 + b'"')).decode()
    assert len(bomb) < 12_000
    headers = credentials() | {"X-Gatehouse-Actor": bomb}
    assert ask(remote, "GET", "/api/v1/persons/", **headers)[0] == 400


def test_without_the_portals_password_the_header_is_nothing(
    remote: Remote, dora: Person, api: Call, root: User
) -> None:
    own: Api = api(root)
    for value in (own.headers["Authorization"], "Basic " + base64.b64encode(b"portal-x:y").decode(), None):
        headers = {"X-Gatehouse-Actor": packed()} | ({"Authorization": value} if value else {})
        assert ask(remote, "GET", "/api/v1/persons/", **headers)[0] == 401


def test_the_portals_own_doors_do_not_listen_to_the_header(api: Call, ben: User, dora: Person) -> None:
    answer = api(ben).get("persons/", **{"X-Gatehouse-Actor": packed()})
    assert answer.status_code == 403
    assert cast.Api(None).get("persons/", **{"X-Gatehouse-Actor": packed()}).status_code == 401
