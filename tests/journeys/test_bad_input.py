"""Bad input gets a clear answer and changes nothing."""

import json
from typing import Any

import pytest
from django.contrib.auth.hashers import make_password

from accounts.models import Session, User
from login.models import Attempt
from tests.journeys.doors import ApiDoor, Door, WebDoor, sign_in
from tests.journeys.stage import PASSWORD, Post, Time, configure

pytestmark = pytest.mark.django_db
ADA, BEN = "ada@acme.example", "ben@acme.example"
MEGABYTE = "x" * 1_000_001


@pytest.mark.parametrize("name", ["", "   ", "x" * 255, "ben\x00@acme.example"])
def test_what_is_no_name_is_refused(door: Door, name: str) -> None:
    said = door.begin(name)
    assert said.refused
    assert said.status < 500
    assert not Attempt.objects.exists()


@pytest.mark.parametrize(
    "name", ["Ð¿@x.example", "a" * 254, "' OR 1=1 --", "%00", "{{7*7}}", "../../etc/passwd", "名前"]
)
def test_a_name_that_nobody_has_goes_the_same_road(door: Door, name: str) -> None:
    assert door.begin(name).step == "password"
    said = door.take("password", password=PASSWORD)
    assert said.refused
    assert "do not fit together" in said.text


@pytest.mark.parametrize("password", ["", "x" * 129, "x" * 5_000, "null\x00byte"])
def test_what_is_no_password_is_refused_before_it_is_hashed(door: Door, ben: User, password: str) -> None:
    door.begin(BEN)
    said = door.take("password", password=password)
    assert said.refused
    assert said.status in {200, 400}
    assert door.take("password", password=PASSWORD).step == "done"


def test_a_password_keeps_its_spaces(door: Door, ben: User) -> None:
    door.begin(BEN)
    assert door.take("password", password=f" {PASSWORD}").refused
    assert door.take("password", password=PASSWORD).step == "done"


@pytest.mark.parametrize("field", ["username", "password", "code"])
def test_a_megabyte_in_a_field_is_too_large(door: Door, ben: User, field: str) -> None:
    if field == "username":
        said = door.begin(MEGABYTE)
    else:
        door.begin(BEN)
        said = door.take("password", **{field: MEGABYTE})
    assert said.refused or said.status == 413
    assert said.status in {400, 413}
    assert not Session.objects.exists()


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b"null", b'"x"', b"7", b"\xff\xfe", b'{"username": NaN}', b"[" * 100_000,
     b'{"username": "a@b.example", "username": "c@d.example"}'],
)  # fmt: skip
@pytest.mark.parametrize(
    "path", ["/api/v1/login/", "/api/v1/login/password/", "/api/v1/login/forgotten/consume/"]
)
def test_a_body_that_is_no_object_is_a_problem_document(api: ApiDoor, path: str, body: bytes) -> None:
    said = api.post(path, body)
    assert said.status == 400
    assert said.facts["code"] in {"invalid", "bad_request"}
    assert api.answer["Content-Type"] == "application/problem+json"


NO_TEXTS = (None, 7, 1.5, True, [], ["a"], {}, {"a": 1})


@pytest.mark.parametrize(
    ("field", "value"),
    [(field, value) for field in ("handle", "password", "code", "method") for value in NO_TEXTS]
    + [(field, value) for field in ("handle", "password") for value in ("", "\ud800")],
)
def test_a_value_of_the_wrong_type_is_a_problem_document(
    api: ApiDoor, ben: User, field: str, value: Any
) -> None:
    api.begin(BEN)
    body = {"handle": api.handle, "password": PASSWORD} | {field: value}
    said = api.post("/api/v1/login/password/", json.dumps(body).encode())
    assert said.status in {400, 401}, said
    assert not Session.objects.exists()


@pytest.mark.parametrize("name", ["\ud800", "\udfff@acme.example"])
def test_half_a_character_is_no_name(api: ApiDoor, name: str) -> None:
    for path in ("/api/v1/login/", "/api/v1/login/forgotten/"):
        assert api.post(path, {"username": name}).status == 400


@pytest.mark.parametrize("text", ["\ud800", "12345\udfff"])
def test_half_a_character_is_no_code(api: ApiDoor, ada: User, post: Post, text: str) -> None:
    sign_in(api, ADA, PASSWORD)
    assert api.take("code", code=text).status in {400, 401}
    assert api.take("code", code=post.code(ADA)).step == "done"


def test_a_field_that_we_do_not_know_is_refused(api: ApiDoor, ben: User) -> None:
    said = api.post("/api/v1/login/", {"username": BEN, "user": ADA})
    assert said.facts["errors"] == {"user": ["There is no such field."]}


@pytest.mark.parametrize("handle", ["", "x", "gh_login_" + "A" * 43, "gh_session_x", "x" * 5_000, "\x00"])
def test_a_handle_that_nobody_has_is_an_expired_one(api: ApiDoor, handle: str) -> None:
    api.handle = handle
    assert api.take("password", password=PASSWORD).status in {400, 401}


# --- out of turn


@pytest.mark.parametrize("step", ["code", "resend", "method", "enrol", "change-password"])
def test_a_step_out_of_turn_is_refused_and_changes_nothing(door: Door, ben: User, step: str) -> None:
    door.begin(BEN)
    before = Attempt.objects.values().get()
    said = door.take(step, code="123456", method="email", new_password="x" * 20)
    assert said.refused
    if isinstance(door, ApiDoor):
        assert (said.status, said.facts["code"], said.step) == (409, "out_of_turn", "password")
    else:
        assert said.step == "password"
        assert "not the one asked for now" in said.text
    assert Attempt.objects.values().get() == before
    assert door.take("password", password=PASSWORD).step == "done"


