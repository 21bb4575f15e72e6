"""A forgotten password: a mailed link in the place of the password."""

import pytest

from accounts.models import Session, User
from login.models import Attempt
from tests.journeys.doors import ApiDoor, Door, WebDoor, sign_in
from tests.journeys.stage import NEW_PASSWORD, PASSWORD, Post, Time, configure

pytestmark = pytest.mark.django_db
ADA, BEN = "ada@acme.example", "ben@acme.example"


def test_who_asked_sets_a_new_password_by_the_link_and_is_signed_in(
    door: Door, ben: User, post: Post
) -> None:
    before = door.stranger()
    sign_in(before, BEN, PASSWORD)
    assert not door.forgotten(BEN).refused
    said = door.use(post.link(BEN))
    assert said.step == "change-password"
    assert not door.is_in()
    assert door.take("change-password", new_password=NEW_PASSWORD).step == "done"
    assert door.is_in()
    assert not before.is_in()  # whoever was in under the old one
    assert sign_in(door.stranger(), BEN, PASSWORD).refused
    assert sign_in(door.stranger(), BEN, NEW_PASSWORD).step == "done"
    assert "password of your account was changed" in post.newest(BEN)


def test_in_another_browser_the_short_code_of_the_mail_is_needed(door: Door, ben: User, post: Post) -> None:
    door.forgotten(BEN)
    link, code = post.link(BEN), post.code(BEN)
    other = door.stranger()
    assert other.use(link).refused
    assert other.use(link, code="00000000").refused
    assert other.use(link, code=code).step == "change-password"
    assert other.take("change-password", new_password=NEW_PASSWORD).step == "done"


def test_a_link_asked_for_on_a_page_works_in_a_program_with_its_code(
    web: WebDoor, api: ApiDoor, ben: User, post: Post
) -> None:
    web.forgotten(BEN)
    assert api.use(post.link(BEN), code=post.code(BEN)).step == "change-password"
    assert api.take("change-password", new_password=NEW_PASSWORD).step == "done"
    assert api.is_in()
    assert not web.is_in()


def test_the_new_password_keeps_the_rules(door: Door, ben: User, post: Post) -> None:
    door.forgotten(BEN)
    door.use(post.link(BEN))
    for new in ("short", "password1234", PASSWORD):
        assert door.take("change-password", new_password=new).refused
        assert not door.is_in()
    assert door.take("change-password", new_password=NEW_PASSWORD).step == "done"


def test_a_link_is_good_once(door: Door, ben: User, post: Post) -> None:
    door.forgotten(BEN)
    link, code = post.link(BEN), post.code(BEN)
    door.use(link)
    other = door.stranger()
    said = other.use(link, code=code)
    assert said.refused
    assert "used, or is too old" in said.text
    assert not other.is_in()
    assert door.take("change-password", new_password=NEW_PASSWORD).step == "done"


def test_a_link_is_good_for_ten_minutes(door: Door, ben: User, post: Post, clock: Time) -> None:
    door.forgotten(BEN)
    link = post.link(BEN)
    clock.forward(minutes=10)
    assert "too old" in door.use(link).text
    assert not door.is_in()


def test_five_wrong_short_codes_end_a_link(door: Door, ben: User, post: Post) -> None:
    door.forgotten(BEN)
    link, code = post.link(BEN), post.code(BEN)
    mallory = door.stranger()
    for _ in range(5):
        assert mallory.use(link, code=str((int(code) + 1) % 10**8).zfill(8)).refused
    assert mallory.use(link, code=code).refused
    assert door.use(link).refused


def test_two_links_are_each_of_the_browser_that_asked(door: Door, ben: User, post: Post) -> None:
    door.forgotten(BEN)
    first = post.link(BEN)
    other = door.stranger()
    other.forgotten(BEN)
    second = post.link(BEN)
    assert first != second
    assert door.use(second).refused
    assert other.use(first).refused
    assert door.use(first).step == "change-password"


def test_after_a_change_older_links_are_dead(door: Door, ben: User, post: Post) -> None:
    other = door.stranger()
    other.forgotten(BEN)
    older = post.link(BEN)
    door.forgotten(BEN)
    door.use(post.link(BEN))
    door.take("change-password", new_password=NEW_PASSWORD)
    assert other.use(older).refused


def test_where_the_mailbox_is_the_second_factor_a_link_cannot_help(door: Door, ada: User, post: Post) -> None:
    door.forgotten(ADA)
    (mail,) = post.to(ADA)
    text = post.newest(ADA)
    assert "very mailbox" in text
    assert "/login/forgotten/" not in text
    assert mail["Subject"] == "Setting a new password"


def test_a_factor_turned_on_after_the_link_was_mailed_still_ends_it(
    door: Door, ben: User, post: Post
) -> None:
    door.forgotten(BEN)
    link = post.link(BEN)
    configure(TwoFactor__Policy="required")
    said = door.use(link)
    assert said.step == "ended"
    assert "Your second factor is the mailbox" in said.text
    assert not door.is_in()
    assert not Session.objects.exists()


@pytest.mark.parametrize("why", ["unknown", "unverified", "disabled", "locked", "company", "external"])
def test_nobody_else_gets_a_link_and_the_answer_does_not_tell(
    door: Door, ben: User, post: Post, clock: Time, why: str
) -> None:
    if why == "unverified":
        User.objects.filter(pk=ben.pk).update(email_verified_at=None)
    elif why == "disabled":
        User.objects.filter(pk=ben.pk).update(is_active=False)
    elif why == "locked":
        User.objects.filter(pk=ben.pk).update(locked_at=clock())
    elif why == "company":
        type(ben.company).objects.update(is_active=False)
    elif why == "external":
        User.objects.filter(pk=ben.pk).update(realm="external")
    name = "nobody@acme.example" if why == "unknown" else BEN
    assert not door.forgotten(name).refused
    assert post.to(name) == []


def test_a_mailbox_is_not_flooded_with_links(door: Door, ben: User, post: Post, clock: Time) -> None:
    for _ in range(8):
        assert not door.stranger().forgotten(BEN).refused
    assert len(post.to(BEN)) == 5
    clock.forward(hours=1, seconds=1)
    door.forgotten(BEN)
    assert len(post.to(BEN)) == 6


def test_whoever_asked_and_goes_to_another_step_reads_what_to_do(web: WebDoor, ben: User, post: Post) -> None:
    web.forgotten(BEN)
    for step in ("password", "code", "link", "change-password", "denied", "done"):
        page = web.open(f"/login/{step}/")
        assert web.answer.status_code < 500
        assert page.heading
        web.post(f"/login/{step}/", password=PASSWORD, new_password=NEW_PASSWORD)
        assert web.answer.status_code < 500
    assert not web.is_in()
    assert web.use(post.link(BEN)).step == "change-password"


def test_an_answer_in_another_tab_does_not_lose_the_link(web: WebDoor, ben: User, post: Post) -> None:
    """Ben asks, remembers after all, signs in, and opens the mail later: the short code lets him in."""
    web.forgotten(BEN)
    link, code = post.link(BEN), post.code(BEN)
    sign_in(web, BEN, PASSWORD)
    assert web.use(link).refused or web.said().step
    assert web.use(link, code=code).step == "change-password"


def test_a_link_is_written_for_the_public_address(door: Door, ben: User, post: Post) -> None:
    door.forgotten(BEN)
    assert post.link(BEN).startswith("http://127.0.0.1:8000/login/forgotten/")
    assert Attempt.objects.count() == 1
