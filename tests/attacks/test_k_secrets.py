"""K. Secrets at rest and in logs: what nobody may read later is looked for everywhere after a day of everything."""

import ast
import io
import logging
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings as configured
from django.contrib.auth.hashers import make_password
from django.core import signing
from django.db import connection
from pytest_django import Settings

from accounts.middleware import BROWSER_COOKIE, SESSION_COOKIE
from accounts.models import User
from core import crypto, entropy
from core.errors import PortalError
from delivery import wake
from login.models import Attempt
from login.views import ATTEMPT_COOKIE
from portal import settings as product
from tests.attacks.people import ADA, BEN
from tests.journeys.doors import ApiDoor, WebDoor, sign_in
from tests.journeys.stage import PASSWORD, Post, Time, configure

ROOT = Path(__file__).parents[2]
TYPED = "Zebra-In-The-Wrong-Box-61"  # a password typed where the name belongs
WRONG = "Walrus-Wrong-Password-62"
NEXT = "Otter-Builds-A-New-Dam-63"


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """Everything that anybody logs at DEBUG, as the product's own handler writes it."""
    root = logging.getLogger()
    (own,) = [one for one in root.handlers if type(one) is logging.StreamHandler]
    written, level = io.StringIO(), root.level
    before = own.setStream(written)
    own.addFilter(not_of_the_mail_server)
    root.setLevel(logging.DEBUG)
    yield written
    root.setLevel(level)
    own.removeFilter(not_of_the_mail_server)
    if before is not None:
        own.setStream(before)


def not_of_the_mail_server(record: logging.LogRecord) -> bool:
    """Whether somebody else than the mail server of these tests wrote it."""
    return not record.name.startswith("mail.")


def _day_of_everything(post: Post, clock: Time) -> dict[str, str]:
    """Every door with every secret; what must be found nowhere afterwards."""
    secrets = {"password": PASSWORD, "typed as a name": TYPED, "wrong password": WRONG, "new password": NEXT}

    def keep(name: str, value: str) -> None:
        assert len(value) >= 6, name
        secrets[f"{name} {len(secrets)}"] = value

    for kind in (WebDoor, ApiDoor):
        door = kind()
        door.begin(TYPED)
        door.take("password", password=WRONG)
        sign_in(door, ADA, PASSWORD)
        if isinstance(door, WebDoor):
            keep("attempt cookie", door.browser.cookies[ATTEMPT_COOKIE].value)
        else:
            keep("handle", door.handle)
        keep("code", post.code(ADA))
        clock.forward(seconds=16)
        door.take("resend")
        code = post.code(ADA)
        keep("code", code)
        door.take("code", code="wrong!")
        door.take("code", code=code)
        assert door.is_in()
        if isinstance(door, WebDoor):
            keep("session cookie", door.browser.cookies[SESSION_COOKIE].value)
            keep("browser cookie", door.browser.cookies[BROWSER_COOKIE].value)
            door.open("/account/contacts/")
            door.post("/account/contacts/email/", email="ada.new@acme.example")
        else:
            keep("access token", door.access)
            keep("signature", door.access.rpartition(".")[2])
            keep("refresh token", door.refresh)
            door.post("/api/v1/tokens/refresh/", {"refresh_token": door.refresh})
            keep("refresh token", door.refresh)
            keep("access token", door.access)
            door.client.get(f"/api/v1/me/?access_token={door.access}")
            door.post("/api/v1/me/email/", {"email": "ada.new@acme.example"}, bearer=door.access)
        keep("address code", post.code("ada.new@acme.example"))
        asked = kind()
        asked.forgotten(BEN)
        link = post.link(BEN)
        keep("link secret", link.rstrip("/").rpartition(".")[2])
        keep("short code", post.code(BEN))
        if isinstance(asked, WebDoor):
            path = "/" + link.split("/", 3)[3]
            asked.browser.get(path)
            asked.browser.post(path)  # without the token of the page: a refusal is logged
            asked.browser.put(path)
            asked.browser.get(path.rstrip("/"))  # and so is what is not found
            asked.browser.get(path + "x")
        asked.use(link)
        asked.take("change-password", new_password="short")
        asked.take("change-password", new_password=NEXT)
        asked.stranger().use(link, code="12345678")
        User.objects.filter(username=BEN).update(password=User.objects.get(username=ADA).password)
        clock.forward(minutes=20)
    return secrets


@pytest.mark.django_db(transaction=True)
def test_no_secret_is_found_in_the_database_the_broker_or_the_log(
    ada: User, ben: User, post: Post, clock: Time, log: io.StringIO, settings: Settings
) -> None:
    settings.PASSWORD_HASHERS = ["accounts.hashers.Argon2id"]
    User.objects.update(password=make_password(PASSWORD))
    wake.worker()
    secrets = _day_of_everything(post, clock)
    places = {"log": log.getvalue()}
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f'SELECT * FROM "{table}"')  # noqa: S608
            places[f"table {table}"] = "\n".join(str(row) for row in cursor.fetchall())
    # The files too: what was overwritten may still stand in them.
    for path in Path(configured.DATA_DIR).rglob("*"):
        if path.is_file() and "static" not in path.parts and "locale" not in path.parts:
            places[str(path)] = path.read_bytes().decode("latin-1")
    assert "ada@acme.example" in places["table accounts_user"]
    assert connection.vendor != "sqlite" or any("test" in name and ".sqlite3" in name for name in places)
    assert "CSRF token missing" in places["log"]  # it is the log, and it tells what went wrong
    found = [
        (name, place)
        for name, secret in secrets.items()
        for place, text in places.items()
        if _holds(text, secret)
    ]
    assert found == [], [_around(places[place], secrets[name]) for name, place in found]


