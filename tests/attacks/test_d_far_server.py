"""A Configuration Server that is broken or hostile: what it says lets nobody in, and stops nobody of the portal's own people."""

import json
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.db import connections
from django.utils import timezone
from pytest_django import Settings

from accounts.models import User
from configserver import where
from configserver.engines.base import Refused, Unreachable
from configserver.remote.client import Remote
from configserver.values import Identity
from core import epoch
from core.db import unit
from tenants.models import Company, Permission, Privilege, Role, SettingSecret
from tenants.settings import snapshot
from tests import cast, directory
from tests.cast import Browse
from tests.journeys.stage import configure
from tests.services.certificates import Certificate
from tests.services.hostile import Talk, hostile_server

pytestmark = pytest.mark.django_db(transaction=True)
PREFIX = "GenesysSDK.ConfigServerLogin."
PART = b"|||"  # what stands behind it is sent a moment later
Said = dict[str, bytes]


def http(body: bytes, *, status: str = "200 OK", media: str = "application/json") -> bytes:
    """One answer."""
    return (
        f"HTTP/1.1 {status}\r\nContent-Type: {media}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body
    )


def identity(**more: Any) -> bytes:
    """What `authenticate` says of somebody, with these members in the place of the usual ones."""
    own = {"name": "", "rank": 0, "privileges": [], "permissions": []}
    one = {
        "id": str(UUID(int=5)), "version": 1, "userName": "dora", "displayName": "Dora", "email": "", "phone": "",
        "tenantDbid": 101, "engine": "internal", "changePasswordAtNextLogin": False, "mayChange": True,
        "factorProved": False, "graceLeft": None, "expiresIn": None, "roles": [], "own": own,
    }  # fmt: skip
    return http(json.dumps({"outcome": "identity", "identity": one | more}).encode())


REFUSED = http(b'{"outcome": "refused", "reason": "wrong", "told": ""}')
CHANGES = http(b'{"installation": "x", "counter": 1}')


def _request(talk: Talk, rest: bytes) -> tuple[str, bytes]:
    """The last part of the path of the next request, and what came behind it."""
    while b"\r\n\r\n" not in rest:
        if not (part := talk.socket.recv(65_536)):
            raise ConnectionError
        rest += part
    head, _end, rest = rest.partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    length = next((int(one.split(":")[1]) for one in lines if one.lower().startswith("content-length:")), 0)
    while len(rest) < length:
        rest += talk.socket.recv(65_536)
    return lines[0].split(" ")[1].split("?")[0].rstrip("/").rsplit("/", 1)[-1], rest[length:]


@contextmanager
def server(folder: Path, said: Said) -> Iterator[list[str]]:
    """A server that answers so by the end of the path, and the settings that name it; what it was asked for."""
    asked: list[str] = []

    def behave(talk: Talk) -> None:
        rest = b""
        while True:
            path, rest = _request(talk, rest)
            asked.append(path)
            for part in said.get(path, CHANGES if path == "changes" else http(b"{}", status="404 x")).split(
                PART
            ):
                talk.socket.sendall(part)
                time.sleep(0.3 if PART in said.get(path, b"") else 0)

    certificate = Certificate.make(folder)
    with hostile_server(behave, tls=certificate.context()) as found:
        given = {
            "PrimaryUrl": f"https://localhost:{found.port}",
            "Username": "p",
            "Password": "x",
            "CaFile": str(certificate.authority),
            "TimeoutMs": 2_000,
        }
        configure(**{f"{PREFIX}{name}".replace(".", "__"): value for name, value in given.items()})
        configure(Login__ExternalAuthenticationMode="ConfigServer")
        yield asked


def far() -> Remote:
    found = where.remote()
    assert found is not None
    return found


def ask(name: str) -> Any:
    return far().authenticate(name, "x", environment=snapshot(None), now=timezone.now())


@pytest.mark.parametrize(
    "said",
    [
        {"tenants": [{"dbid": "x", "rules": {}}]},
        {"tenants": [1]},
        {"tenants": [{"dbid": 101, "rules": [1]}]},
        {"tenants": [{"dbid": 101}]},
        {"tenants": [{"dbid": None, "rules": {}}]},
        {"tenants": None},
        [],
    ],
)
def test_rules_of_a_wrong_form_leave_internal_people_alone(
    tmp_path: Path, acme: Company, ben: User, browser: Browse, said: Any
) -> None:
    directory.tenant(101, company=acme)
    page = browser(ben)
    with server(tmp_path, {"tenants": http(json.dumps(said).encode())}):
        assert page.get("/").status_code == 200


