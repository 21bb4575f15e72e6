"""A remote Configuration Server that dies, hangs, lies about itself, or does not know us."""

import base64
import socket
import ssl
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from http.client import HTTPSConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.utils import timezone
from pytest_django import Settings

from configserver import services, where
from configserver.engines.base import Unreachable
from configserver.models import Person
from configserver.remote.client import Remote as Client
from configserver.services import PersonDraft, dismiss_portal
from configserver.values import Identity
from core.db import unit
from core.errors import Unavailable
from core.models import Epoch
from core.outcomes import Denied
from portal.prerequisites import prerequisites, steps
from tenants.actor import system_actor
from tenants.settings import snapshot
from tests import directory
from tests.services import free_port
from tests.services.certificates import Certificate
from tests.services.configserver import Remote, config_servers
from tests.services.hostile import hostile_server
from tests.waiting import until

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db(transaction=True)]
PASSWORD = "a lantern in the harbour 7"


@pytest.fixture(scope="module")
def two(django_db_setup: None, django_db_blocker: Any) -> Iterator[Remote]:
    with django_db_blocker.unblock(), config_servers(2) as servers:
        yield servers


@pytest.fixture(autouse=True)
def both_up(two: Remote, settings: Settings) -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    for one in two.servers:
        if not one.is_up:
            one.start()
    Epoch.objects.update_or_create(pk=1, defaults={"version": time.time_ns()})


@pytest.fixture
def dora(both_up: None) -> Person:
    return directory.person("dora", tenant=directory.tenant(directory.ACME_DBID), password=PASSWORD)


def client() -> Client:
    found = where.remote()
    assert found is not None
    return found


def proof(server: Client | None = None) -> Any:
    settings = snapshot(None)
    return (server or client()).authenticate("dora", PASSWORD, environment=settings, now=timezone.now())


def test_the_primary_is_killed_under_load_and_nobody_is_refused(two: Remote, dora: Person) -> None:
    two.use()
    server, settings = client(), snapshot(None)
    said: Counter[str] = Counter()
    ends = time.monotonic() + 4

    def go_on() -> None:
        while time.monotonic() < ends:
            found = server.authenticate("dora", PASSWORD, environment=settings, now=timezone.now())
            said[str(found) if isinstance(found, Unreachable) else type(found).__name__] += 1

    threads = [threading.Thread(target=go_on) for _ in range(4)]
    for one in threads:
        one.start()
    time.sleep(1.5)
    before = said.total()
    two.servers[0].kill()
    for one in threads:
        one.join()
    assert set(said) == {"Identity"}, said
    assert said.total() > before > 10, said


def test_one_that_hangs_costs_the_first_caller_half_the_time_and_nobody_else(
    two: Remote, dora: Person
) -> None:
    two.use(TimeoutMs=2_000)
    assert isinstance(proof(), Identity)
    with two.servers[0].hung():
        began = time.monotonic()
        assert isinstance(proof(), Identity)
        assert time.monotonic() - began < 1.6
        began = time.monotonic()
        assert isinstance(proof(), Identity)
        assert time.monotonic() - began < 0.5


def test_with_both_gone_the_answer_is_that_nobody_answers_and_comes_soon(two: Remote, dora: Person) -> None:
    two.use(TimeoutMs=2_000)
    for one in two.servers:
        one.kill()
    began = time.monotonic()
    assert isinstance(proof(), Unreachable)
    assert time.monotonic() - began < 2.2
    began = time.monotonic()
    for _ in range(100):
        assert isinstance(proof(), Unreachable)  # they rest, and nobody waits for them
    assert time.monotonic() - began < 0.5


