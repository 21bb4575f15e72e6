"""Mixes of settings that each are right and together are not: every check fires, and is quiet where all is well."""

from pathlib import Path
from typing import Any

import pytest
from django.core.checks import CheckMessage, run_checks
from django.core.checks.registry import registry

from portal import checks

PUBLIC = {
    "PUBLIC_URL": "https://portal.example.com",
    "ALLOWED_HOSTS": ["portal.example.com"],
    "LOOPBACK": False,
    "SECURE_SSL_REDIRECT": True,
    "TRUSTED_PROXIES": ["127.0.0.1/32", "::1/128"],
    "DEMO": False,
    "EMAIL_URL": "smtps://user:password@mail.example.com:465",
    "DEFAULT_FROM_EMAIL": "Gatehouse <no-reply@example.com>",
    "TWILIO_ACCOUNT_SID": "AC" + "0" * 32,
    "TWILIO_AUTH_TOKEN": "very-secret",
    "TWILIO_FROM": "+15005550006",
    "TWILIO_API_BASE": "",
    "LOG_LEVEL": "INFO",
    "REDIS_URL": "rediss://gatehouse:password@redis.internal:6379/0",
}


def _postgresql(host: str, **options: str) -> dict[str, Any]:
    return {"default": {"ENGINE": "core.postgres", "HOST": host, "OPTIONS": options}}


SQLITE = {"default": {"ENGINE": "django.db.backends.sqlite3"}}
VERIFIED = _postgresql("db.internal", sslmode="verify-full")

# What is changed in an installation that is right, and what is found then.
WRONG: list[tuple[str, dict[str, Any]]] = [
    ("portal.E001", {"TRUSTED_PROXIES": []}),
    ("portal.E002", {"TRUSTED_PROXIES": ["127.0.0.1/32", "proxy.internal"]}),
    ("portal.E003", {"ALLOWED_HOSTS": ["elsewhere.example.com"]}),
    ("portal.I001 portal.E004", {"TRUSTED_PROXIES": ["127.0.0.1/32", "0.0.0.0/0"]}),
    ("portal.I001 portal.E004", {"TRUSTED_PROXIES": ["::/0"]}),
    ("portal.I001 portal.E004", {"TRUSTED_PROXIES": ["8.0.0.0/6"]}),  # holds 10.0.0.0/8 and much else
    ("portal.I001", {"TRUSTED_PROXIES": ["10.0.0.5/32"]}),
    ("portal.W002", {"DATABASES": _postgresql("db.internal")}),
    ("portal.W002", {"DATABASES": _postgresql("db.internal", sslmode="require")}),
    ("portal.W002", {"DATABASES": _postgresql("10.0.0.7", sslmode="verify-ca")}),
    ("portal.W003", {"REDIS_URL": "redis://:password@redis.internal/0"}),
    ("portal.W004", {"REDIS_URL": "rediss://redis.internal/0"}),
    (
        "portal.W005",
        {"PUBLIC_URL": "http://127.0.0.1:8000", "LOOPBACK": True, "ALLOWED_HOSTS": ["127.0.0.1"]},
    ),
    ("portal.W006", {"EMAIL_URL": ""}),
    ("portal.W007", {"DEFAULT_FROM_EMAIL": "Gatehouse <no-reply@portal>"}),
    ("portal.W007", {"DEFAULT_FROM_EMAIL": "no-reply@192.0.2.1"}),
    ("portal.W008", {"LOG_LEVEL": "debug"}),
    ("portal.W009", {"DATABASES": SQLITE}),
    ("delivery.E001", {"EMAIL_URL": "imap://mail.example.com"}),
    ("delivery.I001", {"TWILIO_ACCOUNT_SID": "", "TWILIO_AUTH_TOKEN": ""}),
    ("delivery.I001 delivery.E002", {"TWILIO_ACCOUNT_SID": ""}),
    ("delivery.E002", {"TWILIO_AUTH_TOKEN": ""}),
    ("delivery.E002", {"TWILIO_ACCOUNT_SID": "SK" + "0" * 32}),
    ("delivery.E002", {"TWILIO_API_BASE": "https://api.twilio.com.evil.example"}),
    ("delivery.E003", {"TWILIO_FROM": "a name of more than eleven letters"}),
    ("delivery.W002", {"TWILIO_FROM": ""}),
    ("delivery.W001", {"EMAIL_URL": "smtp://mail.example.com?tls=off"}),
]
RIGHT: list[dict[str, Any]] = [
    {},
    {"DATABASES": _postgresql("")},
    {"DATABASES": _postgresql("/run/postgresql")},
    {"DATABASES": _postgresql("::1", sslmode="disable")},
    {"REDIS_URL": ""},
    {"REDIS_URL": "redis://127.0.0.1:6379/0", "DATABASES": SQLITE},
    {"REDIS_URL": "", "DATABASES": SQLITE},
    {"ALLOWED_HOSTS": [".example.com"]},
    {"EMAIL_URL": "smtp://127.0.0.1:25"},
    {"TWILIO_FROM": "Acme"},
    {"TWILIO_FROM": "MG" + "0" * 32},
    {"TWILIO_API_BASE": "http://127.0.0.1:4010"},
]


