"""C. Guessing: whatever is varied, one counter counts, and after the limit even the right answer fails."""

import pytest
from pytest_django import Settings

from accounts.limits import NETWORK, standing_of, unlock_user
from accounts.limits import PASSWORD as LIMIT
from accounts.models import User
from configserver.passwords import Rules
from tenants.actor import system_actor
from tests.attacks.people import ADA, BEN
from tests.journeys.doors import ApiDoor, Door, WebDoor, sign_in
from tests.journeys.stage import PASSWORD, Post, Time, configure
from twofactor.models import Challenge

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db]
SPELLINGS = (
    BEN,
    "BEN@ACME.EXAMPLE",
    " ben@acme.example",
    "Ben@Acme.Example ",
    "\uff42\uff45\uff4e@acme.example",
    "ben\uff20acme.example",
)


def elsewhere(number: int, kind: type[WebDoor] | type[ApiDoor] = ApiDoor) -> Door:
    """A door from another network each time."""
    return kind(address=f"203.0.{number // 250}.{number % 250 + 1}")


# --- 13


def test_one_counter_counts_over_spellings_doors_networks_and_sign_ins(ben: User, clock: Time) -> None:
    for number in range(LIMIT.tries):
        door = elsewhere(number, (ApiDoor, WebDoor)[number % 2])
        said = sign_in(door, SPELLINGS[number % len(SPELLINGS)], f"guess number {number}")
        assert said.refused
        assert said.status in {200, 401}
    for number, name in enumerate(SPELLINGS):
        for kind in (ApiDoor, WebDoor):
            said = sign_in(elsewhere(100 + number, kind), name, PASSWORD)
            assert said.status == 429, name
    clock.forward(minutes=15)
    assert sign_in(elsewhere(200), BEN, PASSWORD).step == "done"


def test_a_try_during_the_pause_neither_counts_nor_prolongs_it(ben: User, clock: Time) -> None:
    for number in range(LIMIT.tries + 1):
        sign_in(elsewhere(number), BEN, "a wrong guess")
    for _ in range(14):
        clock.forward(minutes=1)
        assert sign_in(elsewhere(99), BEN, PASSWORD).status == 429
    clock.forward(minutes=1)
    assert sign_in(elsewhere(99), BEN, PASSWORD).step == "done"


def test_the_limit_holds_for_the_current_password_in_a_session_too(
    web: WebDoor, api: ApiDoor, ben: User
) -> None:
    """A stolen session must not be a place to guess the password."""
    sign_in(api, BEN, PASSWORD)
    for number in range(LIMIT.tries):
        given = {"current_password": f"a wrong guess {number}", "new_password": "five apples on a shelf 3"}
        assert api.post("/api/v1/me/password/", given, bearer=api.access).refused
    right = {"current_password": PASSWORD, "new_password": "five apples on a shelf 3"}
    assert api.post("/api/v1/me/password/", right, bearer=api.access).status == 429
    assert sign_in(elsewhere(1), BEN, PASSWORD).status == 429


def test_the_lockout_of_the_organisation_locks_and_does_not_tell(door: Door, ben: User, clock: Time) -> None:
    configure(Login__Security__Strict=True, security_authentication_rules__account_lockout_threshold=3)
    for _ in range(3):
        assert sign_in(door.stranger(), BEN, "a wrong guess").refused
    said = sign_in(door.stranger(), BEN, PASSWORD)
    assert said.refused
    assert "do not fit together" in said.text
    clock.forward(minutes=31)
    assert sign_in(door.stranger(), BEN, PASSWORD).step == "done"


def test_a_code_cannot_be_guessed_by_beginning_again_and_again(ada: User, post: Post, clock: Time) -> None:
    """Mallory knows the password. In a day she gets so many guesses and no more, whichever door and however often she begins."""
    guesses = 0
    stopped = False
    for number in range(200):
        door = elsewhere(number, WebDoor if number % 10 == 3 else ApiDoor)
        said = sign_in(door, ADA, PASSWORD)
        if said.step != "code" or said.refused:
            stopped = True
            break
        for _ in range(20):
            said = door.take("code", code="not it")
            if said.step != "code":
                break
            guesses += 1
        clock.forward(minutes=5)
    assert stopped
    assert guesses <= 150
    assert Challenge.objects.count() <= 30


def test_a_new_code_brings_new_tries_but_the_old_one_none(
    api: ApiDoor, ada: User, post: Post, clock: Time
) -> None:
    sign_in(api, ADA, PASSWORD)
    first = post.code(ADA)
    for _ in range(5):
        api.take("code", code="111111" if first != "111111" else "222222")
    clock.forward(seconds=16)
    api.take("resend")
    assert api.take("code", code=first).refused
    assert api.take("code", code=post.code(ADA)).step == "done"


def test_the_short_code_of_a_link_is_guessed_five_times_at_most(ben: User, post: Post) -> None:
    asked = WebDoor()
    asked.forgotten(BEN)
    link, code = post.link(BEN), post.code(BEN)
    for number in range(8):
        assert elsewhere(number, (ApiDoor, WebDoor)[number % 2]).use(link, code="12345678").refused
    assert elsewhere(50).use(link, code=code).refused


