"""Codes that must not count: wrong, late, used, older, and other people's."""

import pytest

from accounts.models import User
from tests.journeys.doors import Door, WebDoor, sign_in
from tests.journeys.stage import PASSWORD, Post, Time, configure

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db]
ADA, CLEO = "ada@acme.example", "cleo@globex.example"


@pytest.mark.parametrize("code", ["000000", "12", "abcdef", "٤٢٤٢٤٢", "      ", "99999999999999"])
def test_what_is_no_code_is_refused_and_the_right_one_still_counts(
    door: Door, ada: User, post: Post, code: str
) -> None:
    sign_in(door, ADA, PASSWORD)
    assert door.take("code", code=code).refused
    assert not door.is_in()
    assert door.take("code", code=post.code(ADA)).step == "done"


def test_a_code_may_be_typed_with_spaces(door: Door, ada: User, post: Post) -> None:
    sign_in(door, ADA, PASSWORD)
    code = post.code(ADA)
    assert door.take("code", code=f" {code[:3]} {code[3:]} ").step == "done"


def test_only_the_newest_code_is_good(door: Door, ada: User, post: Post, clock: Time) -> None:
    sign_in(door, ADA, PASSWORD)
    first = post.code(ADA)
    clock.forward(seconds=16)
    door.take("resend")
    second = post.code(ADA)
    assert first != second
    assert door.take("code", code=first).refused
    assert door.take("code", code=second).step == "done"


def test_a_code_is_good_once(door: Door, ada: User, post: Post) -> None:
    sign_in(door, ADA, PASSWORD)
    code = post.code(ADA)
    door.take("code", code=code)
    other = door.stranger()
    sign_in(other, ADA, PASSWORD)
    assert other.take("code", code=code).refused
    assert not other.is_in()


def test_a_code_is_good_only_in_the_sign_in_that_asked_for_it(door: Door, ada: User, post: Post) -> None:
    sign_in(door, ADA, PASSWORD)
    code = post.code(ADA)
    mallory = door.stranger()
    sign_in(mallory, ADA, PASSWORD)
    assert mallory.take("code", code=code).refused
    assert not mallory.is_in()


def test_a_code_of_somebody_else_is_a_wrong_one(door: Door, ada: User, cleo: User, post: Post) -> None:
    sign_in(door, ADA, PASSWORD)
    other = door.stranger()
    sign_in(other, CLEO, PASSWORD)
    assert door.take("code", code=post.code(CLEO)).refused
    assert not door.is_in()
    assert door.take("code", code=post.code(ADA)).step == "done"


def test_another_code_is_not_sent_at_once(door: Door, ada: User, post: Post, clock: Time) -> None:
    sign_in(door, ADA, PASSWORD)
    assert "Please wait 15 seconds" in door.take("resend").text
    assert len(post.to(ADA)) == 1
    clock.forward(seconds=15)
    assert not door.take("resend").refused
    assert len(post.to(ADA)) == 2


def test_the_page_says_where_the_code_went_and_how_it_stands(web: WebDoor, ada: User, post: Post) -> None:
    said = sign_in(web, ADA, PASSWORD)
    assert "a•••@acme.example" in said.text
    assert "5 tries left" in said.text
    assert "2 more codes can be sent" in said.text
    assert "on its way" in said.text
    post.deliver()
    assert "was sent" in web.open("/login/code/").text


def test_a_whole_sign_in_takes_no_longer_than_its_limit(
    door: Door, ada: User, post: Post, clock: Time
) -> None:
    sign_in(door, ADA, PASSWORD)
    clock.forward(minutes=14)
    door.take("resend")
    code = post.code(ADA)
    clock.forward(minutes=1)
    said = door.take("code", code=code)
    assert said.refused
    assert said.step == "ended"
    assert not door.is_in()


def test_another_code_is_offered_only_while_one_may_be_sent(web: WebDoor, ada: User, post: Post) -> None:
    configure(TwoFactor__MaxCodeSends=2)
    sign_in(web, ADA, PASSWORD)
    assert web.page.form_to("/login/resend/")
    configure(TwoFactor__MaxCodeSends=1)
    web.open("/login/code/")
    assert not web.page.form_to("/login/resend/")
    assert web.take("code", code=post.code(ADA)).step == "done"