def test_what_is_no_rule_of_a_tenant_changes_no_setting(tmp_path: Path, acme: Company) -> None:
    directory.tenant(101, company=acme)
    rule = "security-authentication-rules.password-min-length"
    rules = {"TwoFactor.Policy": "off", "Session.AbsoluteHours": 720, rule: 20, f"{rule}-x": 1}
    wrong = {"dbid": 102, "rules": {rule: "many"}}
    with server(
        tmp_path, {"tenants": http(json.dumps({"tenants": [{"dbid": 101, "rules": rules}, wrong]}).encode())}
    ):
        found = snapshot(acme.pk)
        assert (found["TwoFactor.Policy"], found["Session.AbsoluteHours"], found[rule]) == (
            "optional",
            12,
            20,
        )
        assert far().rules_above(102) == {}


@pytest.mark.parametrize("said", [b"[" * 200_000, b'{"a":' * 100_000, b"<html>", b"", b"null", b"\xff"])
def test_what_is_no_answer_lets_nobody_in(tmp_path: Path, said: bytes) -> None:
    with server(tmp_path, {"authenticate": http(said)}):
        assert isinstance(ask("dora"), Unreachable)


@pytest.mark.parametrize("version", ["x", None, [1], True, -1, 10**30])
def test_a_version_of_a_wrong_form_is_none(tmp_path: Path, version: Any) -> None:
    said = {"versions": {str(UUID(int=1)): version}}
    with server(tmp_path, {"versions": http(json.dumps(said).encode())}):
        assert far().version_of(UUID(int=1)) is None


@pytest.mark.parametrize(
    "more",
    [
        {"version": 10**30},
        {"version": -1},
        {"version": True},
        {"userName": "x" * 5_000},
        {"userName": "a\0b"},
        {"displayName": "x" * 5_000},
        {"displayName": "\ud800"},
        {"tenantDbid": 10**25},
        {"phone": "1" * 500},
        {"expiresIn": 10**30},
        {"id": "5"},
        {"roles": [{"name": "R", "rank": 10**40, "privileges": [], "permissions": []}]},
        {"roles": [{"name": "R", "rank": 1, "privileges": [["a"]], "permissions": []}]},
        {"roles": [1]},
        {"own": None},
    ],
)
def test_an_identity_that_there_cannot_be_lets_nobody_in(
    tmp_path: Path, acme: Company, browser: Browse, more: dict[str, Any]
) -> None:
    directory.tenant(101, company=acme)
    page = browser()
    with server(tmp_path, {"authenticate": identity(**more)}):
        page.post("/login/", {"username": "dora", "realm": "external"})
        answer = page.post("/login/password/", {"password": "anything at all"})
        assert answer.status_code == 503
        assert not User.objects.filter(realm="external").exists()


@pytest.mark.parametrize(
    "first",
    [
        b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + PART + identity(userName="ada"),
        identity(userName="ada") + PART + identity(userName="eve"),
        identity(userName="ada") + identity(userName="eve"),
    ],
    ids=["an interim answer", "a second answer", "two at once"],
)
def test_what_nobody_asked_for_is_the_answer_of_nobody(tmp_path: Path, first: bytes) -> None:
    said = {"authenticate": first}
    with server(tmp_path, said):
        found = ask("ada")
        assert not isinstance(found, Identity) or found.name == "ada"
        time.sleep(0.5)
        said["authenticate"] = REFUSED
        far()._servers._rests_until.clear()
        assert isinstance(ask("mallory"), Refused)


@pytest.mark.parametrize(
    ("status", "media", "said"),
    [
        ("200 OK", "text/html", b"<script>alert(1)</script>"),
        ("500 x", "text/html", b"<h1>Server Error</h1>"),
        ("401 x", "application/json", b"{}"),
        ("502 x", "text/html", b""),
    ],
)
def test_only_json_is_passed_on_to_whoever_calls(
    tmp_path: Path, root: User, status: str, media: str, said: bytes
) -> None:
    own = cast.Api(root)
    with server(
        tmp_path,
        {"persons": http(said, status=status, media=media), "Users": http(said, status=status, media=media)},
    ):
        answer = own.get("persons/")
        assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
        if media == "text/html":
            assert own.get("/scim/v2/Users").status_code == 503