# --- 14


def test_an_address_that_the_client_invents_is_not_believed(ben: User, clock: Time) -> None:
    """A hundred wrong passwords from one address are the limit of the network, whatever the headers say."""
    headers = (
        "X_FORWARDED_FOR",
        "FORWARDED",
        "X_REAL_IP",
        "CLIENT_IP",
        "TRUE_CLIENT_IP",
        "CF_CONNECTING_IP",
        "VIA",
    )
    statuses = []
    for number in range(NETWORK.tries // LIMIT.tries + 1):
        invented = {
            f"HTTP_{name}": f"for=10.0.0.{number}" if name == "FORWARDED" else f"10.0.0.{number}"
            for name in headers
        }
        door = ApiDoor(**invented)
        door.begin(f"nobody{number}@acme.example")
        statuses += [door.take("password", password="a wrong guess").status for _ in range(LIMIT.tries)]
    assert statuses[: NETWORK.tries] == [401] * NETWORK.tries
    assert set(statuses[NETWORK.tries :]) == {429}


def test_behind_a_trusted_proxy_its_word_counts_and_no_more(
    ben: User, clock: Time, settings: Settings
) -> None:
    settings.TRUSTED_PROXIES = ["192.0.2.1/32"]
    door = ApiDoor(address="192.0.2.1", HTTP_X_FORWARDED_FOR="8.8.8.8, 203.0.113.77")
    sign_in(door, BEN, PASSWORD)
    assert ben.sessions.get().address == "203.0.113.77"
    liar = ApiDoor(address="198.51.100.66", HTTP_X_FORWARDED_FOR="203.0.113.77")
    sign_in(liar, BEN, PASSWORD)
    assert ben.sessions.latest("id").address == "198.51.100.66"
    nonsense = ApiDoor(address="192.0.2.1", HTTP_X_FORWARDED_FOR="<script>, ' OR 1=1, x")
    assert sign_in(nonsense, BEN, PASSWORD).step == "done"
    assert ben.sessions.latest("id").address == "192.0.2.1"


# --- 15


def test_a_victim_that_strangers_lock_out_still_gets_in_with_the_own_browser(
    web: WebDoor, ben: User, clock: Time
) -> None:
    sign_in(web, BEN, PASSWORD)
    web.leave()
    for number in range(LIMIT.tries + 5):
        sign_in(elsewhere(number), BEN, "a wrong guess")
    assert sign_in(elsewhere(77), BEN, PASSWORD).status == 429
    assert sign_in(web, BEN, PASSWORD).step == "done"


def test_the_own_browser_is_limited_too(web: WebDoor, ben: User) -> None:
    sign_in(web, BEN, PASSWORD)
    web.leave()
    for _ in range(LIMIT.tries):
        assert sign_in(web, BEN, "a wrong guess").refused
    assert sign_in(web, BEN, PASSWORD).status == 429


def test_a_browser_token_that_is_invented_or_somebody_else_s_is_a_stranger_s(
    web: WebDoor, ben: User, mallory: User, post: Post
) -> None:
    sign_in(web, "mallory@acme.example", PASSWORD)
    web.take("code", code=post.code("mallory@acme.example"))
    web.leave()
    for number in range(LIMIT.tries):
        sign_in(elsewhere(number), BEN, "a wrong guess")
    assert sign_in(web, BEN, PASSWORD).status == 429


def test_an_administrator_sees_the_lock_and_clears_it(ben: User, clock: Time) -> None:
    for number in range(LIMIT.tries + 1):
        sign_in(elsewhere(number), BEN, "a wrong guess")
    (standing,) = standing_of(ben, rules=Rules(), now=clock())
    assert standing.refused
    assert unlock_user(ben, by=system_actor(), now=clock()) is None
    assert sign_in(elsewhere(50), BEN, PASSWORD).step == "done"


# --- 16


def test_a_mailbox_is_not_flooded_with_codes(ada: User, post: Post, clock: Time) -> None:
    """Mallory knows the password and begins again and again."""
    for number in range(12):
        said = sign_in(elsewhere(number), ADA, PASSWORD)
    assert said.status == 429
    assert len(post.to(ADA)) == 10
    for _ in range(3):
        clock.forward(minutes=10)
        for number in range(11):
            sign_in(elsewhere(number), ADA, PASSWORD)
        post.deliver()
    assert len(post.to(ADA)) == 30
    clock.forward(hours=24)
    assert sign_in(elsewhere(0), ADA, PASSWORD).step == "code"


def test_codes_for_addresses_count_against_the_same_day(
    api: ApiDoor, ben: User, post: Post, clock: Time
) -> None:
    """A session is no machine for mailing strangers."""
    configure(TwoFactor__MaxCodeSends=10)
    for number in range(36):
        if number % 9 == 0:
            clock.forward(hours=1)
            sign_in(api, BEN, PASSWORD)
        clock.forward(seconds=20)
        said = api.post(
            "/api/v1/me/email/", {"email": f"stranger{number}@elsewhere.example"}, bearer=api.access
        )
        post.deliver()
    assert said.status == 429
    assert len(post.box.mails) == 30