def _around(text: str, secret: str) -> str:
    at = text.index(secret)
    return text[max(0, at - 200) : at + len(secret) + 100]


def _holds(text: str, secret: str) -> bool:
    # Six digits may stand in a longer number by chance; a code stands alone.
    if secret.isdigit():
        return re.search(rf"(?<![0-9a-f]){secret}(?![0-9a-f])", text) is not None
    return secret in text


@pytest.mark.django_db
def test_a_row_that_is_moved_does_not_open(api: ApiDoor, ben: User, ada: User) -> None:
    api.begin(BEN)
    ApiDoor().begin(ADA)
    first, second = Attempt.objects.order_by("id")
    assert crypto.unseal(first.name, purpose="attempt.name", uid=str(first.uid)) == BEN.encode()
    for purpose, uid in (("attempt.name", second.uid), ("other", first.uid)):
        with pytest.raises(PortalError):
            crypto.unseal(first.name, purpose=purpose, uid=str(uid))


def test_passwords_are_kept_as_argon2id_alone() -> None:
    assert product.PASSWORD_HASHERS == ["accounts.hashers.Argon2id"]


@pytest.mark.django_db
def test_what_is_printed_of_a_secret_is_not_the_secret(api: ApiDoor, ben: User, post: Post) -> None:
    sign_in(api, BEN, PASSWORD)
    for model in (Attempt, *ben._meta.apps.get_app_config("accounts").get_models()):
        for row in model.objects.all():
            text = f"{row} {row!r}"
            for secret in api.secrets:
                assert secret not in text


# --- 36


def test_secrets_are_compared_in_constant_time() -> None:
    """No `==` between things that are named like secrets, in no file of the product; `entropy.same` and the database are the ways."""
    suspicious = re.compile(r"(^|_)(secret|token|code|handle|signature|digest|mac|password)$")
    harmless = {"status_code", "reason_code", "error_code", "language_code", "denied_code"}
    found = []
    for app in ("core", "audit", "delivery", "tenants", "accounts", "twofactor", "login", "portal"):
        for path in (ROOT / app).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if not isinstance(node, ast.Compare) or not any(
                    isinstance(op, ast.Eq | ast.NotEq) for op in node.ops
                ):
                    continue
                sides = [node.left, *node.comparators]
                if any(isinstance(side, ast.Constant) for side in sides):
                    continue  # with a word of our own, no secret
                for side in sides:
                    name = (
                        side.attr
                        if isinstance(side, ast.Attribute)
                        else side.id
                        if isinstance(side, ast.Name)
                        else ""
                    )
                    if suspicious.search(name) and name not in harmless:
                        found.append(f"{path.relative_to(ROOT)}:{node.lineno} {ast.unparse(node)}")
    # The code of a refusal, and a password beside its own other spelling, are no secret beside what a stranger sends.
    allowed = (".code ==", ".code !=", "password == password.")
    assert [one for one in found if not any(word in one for word in allowed)] == []


def test_the_secret_key_of_the_framework_guards_no_door() -> None:
    uses = [
        f"{path.relative_to(ROOT)}"
        for app in ("core", "audit", "delivery", "tenants", "accounts", "twofactor", "login", "portal")
        for path in (ROOT / app).rglob("*.py")
        if re.search(r"settings\.SECRET_KEY|django\.core\.signing|salted_hmac", path.read_text())
    ]
    assert uses == []


@pytest.mark.django_db
def test_whoever_knows_the_secret_key_signs_nothing_that_opens(ben: User) -> None:
    forged = [
        signing.dumps({"_auth_user_id": str(ben.pk), "_auth_user_backend": "x", "_auth_user_hash": "y"}),
        signing.Signer().sign(str(ben.uid)),
        entropy.token("session"),
    ]
    for value in forged:
        web = WebDoor()
        for name in ("sessionid", SESSION_COOKIE, ATTEMPT_COOKIE, BROWSER_COOKIE):
            web.browser.cookies[name] = value
        assert not web.is_in()
        assert ApiDoor().client.get("/api/v1/me/", HTTP_AUTHORIZATION=f"Bearer {value}").status_code == 401


@pytest.mark.django_db
def test_a_remembering_cookie_is_kept_as_a_fingerprint(web: WebDoor, ada: User, post: Post) -> None:
    configure(TwoFactor__SkipOptions="device")
    sign_in(web, ADA, PASSWORD)
    web.take("code", code=post.code(ADA), remember="on")
    token = web.browser.cookies[BROWSER_COOKIE].value
    row = ada.browsers.values().get()
    assert token not in str(row)
    assert row["fingerprint"] == entropy.fingerprint(token, purpose="browser")