@pytest.mark.parametrize("step", ["nonsense", "done", "denied", "mailed-code", "continue", "login"])
def test_a_step_that_there_is_not_is_out_of_turn(door: Door, ben: User, step: str) -> None:
    door.begin(BEN)
    said = door.take(step)
    assert said.step == "password"
    assert said.refused


def test_a_step_that_was_taken_cannot_be_taken_again(door: Door, ada: User, post: Post) -> None:
    sign_in(door, ADA, PASSWORD)
    assert door.take("password", password=PASSWORD).step == "code"
    assert len(post.to(ADA)) == 1
    door.take("code", code=post.code(ADA))
    assert door.take("change-password", new_password="x" * 20).step in {"ended", "done"}
    assert Session.objects.count() == 1


def test_two_tabs_do_not_mix_two_people(web: WebDoor, ada: User, ben: User) -> None:
    web.begin(BEN)
    first = next(form for form in web.page.forms if "password" in form.values)
    web.begin(ADA)
    web.address = "/login/password/"
    web.send(first, password=PASSWORD)  # what Ben typed in the first tab goes to nobody else
    assert "another tab" in web.page.text
    assert web.said().step == "password"
    assert "ada@acme.example" in web.page.text
    assert not web.is_in()


def test_the_back_button_leads_to_where_one_is(web: WebDoor, ada: User, post: Post) -> None:
    sign_in(web, ADA, PASSWORD)
    web.open("/login/password/")
    assert web.said().step == "code"
    web.take("code", code=post.code(ADA))
    for path in ("/login/", "/login/password/", "/login/code/"):
        web.open(path)
        assert web.address == "/"
    assert web.is_in()


def test_the_back_button_after_signing_out_shows_nothing(web: WebDoor, ben: User) -> None:
    sign_in(web, BEN, PASSWORD)
    page = web.browser.get("/account/")
    assert page["Cache-Control"] == "no-store"
    web.leave()
    assert web.trail[0]["Clear-Site-Data"] == '"cache"'
    web.open("/account/")
    assert web.said().step == "username"


def test_a_double_click_is_one_sign_in(web: WebDoor, ben: User) -> None:
    web.begin(BEN)
    form = next(form for form in web.page.forms if "password" in form.values)
    at = web.address
    web.send(form, password=PASSWORD)
    web.address = at
    web.send(form, password=PASSWORD)
    assert Session.objects.filter(ended_at=None).count() == 1
    assert web.is_in()


def test_starting_again_forgets_the_name(web: WebDoor, ada: User, ben: User, post: Post) -> None:
    sign_in(web, ADA, PASSWORD)
    cancel = web.page.form_to("/login/cancel/")
    assert cancel is not None
    web.send(cancel)
    assert web.said().step == "username"
    assert ADA not in web.page.text
    assert sign_in(web, BEN, PASSWORD).step == "done"


def test_a_page_without_its_token_is_refused_in_plain_words(web: WebDoor, ben: User) -> None:
    web.begin(BEN)
    web.post("/login/password/", password=PASSWORD, csrfmiddlewaretoken="no")
    assert web.answer.status_code == 403
    assert web.page.heading
    assert PASSWORD not in web.answer.content.decode()


def test_a_name_stays_typed_and_a_password_does_not(web: WebDoor, ben: User) -> None:
    web.begin("x" * 255)
    assert any(form.values.get("username") == "x" * 255 for form in web.page.forms)
    web.begin(BEN)
    web.take("password", password="quite the wrong thing")
    assert "quite the wrong thing" not in web.answer.content.decode()
    assert BEN in web.page.text


# --- what changes while somebody signs in


def test_a_rule_that_is_relaxed_under_way_lets_the_person_through(
    door: Door, ben: User, post: Post, clock: Time
) -> None:
    configure(TwoFactor__Policy="required")
    sign_in(door, BEN, PASSWORD)
    configure(TwoFactor__Policy="off")
    if isinstance(door, WebDoor):
        assert door.open("/login/code/").heading  # never an error page
        assert door.answer.status_code < 500
    said = door.take("code", code="000000")
    assert said.status < 500
    other = door.stranger()
    assert sign_in(other, BEN, PASSWORD).step == "done"


def test_a_rule_that_is_tightened_under_way_ends_the_sign_in_with_its_reason(
    door: Door, ada: User, post: Post
) -> None:
    User.objects.filter(pk=ada.pk).update(email_verified_at=None)
    sign_in(door, ADA, PASSWORD)  # she may enrol
    configure(TwoFactor__NoVerifiedContactBehaviour="deny")
    if isinstance(door, WebDoor):
        door.open("/login/enrol/")
        assert door.answer.status_code < 500
        door = door.stranger()
        assert "you have no way to prove it" in sign_in(door, ADA, PASSWORD).text
    else:
        assert door.take("enrol").step == "ended"
    assert not door.is_in()


def test_a_password_that_changes_between_name_and_password_is_the_one_that_counts(
    door: Door, ben: User
) -> None:
    door.begin(BEN)
    new = make_password("three clouds over the mill 9")
    User.objects.filter(pk=ben.pk).update(password=new, security_version=ben.security_version + 1)
    assert door.take("password", password=PASSWORD).refused
    said = door.take("password", password="three clouds over the mill 9")
    assert said.step == "done", said