def test_what_was_heard_last_stands_for_a_while_and_then_nobody_is_known(
    two: Remote, dora: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    two.use()
    server = client()
    until(lambda: server.version_of(dora.uid) == dora.version, seconds=10, what="the first answer")
    for one in two.servers:
        one.kill()
    assert server.version_of(dora.uid) == dora.version
    monkeypatch.setattr("configserver.remote.watch.STANDS_SECONDS", 0.0)
    assert server.version_of(dora.uid) is None


def test_a_change_is_felt_within_a_second_by_the_thread_that_listens(
    two: Remote, dora: Person, settings: Settings
) -> None:
    two.use()
    settings.CONFIGSERVER_POLL_SECONDS = 0.5
    server = Client(client().config)
    try:
        until(lambda: server.version_of(dora.uid) == dora.version, seconds=10, what="the first answer")
        time.sleep(0.7)
        services.change_person(dora, PersonDraft(is_active=False), by=system_actor(), now=timezone.now())
        changed = time.monotonic()
        until(lambda: server.version_of(dora.uid) != dora.version, seconds=3, what="the change to be heard")
        assert time.monotonic() - changed < 1.0
    finally:
        server.end()


def test_while_nothing_changes_nothing_is_asked(
    two: Remote, dora: Person, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    two.use()
    settings.CONFIGSERVER_POLL_SECONDS = 0.5
    server = Client(client().config)
    try:
        until(lambda: server.version_of(dora.uid) == dora.version, seconds=10, what="the first answer")
        asked: list[str] = []
        over_servers = server._over_servers
        monkeypatch.setattr(
            server,
            "_over_servers",
            lambda asking, *a, **k: asked.append(asking.path) or over_servers(asking, *a, **k),
        )
        for _ in range(1_000):
            assert server.version_of(dora.uid) == dora.version
        assert set(asked) <= {"/scim/v2/changes"}
    finally:
        server.end()


@pytest.mark.parametrize("how", ["another authority", "another name", "expired"])
def test_who_cannot_show_the_right_certificate_is_told_no_password(
    two: Remote, dora: Person, tmp_path: Any, how: str
) -> None:
    from datetime import timedelta

    hosts = ("elsewhere.example",) if how == "another name" else ("localhost",)
    valid = timedelta(minutes=-30) if how == "expired" else timedelta(days=1)
    shown = Certificate.make(tmp_path, hosts=hosts, valid=valid)
    heard = _Listener(shown)
    trusted = two.servers[0].certificate if how == "another authority" else shown
    two.use(PrimaryUrl=heard.url, BackupUrl="", CaFile=str(trusted.authority))
    try:
        found = proof()
        assert isinstance(found, Unreachable)
        assert "certificate" in found.reason
        assert heard.bytes == b""
    finally:
        heard.end()


class _Listener:
    """Takes one TLS connection after the other, and keeps what it hears."""

    def __init__(self, certificate: Certificate) -> None:
        self.bytes = b""
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"https://localhost:{self._socket.getsockname()[1]}"
        self._context = certificate.context()
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def _listen(self) -> None:
        while True:
            try:
                plain, _from = self._socket.accept()
            except OSError:
                return
            try:
                with self._context.wrap_socket(plain, server_side=True) as secured:
                    self.bytes += secured.recv(4_096)
            except OSError:
                plain.close()

    def end(self) -> None:
        self._socket.close()


def test_a_plain_address_or_one_with_a_path_is_no_setting(two: Remote) -> None:
    from tenants.settings import change_settings

    for url in (
        "http://localhost:2020",
        "https://u:p@localhost",
        "https://localhost/path",
        "localhost:2020",
        "https://localhost:99999",
        "https://localhost:x",
        "https://[::1",
        "https://localhost:0",
    ):
        given = {"GenesysSDK.ConfigServerLogin.PrimaryUrl": url}
        refused = change_settings(given, company=None, reason="x", by=system_actor(), now=timezone.now())
        assert isinstance(refused, Denied), url


def test_a_portal_that_is_not_admitted_or_no_longer_is_told_nothing(two: Remote, dora: Person) -> None:
    two.use(Password="wrong-" + "x" * 40)
    found = proof()
    assert isinstance(found, Unreachable)
    assert "password" in found.reason
    dismiss_portal("the portal of the tests", now=timezone.now())
    two.use()
    where.remote()
    assert isinstance(proof(Client(client().config)), Identity)
    dismiss_portal("the portal of the tests", now=timezone.now())
    assert isinstance(proof(Client(client().config)), Unreachable)


@pytest.mark.parametrize("text", [None, "no certificate", "-----BEGIN CERTIFICATE-----\nÜ\n", ""])
def test_a_file_of_authorities_that_is_none_asks_nobody(
    two: Remote, dora: Person, tmp_path: Path, text: str | None
) -> None:
    path = tmp_path / "ca.pem"
    if text is not None:
        path.write_text(text)
    two.use(CaFile=str(path))
    assert isinstance(proof(), Unreachable)


def test_what_may_have_been_heard_is_not_said_again(two: Remote, dora: Person) -> None:
    """A change of password, or a code that works once: the answer is lost, and the backup is not asked."""
    two.use()
    heard, config = _Listener(two.servers[0].certificate), client().config
    asked = Client(replace(config, servers=(heard.url, two.servers[0].url), timeout=4.0))
    try:
        given = {"environment": snapshot(None), "now": timezone.now()}
        changed = asked.set_password(
            dora.uid, version=dora.version, current=PASSWORD, new="two kettles under the bridge 8", **given
        )
        assert isinstance(changed, Unreachable)
        assert heard.bytes.startswith(b"POST /scim/v2/password")
        assert isinstance(proof(), Identity)
    finally:
        heard.end()


def test_a_version_that_cannot_be_asked_for_stands_no_longer_than_what_was_heard(
    two: Remote, dora: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    two.use()
    server = client()
    until(lambda: server.version_of(dora.uid) == dora.version, seconds=10, what="the first answer")

    def silent(_uids: object) -> dict[object, int]:
        raise Unavailable("no answer")

    monkeypatch.setattr(server, "versions_of", silent)
    services.change_person(dora, PersonDraft(is_active=False), by=system_actor(), now=timezone.now())
    assert server.version_of(dora.uid) == dora.version  # for a moment
    monkeypatch.setattr("configserver.remote.watch.STANDS_SECONDS", 0.0)
    assert server.version_of(dora.uid) is None


def test_rules_that_could_not_be_asked_for_are_asked_for_again(
    two: Remote, dora: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    two.use()
    server = client()
    assert server.rules_above(directory.ACME_DBID) == {}
    rule = "security-authentication-rules.password-min-length"
    draft = services.TenantDraft(rules={rule: 20})
    with monkeypatch.context() as patched:
        patched.setattr(server, "_all_rules", lambda: (_ for _ in ()).throw(Unavailable("no answer")))
        services.change_tenant(dora.tenant, draft, by=system_actor(), now=timezone.now())
        assert server.rules_above(directory.ACME_DBID) == {}
    assert server.rules_above(directory.ACME_DBID) == {rule: 20}


def test_inside_a_unit_nobody_is_asked(two: Remote, dora: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    two.use()
    server = client()
    until(lambda: server.version_of(dora.uid) == dora.version, seconds=10, what="the first answer")

    def never(*_a: object, **_k: object) -> None:
        raise AssertionError("asked inside a unit")

    monkeypatch.setattr(server, "_over_servers", never)
    with unit():
        assert server.version_of(dora.uid) == dora.version
        assert server.rules_above(directory.ACME_DBID) == {}


def test_a_question_that_is_too_long_rests_no_server(two: Remote, dora: Person) -> None:
    two.use()
    server = client()
    found = server.authenticate("dora", "x" * 5_000, environment=snapshot(None), now=timezone.now())
    assert isinstance(found, Unreachable)
    assert isinstance(proof(server), Identity)


def test_another_application_than_was_admitted_is_told_nothing(two: Remote, dora: Person) -> None:
    two.use(ApplicationName="another portal")
    assert isinstance(proof(), Unreachable)


def test_a_server_that_speaks_something_else_is_no_answer(two: Remote, dora: Person) -> None:
    with hostile_server() as liar:
        two.use(PrimaryUrl=f"https://localhost:{liar.port}", BackupUrl="", TimeoutMs=1_000)
        began = time.monotonic()
        assert isinstance(proof(), Unreachable)
        assert time.monotonic() - began < 1.5


# --- what strangers can do at its doors --------------------------------------------------------------------------------------


def ask(two: Remote, method: str, path: str, *, body: bytes = b"", **headers: str) -> tuple[int, bytes]:
    server = two.servers[0]
    context = ssl.create_default_context(cafile=str(server.certificate.authority))
    door = HTTPSConnection("localhost", server.port, context=context, timeout=10)
    door.request(method, path, body, headers=headers)
    answer = door.getresponse()
    found = answer.status, answer.read()
    door.close()
    return found


DOORS = [
    ("POST", "authenticate"),
    ("POST", "password"),
    ("POST", "versions"),
    ("GET", "tenants"),
    ("GET", "changes"),
    ("GET", "about/8c5f4a9e-93b6-4b51-8f25-6a2f3a0f1111"),
]


@pytest.mark.parametrize(("method", "path"), DOORS)
def test_an_identity_provider_and_a_stranger_open_none_of_them(
    two: Remote, dora: Person, method: str, path: str
) -> None:
    scim = services.create_directory(
        services.DirectoryDraft(name="okta", protocol="scim", people_tenant=dora.tenant),
        by=system_actor(),
        now=timezone.now(),
    )
    assert not isinstance(scim, Denied), scim
    token = services.make_token(scim, by=system_actor(), now=timezone.now())
    pairs = base64.b64encode(f"dora:{PASSWORD}".encode()).decode()
    for header in (
        {},
        {"Authorization": f"Bearer {token}"},
        {"Authorization": f"Basic {pairs}"},
        {"Authorization": "Basic !"},
    ):
        status, _said = ask(
            two, method, f"/scim/v2/{path}", body=b"{}", **header, **{"Content-Type": "application/json"}
        )
        assert status == 401, header
    # The same token opens SCIM, as everywhere.
    assert ask(two, "GET", "/scim/v2/Users", Authorization=f"Bearer {token}")[0] == 200


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"null",
        b'{"userName": 1, "password": "x"}',
        b'{"userName": "dora"}',
        b"{" * 5_000,
        b'{"id": "x", "state": "", "answer": ""}',
    ],
)
def test_a_body_of_another_form_is_a_refusal(two: Remote, dora: Person, body: bytes) -> None:
    two.use()
    headers = {**client().as_portal(), "Content-Type": "application/json"}
    status, said = ask(two, "POST", "/scim/v2/authenticate", body=body, **headers)
    assert status == 400, said


@pytest.mark.parametrize("path", ["/", "/admin/", "/api/v1/me/", "/login/", "/account/", "/cobrowse/agent/"])
def test_it_serves_nothing_else(two: Remote, path: str) -> None:
    assert ask(two, "GET", path)[0] == 404


def test_no_password_comes_into_its_log(two: Remote, dora: Person) -> None:
    two.use()
    assert isinstance(proof(), Identity)
    assert any("asked: identity" in one.log for one in two.servers)
    for one in two.servers:
        assert PASSWORD not in one.log
        assert client().config.password not in one.log


def test_a_free_port_is_refused_at_once_and_the_backup_answers(two: Remote, dora: Person) -> None:
    two.use(PrimaryUrl=f"https://localhost:{free_port()}")
    began = time.monotonic()
    assert isinstance(proof(), Identity)
    assert time.monotonic() - began < 1.0


def test_which_server_does_not_answer_is_told_with_the_reason(two: Remote, dora: Person) -> None:
    two.use()
    asked = client()
    assert asked.silent() == {}
    name = urlsplit(asked.config.servers[0]).netloc
    two.servers[0].kill()
    asked._looked_until = 0.0  # what was seen a moment ago is not asked for again
    assert list(asked.silent()) == [name]
    assert "listens" in asked.silent()[name]
    found = prerequisites()
    assert (found.answers, len(found.silent)) == (True, 1)
    assert "not all of its servers" in next(one for one in steps(found) if one.name == "access").sentence
