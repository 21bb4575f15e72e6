"""What is random, what is derived, and how it is compared."""
# ruff: noqa: RUF001  (look-alikes are what is tested)

import base64
import re
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import Settings

from core import entropy

OLD = "old:" + base64.urlsafe_b64encode(b"o" * 32).decode()
NEW = "new:" + base64.urlsafe_b64encode(b"n" * 32).decode()


def test_a_token_tells_what_it_is_and_holds_256_bits() -> None:
    tokens = {entropy.token("session") for _ in range(100)}
    assert len(tokens) == 100
    for token in tokens:
        assert token.startswith("gh_session_")
        assert len(base64.urlsafe_b64decode(token.removeprefix("gh_session_") + "=")) == 32


def code(id: str, *, purpose: str = "login", digits: int = 6) -> str:
    return entropy.derived_code(purpose=purpose, id=id, digits=digits)


def is_code(given: str, id: str, *, purpose: str = "login", digits: int = 6) -> bool:
    return entropy.is_derived_code(given, purpose=purpose, id=id, digits=digits)


def test_the_code_of_a_challenge_is_the_same_at_every_retry() -> None:
    assert {code("challenge-1") for _ in range(50)} == {code("challenge-1")}
    assert is_code(code("challenge-1"), "challenge-1")


def test_the_code_of_another_challenge_or_purpose_is_another_one() -> None:
    assert len({code(f"challenge-{number}", digits=10) for number in range(1_000)}) == 1_000
    assert code("challenge-1") != code("challenge-1", purpose="contact")
    assert not is_code(code("challenge-1", digits=10), "challenge-2", digits=10)
    assert not is_code(code("challenge-1", digits=10), "challenge-1", purpose="contact", digits=10)


@pytest.mark.parametrize("digits", range(4, 11))
def test_a_derived_code_has_as_many_digits_as_asked_for(digits: int) -> None:
    codes = [code(f"challenge-{number}", digits=digits) for number in range(300)]
    assert all(re.fullmatch(f"[0-9]{{{digits}}}", one) for one in codes)
    assert any(one.startswith("0") for one in codes)


def test_the_first_digits_of_derived_codes_are_spread_evenly() -> None:
    counts = Counter(code(f"challenge-{number}")[0] for number in range(5_000))
    assert len(counts) == 10
    assert all(400 < count < 600 for count in counts.values())


@pytest.mark.parametrize(
    "given",
    ["", " ", "0", "abcdef", "１２３４５６", "\x00", "\ud800", "1" * 100_000, "-00001", "+00001", "é"],
)
def test_what_is_no_code_is_wrong_and_no_error(given: str) -> None:
    assert not is_code(given, "challenge-1")


def test_a_code_with_something_around_it_is_wrong() -> None:
    right = code("challenge-1")
    for near in (f" {right}", f"{right} ", f"0{right}", right[1:], right + "0"):
        assert not is_code(near, "challenge-1")


def test_a_code_sent_before_a_rotation_of_keys_is_good_until_the_old_key_goes(settings: Settings) -> None:
    settings.FIELD_KEYS = OLD
    sent = code("challenge-1", digits=10)
    settings.FIELD_KEYS = f"{NEW},{OLD}"
    assert code("challenge-1", digits=10) != sent
    assert is_code(sent, "challenge-1", digits=10)
    assert is_code(code("challenge-1", digits=10), "challenge-1", digits=10)
    settings.FIELD_KEYS = NEW
    assert not is_code(sent, "challenge-1", digits=10)


def test_the_secret_of_a_link_is_derived_the_same_way(settings: Settings) -> None:
    settings.FIELD_KEYS = OLD
    sent = entropy.derived_secret(purpose="forgotten", id="link-1")
    assert re.fullmatch(r"[A-Za-z0-9_-]{43}", sent)
    assert sent == entropy.derived_secret(purpose="forgotten", id="link-1")
    assert sent != entropy.derived_secret(purpose="join", id="link-1")
    assert sent != entropy.derived_secret(purpose="forgotten", id="link-2")
    settings.FIELD_KEYS = f"{NEW},{OLD}"
    assert entropy.is_derived_secret(sent, purpose="forgotten", id="link-1")
    assert not entropy.is_derived_secret(sent, purpose="join", id="link-1")
    assert not entropy.is_derived_secret(sent + "=", purpose="forgotten", id="link-1")
    assert not entropy.is_derived_secret("", purpose="forgotten", id="link-1")
    settings.FIELD_KEYS = NEW
    assert not entropy.is_derived_secret(sent, purpose="forgotten", id="link-1")


def test_a_code_is_no_part_of_a_link_with_the_same_id() -> None:
    """Codes and links have keys of their own: who sees one cannot compute the other."""
    mac = base64.urlsafe_b64decode(entropy.derived_secret(purpose="login", id="challenge-1") + "=")
    assert str(int.from_bytes(mac) % 10**10).zfill(10) != code("challenge-1", digits=10)


def test_a_fingerprint_is_keyed_and_bound_to_its_purpose(settings: Settings) -> None:
    settings.FIELD_KEYS = OLD
    before = entropy.fingerprint("secret", purpose="session")
    assert re.fullmatch(r"[0-9a-f]{64}", before)
    assert before == entropy.fingerprint("secret", purpose="session")
    assert before != entropy.fingerprint("secret", purpose="browser")
    settings.FIELD_KEYS = NEW
    assert entropy.fingerprint("secret", purpose="session") != before


def test_what_was_stored_before_a_rotation_is_found_while_both_keys_are_live(settings: Settings) -> None:
    settings.FIELD_KEYS = OLD
    stored = entropy.fingerprint("secret", purpose="session")
    settings.FIELD_KEYS = f"{NEW},{OLD}"
    found = entropy.fingerprints("secret", purpose="session")
    assert found == [entropy.fingerprint("secret", purpose="session"), stored]


ANYTHING = st.text(alphabet=st.characters(exclude_categories=()))


@given(ANYTHING, ANYTHING)
def test_every_two_texts_can_be_compared(a: str, b: str) -> None:
    """JSON may hold half of a surrogate pair; what a person sends is never a fault of ours."""
    assert entropy.same(a, b) is (a == b)
    assert (entropy.fingerprint(a, purpose="x") == entropy.fingerprint(b, purpose="x")) is (a == b)
