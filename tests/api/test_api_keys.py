"""API keys over REST."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import ApiKey, Session, User
from core import epoch
from core.idempotency import HEADER, REPLAYED
from core.models import IdempotentAnswer
from delivery.models import Delivery
from tests.cast import Browse, Call
from tests.keys import made, program

pytestmark = pytest.mark.django_db
BODY = {"name": "import", "scopes": ["users:read"], "days": 30}


def test_a_key_is_made_for_oneself_and_its_secret_shown_once(api: Call, ben: User) -> None:
    caller = api(ben)
    answer = caller.post("api-keys/", BODY)
    assert answer.status_code == 201, answer.content
    shown = answer.json()
    assert shown["secret"].startswith("gh_key_")
    assert shown["hint"] == shown["secret"][:10]
    assert (shown["user"], shown["scopes"], shown["last_used_at"]) == (str(ben.uid), ["users:read"], None)
    path = answer.headers["Location"]
    again = caller.get(path)
    assert again.status_code == 200
    assert "secret" not in again.json()
    assert shown["secret"] not in caller.get("api-keys/").content.decode()
    assert program(shown["secret"]).get("me/").json()["session"]["kind"] == "key"
    assert caller.get(path).json()["last_used_at"] is not None


def test_a_key_has_the_rights_of_its_person_within_its_scopes(api: Call, ada: User, ben: User) -> None:
    narrow = program(made(ada, scopes=["users:read"]).secret)
    assert narrow.get("users/").status_code == 200
    assert narrow.get(f"users/{ben.uid}/").status_code == 200
    assert narrow.get("sessions/").status_code == 403
    assert narrow.patch(f"users/{ben.uid}/", {"display_name": "Benny"}).status_code == 403
    assert {one["name"] for one in narrow.get("me/").json()["privileges"]} == {"Users - View"}
    useless = program(made(ben, scopes=["users:read", "users:write"]).secret)
    assert useless.get("users/").status_code == 403


def test_without_scopes_a_key_may_ask_who_it_is(api: Call, ada: User) -> None:
    caller = program(made(ada, scopes=[]).secret)
    assert caller.get("me/").json()["privileges"] == []
    assert caller.get("users/").status_code == 403


def test_an_administrator_makes_lists_renames_and_revokes_keys_of_others(
    api: Call, ada: User, ben: User
) -> None:
    caller = api(ada)
    answer = caller.post("api-keys/", BODY | {"user": str(ben.uid)})
    assert answer.status_code == 201, answer.content
    path = answer.headers["Location"]
    listed = caller.get(f"api-keys/?user={ben.uid}&live=true").json()["results"]
    assert [one["id"] for one in listed] == [answer.json()["id"]]
    assert caller.get(f"api-keys/?user={ada.uid}").json()["results"] == []
    assert caller.patch(path, {"name": "nightly"}).json()["name"] == "nightly"
    assert caller.patch(path, {}).json()["name"] == "nightly"
    assert caller.patch(path, {"scopes": []}).status_code == 400
    secret = answer.json()["secret"]
    assert program(secret).get("me/").status_code == 200
    assert caller.delete(path).status_code == 204
    assert program(secret).get("me/").status_code == 401
    assert caller.delete(path).json()["code"] == "not_live"
    assert caller.get("api-keys/?live=true").json()["results"] == []
    assert caller.get("api-keys/?live=false").json()["results"][0]["ended_reason"] == "revoked"


def test_who_has_no_privilege_sees_and_revokes_his_own_and_no_others(
    api: Call, ada: User, ben: User, cleo: User
) -> None:
    own, other, foreign = made(ben), made(ada), made(cleo)
    caller = api(ben)
    assert [one["id"] for one in caller.get("api-keys/").json()["results"]] == [str(own.uid)]
    assert caller.get(f"api-keys/{other.uid}/").status_code == 404
    assert caller.delete(f"api-keys/{foreign.uid}/").status_code == 404
    assert caller.post("api-keys/", BODY | {"user": str(ada.uid)}).status_code == 400
    assert caller.delete(f"api-keys/{own.uid}/").status_code == 204


def test_the_answer_with_the_secret_is_kept_for_nobody(api: Call, ben: User) -> None:
    caller = api(ben)
    first = caller.post("api-keys/", BODY, {HEADER: "one"})
    assert first.status_code == 201
    again = caller.post("api-keys/", BODY, {HEADER: "one"})
    assert again.json()["code"] == "name_taken"
    assert REPLAYED not in again.headers
    assert not IdempotentAnswer.objects.exists()


def test_an_unconfirmed_session_makes_no_key(api: Call, ben: User) -> None:
    caller = api(ben)
    Session.objects.filter(pk=caller.session.pk).update(confirmed_at=timezone.now() - timedelta(minutes=11))
    epoch.outrun(epoch.current())
    for headers in ({}, {HEADER: "one"}, {HEADER: "two"}):
        refused = caller.post("api-keys/", BODY | {"name": "more"}, headers)
        assert (refused.status_code, refused.json()["code"]) == (403, "confirm_first")
    assert not ApiKey.objects.exists()


def test_a_refusal_says_which_field(api: Call, ben: User) -> None:
    caller = api(ben)
    for body, field in (
        (BODY | {"days": 0}, "days"),
        (BODY | {"days": 367}, "days"),
        (BODY | {"days": "30"}, "days"),
        (BODY | {"name": ""}, "name"),
        (BODY | {"scopes": "users:read"}, "scopes"),
        (BODY | {"scopes": None}, "scopes"),
        ({"name": "x", "days": 1}, "scopes"),
        (BODY | {"expires_at": "2030-01-01T00:00:00Z"}, "expires_at"),
    ):
        answer = caller.post("api-keys/", body)
        assert answer.status_code == 400, body
        assert any(name.startswith(field) for name in answer.json()["errors"]), answer.json()
    assert caller.post("api-keys/", BODY | {"scopes": ["root"]}).status_code == 400
    assert caller.post("api-keys/", BODY).status_code == 201
    assert caller.post("api-keys/", BODY).json()["code"] == "name_taken"


# --- tokens/


def test_introspection_tells_of_a_key_its_person_scopes_and_end(api: Call, root: User, ben: User) -> None:
    key = made(ben, scopes=["users:read", "audit-events:read"])
    told = api(root).post("tokens/introspect/", {"token": key.secret}).json()
    assert told["active"] is True
    assert (told["token_type"], told["username"], told["sid"]) == (
        "api_key",
        ben.username,
        str(key.session.uid),
    )
    assert told["scope"] == "audit-events:read users:read"
    assert told["exp"] == int(key.session.expires_at.timestamp())
    assert program(key.secret).post("tokens/introspect/", {"token": key.secret}).json()["active"] is True
    assert api(ben).post("tokens/introspect/", {"token": key.secret}).json() == {"active": False}


def test_whoever_finds_a_key_may_revoke_it_and_its_person_is_told(api: Call, ben: User, ada: User) -> None:
    key = made(ben)
    assert program(key.secret).get("me/").status_code == 200
    assert api(None).post("tokens/revoke/", {"token": key.secret}).json() == {}
    assert program(key.secret).get("me/").status_code == 401
    assert api(ada).post("tokens/introspect/", {"token": key.secret}).json() == {"active": False}
    assert api(None).post("tokens/revoke/", {"token": key.secret}).status_code == 200
    assert "revoked" in Delivery.objects.latest("pk").context["sentence"]


# --- sessions/


def test_the_session_of_a_key_is_listed_by_its_name_and_ending_it_ends_the_key(
    api: Call, ada: User, browser: Browse
) -> None:
    key = made(ada, name="nightly import")
    caller = api(ada)
    listed = {one["id"]: one for one in caller.get("sessions/").json()["results"]}
    shown = listed[str(key.session.uid)]
    assert (shown["kind"], shown["held_by"], shown["methods"]) == ("key", "nightly import", ["key"])
    assert listed[str(caller.session.uid)]["held_by"] == ""
    page = browser(ada)
    assert "nightly import" in page.get("/account/sessions/").content.decode()
    assert "nightly import" in page.get("/admin/accounts/session/").content.decode()
    assert "nightly import" in page.get(f"/admin/accounts/user/{ada.pk}/change/").content.decode()
    assert caller.delete(f"sessions/{key.session.uid}/").status_code == 204
    assert program(key.secret).get("me/").status_code == 401