def test_back_to_embedded_nobody_is_asked_any_more(tmp_path: Path, settings: Settings) -> None:
    settings.CONFIGSERVER_POLL_SECONDS = 0.05
    with server(tmp_path, {}) as asked:
        assert far().generation >= 0
        time.sleep(0.4)
        assert asked
        configure(**{f"{PREFIX}PrimaryUrl".replace(".", "__"): None})
        assert where.remote() is None
        time.sleep(0.3)
        count = len(asked)
        time.sleep(0.5)
        assert len(asked) == count


def test_the_thread_that_listens_lives_on(
    tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.CONFIGSERVER_POLL_SECONDS = 0.05
    with server(tmp_path, {}):
        remote = far()
        broken = threading.Event()

        def fails() -> tuple[str, int]:
            broken.set()
            raise RuntimeError("something nobody thought of")

        with monkeypatch.context() as patched:
            patched.setattr(remote._watch, "_look", fails)
            assert remote.generation == 0
            assert broken.wait(5)
        time.sleep(0.5)
        assert remote.generation == 1


# --- settings ----------------------------------------------------------------------------------------------------------------


def _keeper() -> User:
    """Sam, who may change every setting and nothing else."""
    role = Role.objects.create(name="Keeper of the settings", rank=20)
    role.privileges.set(Privilege.objects.filter(name__in=["Settings - View", "Settings - Manage"]))
    Permission.objects.create(role=role, kind="setting", reach="every")
    user = cast.person("sam@portal.example", company=None, role=cast.MEMBER)
    user.roles.set([role])
    return user


@pytest.mark.parametrize("name", ["PrimaryUrl", "BackupUrl", "Username", "Password", "CaFile"])
def test_who_may_only_change_settings_does_not_say_who_people_are(name: str) -> None:
    """His own server would say of anybody that he may do everything."""
    own, value = cast.Api(_keeper()), "https://evil.example" if name.endswith("Url") else "x"
    answer = own.patch("settings/", {"values": {f"{PREFIX}{name}": value}, "reason": "tidying up"})
    assert (answer.status_code, answer.json()["code"]) == (403, "rank_too_high")
    assert own.patch("settings/", {"values": {"TwoFactor.CodeDigits": 8}, "reason": "x"}).status_code == 200


def test_neither_by_taking_it_away_nor_by_rolling_back(tmp_path: Path, root: User) -> None:
    own = cast.Api(_keeper())
    with server(tmp_path, {}):
        gone = own.patch("settings/", {"values": {f"{PREFIX}PrimaryUrl": None}, "reason": "x"})
        assert gone.status_code == 403
        first = cast.Api(root).get("settings/revisions/").json()["results"][-1]
        configure(**{f"{PREFIX}PrimaryUrl".replace(".", "__"): None})
        back = own.post(f"settings/revisions/{first['id']}/rollback/", {"reason": "x"})
        assert back.status_code in {403, 404}, back.content
        assert where.remote() is None


def test_a_file_that_never_ends_stops_nobody(
    tmp_path: Path, acme: Company, ben: User, browser: Browse
) -> None:
    directory.tenant(101, company=acme)
    os.mkfifo(tmp_path / "pipe")
    page, seen = browser(ben), list[int]()
    configure(
        **{
            f"{PREFIX}PrimaryUrl".replace(".", "__"): "https://localhost:1",
            f"{PREFIX}CaFile".replace(".", "__"): str(tmp_path / "pipe"),
        }
    )

    def look() -> None:
        seen.append(page.get("/").status_code)
        connections.close_all()

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    thread.join(5)
    assert seen == [200]


def test_a_bundle_with_other_letters_in_its_comments_is_one(tmp_path: Path) -> None:
    with server(tmp_path, {"authenticate": REFUSED}):
        bundle = tmp_path / "bundle.pem"
        bundle.write_text(f"# NetLock Főtanúsítvány\n{(tmp_path / 'ca.pem').read_text()}")
        configure(
            **{f"{PREFIX}CaFile".replace(".", "__"): str(bundle), f"{PREFIX}Password".replace(".", "__"): "x"}
        )
        assert isinstance(ask("dora"), Refused)


def test_a_password_that_cannot_be_opened_stops_nobody(
    tmp_path: Path, acme: Company, ben: User, browser: Browse
) -> None:
    directory.tenant(101, company=acme)
    page = browser(ben)
    with server(tmp_path, {}):
        SettingSecret.objects.all().delete()
        with unit():
            epoch.bump()
        assert page.get("/").status_code == 200
        assert isinstance(ask("dora"), Unreachable)