pytestmark = pytest.mark.filterwarnings("ignore:Overriding setting DATABASES")


@pytest.fixture(autouse=True)
def _installation(settings: Any, tmp_path: Path) -> None:
    """All is well: a public address, behind a proxy on this machine, every connection by TLS."""
    for name, value in {**PUBLIC, "DATABASES": VERIFIED, "DATA_DIR": tmp_path}.items():
        setattr(settings, name, value)


def _found() -> list[CheckMessage]:
    own = [
        check for check in registry.get_checks(include_deployment_checks=True)
        if check.__module__ in {"portal.checks", "delivery.checks"}
    ]  # fmt: skip
    return [message for check in own for message in check(app_configs=None)]


@pytest.mark.parametrize(("name", "change"), WRONG)
def test_what_is_wrong_is_named_with_its_reason_and_what_to_do(
    settings: Any, name: str, change: dict[str, Any]
) -> None:
    for setting, value in change.items():
        setattr(settings, setting, value)
    messages = _found()
    assert sorted(str(one.id) for one in messages) == sorted(name.split())
    assert all(one.hint for one in messages if str(one.id).startswith("portal."))


@pytest.mark.parametrize("change", RIGHT)
def test_what_is_right_is_left_in_peace(settings: Any, change: dict[str, Any]) -> None:
    for setting, value in change.items():
        setattr(settings, setting, value)
    assert _found() == []


def test_no_finding_tells_a_password(settings: Any) -> None:
    settings.REDIS_URL = "redis://gatehouse:very-secret@redis.internal/0"
    settings.EMAIL_URL = "smtp://user:very-secret@mail.example.com?tls=off"
    settings.DATABASES = _postgresql("db.internal") | {"PASSWORD": "very-secret"}
    settings.TWILIO_ACCOUNT_SID = "nonsense"
    assert len(_found()) == 4
    assert "very-secret" not in str(_found())


def test_what_is_only_unsafe_in_earnest_does_not_stop_a_start(settings: Any) -> None:
    settings.EMAIL_URL, settings.LOG_LEVEL, settings.TRUSTED_PROXIES = "", "DEBUG", ["0.0.0.0/0"]
    assert not {"portal.W006", "portal.W008", "portal.E004"} & {one.id for one in run_checks()}


def test_a_proxy_is_private_however_wide_its_network_and_public_only_when_few(settings: Any) -> None:
    settings.TRUSTED_PROXIES = ["10.0.0.0/8", "fd00::/8", "172.16.0.0/12", "35.191.0.0/16"]
    assert checks.few_are_believed(None) == []


def test_the_demos_people_are_named_once_the_demo_is_over(settings: Any, tmp_path: Path) -> None:
    (tmp_path / "demo.stamp").touch()
    assert [one.id for one in checks.demo_is_over(None)] == ["portal.W001"]
    settings.DEMO = True
    assert checks.demo_is_over(None) == []


def test_data_inside_the_programs_folder_are_named(settings: Any) -> None:
    settings.DATA_DIR = settings.BASE_DIR / "var"
    assert [one.id for one in checks.data_lie_apart_from_the_program(None)] == ["portal.W010"]
    settings.LOOPBACK = True
    assert checks.data_lie_apart_from_the_program(None) == []


def test_keys_beside_the_database_that_they_open_are_named(settings: Any, tmp_path: Path) -> None:
    keys_file = tmp_path / "keys.env"
    keys_file.touch(mode=0o600)
    keys_file.write_text(f"FIELD_KEYS={settings.FIELD_KEYS}\n")
    assert checks.keys_lie_apart_from_the_data(None) == [], "the database is on another machine"
    settings.DATABASES = SQLITE
    assert [one.id for one in checks.keys_lie_apart_from_the_data(None)] == ["portal.W011"]
    settings.FIELD_KEYS = "k2:" + "B" * 43 + "="
    assert checks.keys_lie_apart_from_the_data(None) == [], "the file's are not in use"
