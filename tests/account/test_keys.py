"""Own API keys on /account/keys/."""

import re

import pytest

from accounts.models import ApiKey, User
from tests.journeys.doors import WebDoor, sign_in
from tests.journeys.stage import PASSWORD, Post, Time
from tests.keys import made, program

pytestmark = pytest.mark.django_db
BEN, ADA = "ben@acme.example", "ada@acme.example"
NEW = {"name": "nightly import", "days": "30"}


def secret_on(web: WebDoor) -> str:
    found = re.search(r"gh_key_[\w-]{43}", web.answer.content.decode())
    assert found, web.page.text
    return found[0]


def test_a_key_is_made_shown_once_used_and_revoked(web: WebDoor, ben: User, post: Post) -> None:
    sign_in(web, BEN, PASSWORD)
    assert "You have no API key." in web.open("/account/keys/").text
    web.open("/account/keys/new/")
    web.post("/account/keys/new/", **NEW)
    assert web.answer.headers["Cache-Control"] == "no-store"
    secret = secret_on(web)
    assert program(secret).get("me/").json()["user"]["username"] == BEN
    listed = web.open("/account/keys/")
    assert "nightly import" in listed.text
    assert secret[:10] in listed.text
    assert secret not in web.answer.content.decode()
    assert "An API key was made" in post.newest(BEN)
    web.post(f"/account/keys/{ApiKey.objects.get().uid}/revoke/")
    assert "You have no API key." in web.open("/account/keys/").text
    assert program(secret).get("me/").status_code == 401


def test_the_page_offers_the_scopes_of_which_the_person_has_something(
    web: WebDoor, ada: User, ben: User, post: Post
) -> None:
    sign_in(web, BEN, PASSWORD)
    assert "the key can only ask whose it is" in web.open("/account/keys/new/").text
    web.post("/account/keys/new/", **NEW, scopes="users:read")
    assert not ApiKey.objects.exists()
    other = WebDoor()
    sign_in(other, ADA, PASSWORD)
    other.take("code", code=post.code(ADA))
    assert "users:read" in other.open("/account/keys/new/").text
    other.post("/account/keys/new/", **NEW, scopes="users:read")
    assert program(secret_on(other)).get("users/").status_code == 200


def test_the_page_loaded_again_makes_no_second_key(web: WebDoor, ben: User) -> None:
    sign_in(web, BEN, PASSWORD)
    web.open("/account/keys/new/")
    web.post("/account/keys/new/", **NEW)
    web.post("/account/keys/new/", **NEW)
    assert "There is a live key of this name already." in web.page.text
    assert ApiKey.objects.count() == 1


def test_after_ten_minutes_the_person_confirms_first_and_loses_nothing(
    web: WebDoor, ben: User, clock: Time
) -> None:
    sign_in(web, BEN, PASSWORD)
    web.open("/account/keys/new/")
    clock.forward(minutes=11)
    web.post("/account/keys/new/", **NEW)
    assert web.answer.status_code == 403
    assert 'value="nightly import"' in web.answer.content.decode()
    assert not ApiKey.objects.exists()


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"name": ""}, "Name"),
        ({"days": "0"}, "Ends after"),
        ({"days": "367"}, "Ends after"),
        ({"days": "never"}, "Ends after"),
    ],
)
def test_a_form_that_does_not_fit_says_where(
    web: WebDoor, ben: User, given: dict[str, str], sentence: str
) -> None:
    sign_in(web, BEN, PASSWORD)
    web.open("/account/keys/new/")
    web.post("/account/keys/new/", **NEW | given)
    assert f"look at “{sentence}” again" in web.page.text
    assert not ApiKey.objects.exists()


def test_a_key_is_renamed_by_its_person_and_told_who_made_it(web: WebDoor, ada: User, ben: User) -> None:
    key = made(ada, user=ben)
    sign_in(web, BEN, PASSWORD)
    assert f"by {ADA}" in web.open("/account/keys/").text
    web.post(f"/account/keys/{key.uid}/rename/", name="weekly")
    assert ApiKey.objects.get().name == "weekly"
    web.post(f"/account/keys/{key.uid}/rename/", name="")
    assert ApiKey.objects.get().name == "weekly"


def test_a_key_is_no_last_sign_in(web: WebDoor, ben: User) -> None:
    sign_in(web, BEN, PASSWORD)
    made(ben)
    other = WebDoor()
    sign_in(other, BEN, PASSWORD)
    before = other.open("/account/").text
    assert "Test" in before or "127.0.0.1" in before
    assert "192.0.2.1" not in before  # from where the key was made


def test_whoever_ends_all_other_sessions_is_told_that_keys_end_too(web: WebDoor, ben: User) -> None:
    sign_in(web, BEN, PASSWORD)
    assert "“End all others” ends" not in web.open("/account/sessions/").text
    made(ben)
    assert "“End all others” ends your API keys" in web.open("/account/sessions/").text


def test_somebody_elses_key_is_not_there(web: WebDoor, ada: User, ben: User) -> None:
    key = made(ada)
    sign_in(web, BEN, PASSWORD)
    for verb in ("revoke", "rename"):
        web.post(f"/account/keys/{key.uid}/{verb}/", name="mine")
        assert web.answer.status_code == 404
    assert program(key.secret).get("me/").status_code == 200
