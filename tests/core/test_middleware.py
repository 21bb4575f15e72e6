"""The outermost layer: what is answered when a part is away, and how a request is named."""

import logging
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.db import connection
from django.test import Client
from pytest_django import Settings

from accounts.models import User
from audit.models import AuditEvent
from core.models import Tally
from login.models import Attempt
from tests.cast import Browse

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.urls("tests.core.faults"),
]
PAGE, API = "/faults/", "/api/faults/"


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """The log would show the errors that are brought about here."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@pytest.fixture
def client() -> Client:
    """A browser that is shown what a person would be shown."""
    return Client(raise_request_exception=False)


def _on_sqlite_alone() -> None:
    if connection.vendor != "sqlite":
        pytest.skip("PostgreSQL fails in other ways: tests/faults")


@contextmanager
def locked_database() -> Iterator[None]:
    """Another process is in the middle of writing, and stays there."""
    _on_sqlite_alone()
    options = connection.settings_dict["OPTIONS"]
    patience, options["timeout"] = options["timeout"], 0.02
    connection.close()
    other = sqlite3.connect(connection.settings_dict["NAME"])
    other.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        other.close()
        options["timeout"] = patience
        connection.close()


@contextmanager
def full_disk() -> Iterator[None]:
    """The file of the database cannot grow any more."""
    _on_sqlite_alone()
    with connection.cursor() as cursor:
        pages = cursor.execute("PRAGMA page_count").fetchone()[0]
        cursor.execute(f"PRAGMA max_page_count = {pages}")
    yield


@contextmanager
def without(table: str) -> Iterator[None]:
    """What this table holds cannot be read."""
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {table} RENAME TO away")
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute(f"ALTER TABLE away RENAME TO {table}")


def is_unavailable(response: object, *, api: bool) -> bool:
    """Whether this is the answer that something is away, in words and form as they should be."""
    assert response.status_code == 503  # type: ignore[attr-defined]
    assert response["Retry-After"] == "5"  # type: ignore[index]
    assert response["Cache-Control"] == "no-store"  # type: ignore[index]
    assert response["X-Request-Id"]  # type: ignore[index]
    if api:
        assert response["Content-Type"] == "application/problem+json"  # type: ignore[index]
        body = response.json()  # type: ignore[attr-defined]
        return bool(body["code"] == "unavailable" and body["status"] == 503)
    return "<h1" in response.content.decode()  # type: ignore[attr-defined]


# --- a part is away ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("start", [PAGE, API])
def test_a_locked_database_is_answered_by_503_and_the_next_request_works(client: Client, start: str) -> None:
    with locked_database():
        assert is_unavailable(client.post(f"{start}write/"), api=start == API)
        assert not Tally.objects.exists()
    assert client.post(f"{start}write/").content == b"written"


@pytest.mark.parametrize("start", [PAGE, API])
def test_a_full_disk_is_answered_by_503_and_nothing_is_half_done(client: Client, start: str) -> None:
    with full_disk():
        assert is_unavailable(client.post(f"{start}write/"), api=start == API)
    assert not Tally.objects.exists()
    assert client.post(f"{start}write/").content == b"written"


@pytest.mark.parametrize("start", [PAGE, API])
@pytest.mark.parametrize("fault", ["disk", "away"])
def test_so_is_a_file_that_cannot_be_written_or_another_part_that_is_away(
    client: Client, start: str, fault: str
) -> None:
    assert is_unavailable(client.get(f"{start}{fault}/"), api=start == API)


@pytest.mark.parametrize("url", ["/", "/account/", "/admin/", "/api/v1/me/"])
def test_who_is_signed_in_reads_the_same_while_sessions_cannot_be_looked_up(
    browser: Browse, ben: User, url: str
) -> None:
    """A middleware asks for the session, and what fails there goes round `process_exception`."""
    _on_sqlite_alone()  # to PostgreSQL a table that is not there is a bug of ours, and no outage
    signed_in = browser(ben, raise_request_exception=False)
    with without("accounts_session"):
        assert is_unavailable(signed_in.get(url), api=url.startswith("/api/"))
    assert signed_in.get("/").status_code == 200


def test_a_sign_in_while_the_database_is_locked_leaves_nothing_behind(client: Client, ben: User) -> None:
    before = AuditEvent.objects.count()
    with locked_database():
        assert is_unavailable(client.post("/login/", {"username": ben.username}), api=False)
        posted = client.post("/api/v1/login/", {"username": ben.username}, content_type="application/json")
        assert is_unavailable(posted, api=True)
    assert not Attempt.objects.exists()
    assert AuditEvent.objects.count() == before


@pytest.mark.parametrize("start", [PAGE, API])
@pytest.mark.parametrize("fault", ["bug", "constraint", "statement"])
def test_a_bug_of_ours_is_no_outage(client: Client, start: str, fault: str) -> None:
    response = client.get(f"{start}{fault}/")
    assert response.status_code == 500
    assert "Retry-After" not in response
    if start == API:
        assert response.json()["code"] == "error"


@pytest.mark.parametrize("fault", ["bug", "write", "disk"])
def test_no_answer_shows_what_failed_inside(client: Client, fault: str) -> None:
    with locked_database():
        for start in (PAGE, API):
            shown = client.get(f"{start}{fault}/").content.decode()
            for word in (
                "Traceback",
                "ZeroDivision",
                "OSError",
                "core_tally",
                "locked",
                "/dev/full",
                "sqlite",
            ):
                assert word not in shown


# --- too much ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "kind", ["application/json", "application/x-www-form-urlencoded", "text/plain", "application/xml"]
)
@pytest.mark.parametrize(
    "url", [f"{PAGE}echo/", f"{API}echo/", "/login/", "/api/v1/login/", "/api/v1/login/password/"]
)
def test_a_body_above_a_megabyte_is_refused_before_it_is_read(client: Client, url: str, kind: str) -> None:
    response = client.generic("POST", url, b"x" * 1_000_001, content_type=kind)
    assert response.status_code == 413
    if url.startswith("/api/"):
        assert response.json()["code"] == "too_large"


@pytest.mark.parametrize("start", [PAGE, API])
def test_a_view_may_find_a_body_too_large_too(client: Client, start: str) -> None:
    assert client.get(f"{start}large/").status_code == 413


def test_a_body_of_a_megabyte_is_read(client: Client) -> None:
    response = client.generic("POST", f"{API}echo/", b"x" * 1_000_000, content_type="text/plain")
    assert response.json()["length"] == 1_000_000


@pytest.mark.parametrize("length", ["many", "-1", "1e9", "1.0", "٣", "1 1", "9" * 5_000])
def test_a_length_that_is_no_number_is_refused(client: Client, length: str) -> None:
    for start in (PAGE, API):
        response = client.generic("POST", f"{start}echo/", b"", CONTENT_LENGTH=length)
        assert response.status_code == (413 if length.startswith("9") else 400)


# --- its name ----------------------------------------------------------------------------------------------------------


def test_every_request_has_a_name_of_its_own(client: Client) -> None:
    names = set()
    for url in [f"{API}echo/"] * 5 + ["/nowhere/", f"{PAGE}bug/", "/livez"]:
        names.add(client.get(url)["X-Request-Id"])
    assert len(names) == 8
    response = client.get(f"{API}echo/")
    assert response["X-Request-Id"] == response.json()["request_id"]


@pytest.mark.parametrize("name", ["abcdef12", "5f0c9a1e-0000-4000-8000-000000000000", "a" * 64])
def test_the_name_that_a_proxy_gave_is_kept(client: Client, settings: Settings, name: str) -> None:
    settings.TRUSTED_PROXIES = ["127.0.0.0/8"]
    assert client.get(f"{API}echo/", headers={"X-Request-Id": name})["X-Request-Id"] == name


@pytest.mark.parametrize(
    "name", ["short", "a" * 65, "with space", "<script>alert</script>", "é" * 10, "a\r\nSet-Cookie: x=y", ""]
)
def test_a_name_of_another_form_is_not(client: Client, settings: Settings, name: str) -> None:
    settings.TRUSTED_PROXIES = ["127.0.0.0/8"]
    response = client.get(f"{API}echo/", HTTP_X_REQUEST_ID=name)
    assert response["X-Request-Id"] != name
    assert len(response["X-Request-Id"]) == 32


@pytest.mark.parametrize("proxies", [[], ["10.0.0.0/8"]])
def test_nobody_but_a_proxy_names_a_request(client: Client, settings: Settings, proxies: list[str]) -> None:
    """The name stands in the audit trail."""
    settings.TRUSTED_PROXIES = proxies
    assert client.get(f"{API}echo/", headers={"X-Request-Id": "abcdef12"})["X-Request-Id"] != "abcdef12"


def test_no_answer_is_kept_by_a_cache_unless_it_says_so_itself(client: Client) -> None:
    assert client.get(f"{API}echo/")["Cache-Control"] == "no-store"
    assert client.get("/nowhere/")["Cache-Control"] == "no-store"
    assert client.get(f"{API}cached/")["Cache-Control"] == "public, max-age=60"


def test_every_answer_says_what_a_page_may_load(client: Client) -> None:
    for url in (f"{API}echo/", "/nowhere/", "/login/", "/static/nothing.css"):
        assert client.get(url)["Content-Security-Policy"].startswith(
            "default-src 'self'; script-src 'self'; "
        ), url


def test_the_language_is_the_one_that_the_browser_asks_for(client: Client) -> None:
    for asked, given in (("de-AT,en;q=0.5", "de"), ("fr, en;q=0.5", "en"), ("xx", "en")):
        answer = client.get("/login/", headers={"Accept-Language": asked})
        assert (answer["Content-Language"], "Accept-Language" in answer["Vary"]) == (given, True)
