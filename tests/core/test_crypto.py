"""Sealing: what is sealed opens for its purpose and its row, and for nothing else."""

import base64
import os
import uuid
from dataclasses import FrozenInstanceError
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import Settings

from core import crypto
from core.crypto import Cipher, Sealed, mac, macs, seal, unseal
from core.errors import PortalError

SEED = b"JBSWY3DPEHPK3PXP"
ADA, BEN = str(uuid.UUID(int=1)), str(uuid.UUID(int=2))


def key(byte: int) -> str:
    return base64.urlsafe_b64encode(bytes([byte]) * 32).decode().rstrip("=")


def sealed() -> Sealed:
    return seal(SEED, purpose="totp.seed", uid=ADA)


def opens(one: Sealed, *, purpose: str = "totp.seed", uid: str = ADA) -> bool:
    try:
        return unseal(one, purpose=purpose, uid=uid) == SEED
    except PortalError:
        return False


@given(st.binary(max_size=2_000), st.text(max_size=40))
def test_what_was_sealed_comes_out_again(plain: bytes, uid: str) -> None:
    assert unseal(seal(plain, purpose="any", uid=uid), purpose="any", uid=uid) == plain


def test_the_same_text_is_sealed_differently_each_time() -> None:
    assert len({sealed().text for _ in range(100)}) == 100


def test_a_sealed_text_moved_to_another_row_does_not_open() -> None:
    assert opens(sealed())
    assert not opens(sealed(), uid=BEN)


def test_a_sealed_text_does_not_open_for_another_purpose() -> None:
    assert not opens(sealed(), purpose="smtp.password")
    assert not opens(sealed(), purpose="")


@pytest.mark.parametrize(("purpose", "uid"), [("totp.seed:x", "y"), ("totp.seed", "x:y")])
def test_purpose_and_row_cannot_be_shifted_into_each_other(purpose: str, uid: str) -> None:
    one = seal(SEED, purpose=purpose, uid=uid)
    other = {"totp.seed:x": ("totp.seed", "x:y"), "totp.seed": ("totp.seed:x", "y")}[purpose]
    assert opens(one, purpose=purpose, uid=uid)
    assert not opens(one, purpose=other[0], uid=other[1])


def test_a_change_of_any_byte_shows() -> None:
    key_id, _, body = sealed().text.partition(".")
    raw = base64.urlsafe_b64decode(body)
    for index in range(len(raw)):
        changed = raw[:index] + bytes([raw[index] ^ 1]) + raw[index + 1 :]
        assert not opens(Sealed(f"{key_id}.{base64.urlsafe_b64encode(changed).decode()}"))


def test_a_cut_off_or_lengthened_text_does_not_open() -> None:
    key_id, _, body = sealed().text.partition(".")
    raw = base64.urlsafe_b64decode(body)
    for length in range(len(raw)):
        assert not opens(Sealed(f"{key_id}.{base64.urlsafe_b64encode(raw[:length]).decode()}"))
    assert not opens(Sealed(f"{key_id}.{base64.urlsafe_b64encode(raw + b'x').decode()}"))


@pytest.mark.parametrize(
    "text", ["", ".", "k1", "k1.", "k1.é", "k1.A", "k1.====", "\x00", "k1.\ud800", "JBSWY3DPEHPK3PXP"]
)
def test_what_was_never_sealed_is_an_error_and_no_placeholder(text: str) -> None:
    with pytest.raises(PortalError) as raised:
        unseal(Sealed(text), purpose="totp.seed", uid=ADA)
    assert (raised.value.code, raised.value.status) == ("unseal_failed", 500)


def test_a_text_under_an_unknown_key_is_an_error_that_names_the_key_and_no_secret() -> None:
    _, _, body = sealed().text.partition(".")
    with pytest.raises(PortalError, match="No key 'k9'") as raised:
        unseal(Sealed(f"k9.{body}"), purpose="totp.seed", uid=ADA)
    assert body not in str(raised.value)


def test_neither_repr_nor_str_nor_an_error_shows_the_sealed_text() -> None:
    one = sealed()
    shown = f"{one} {one!r} {[one]} {one!s}"
    assert one.text not in shown
    assert "Sealed(…)" in shown
    with pytest.raises(FrozenInstanceError):
        one.text = "other"  # type: ignore[misc]


def test_the_first_key_seals_and_both_open_while_two_are_live(settings: Settings) -> None:
    settings.FIELD_KEYS = f"old:{key(1)}"
    before = sealed()
    settings.FIELD_KEYS = f"new:{key(2)},old:{key(1)}"
    after = sealed()
    assert (before.text.partition(".")[0], after.text.partition(".")[0]) == ("old", "new")
    assert opens(before)
    assert opens(after)
    settings.FIELD_KEYS = f"new:{key(2)}"
    assert not opens(before)
    assert opens(after)


def test_another_key_under_the_same_id_does_not_open(settings: Settings) -> None:
    settings.FIELD_KEYS = f"k1:{key(1)}"
    one = sealed()
    settings.FIELD_KEYS = f"k1:{key(2)}"
    assert not opens(one)


@pytest.mark.parametrize(
    "field_keys",
    [
        "",
        "k1",
        "k1:",
        f":{key(1)}",
        f"k1:{key(1)[:-1]}",
        f"k1:{key(1)}AAAA",
        "k1:" + "#" * 43,
        "k1:" + "A" * 42 + "!",
        "k1:A",
        f"k1:{key(1)},",
        f"k1:{key(1)},k1:{key(2)}",
        f"a.b:{key(1)}",
        f"k 1:{key(1)}",
    ],
)
def test_keys_of_another_form_are_refused_without_showing_them(settings: Settings, field_keys: str) -> None:
    settings.FIELD_KEYS = field_keys
    with pytest.raises(PortalError) as raised:
        sealed()
    assert raised.value.code == "bad_field_keys"
    assert raised.value.__cause__ is None
    assert key(1) not in str(raised.value)


def test_keys_may_stand_with_spaces_and_padding(settings: Settings) -> None:
    settings.FIELD_KEYS = f" new:{key(2)}= , old:{key(1)} "
    assert opens(sealed())


def test_every_purpose_has_a_key_of_its_own_and_none_is_the_root(settings: Settings) -> None:
    settings.FIELD_KEYS = f"k1:{key(1)}"
    derived = [crypto.working_keys(purpose)[0] for purpose in ("a", "b", "seal:a", "", "A")]
    assert len(set(derived)) == 5
    assert bytes([1]) * 32 not in derived
    assert {len(one) for one in derived} == {32}


def test_a_mac_depends_on_text_purpose_and_key(settings: Settings) -> None:
    settings.FIELD_KEYS = f"new:{key(2)},old:{key(1)}"
    one = mac(b"text", purpose="a")
    assert len(one) == 32
    assert one == mac(b"text", purpose="a")
    assert one not in {mac(b"texts", purpose="a"), mac(b"text", purpose="b")}
    assert macs(b"text", purpose="a")[0] == one
    assert len(set(macs(b"text", purpose="a"))) == 2
    settings.FIELD_KEYS = f"old:{key(1)}"
    assert mac(b"text", purpose="a") != one


def test_sealing_takes_its_nonce_from_the_system(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    random = os.urandom
    monkeypatch.setattr(os, "urandom", lambda count: asked.append(count) or random(count))
    texts = [sealed().text for _ in range(3)]
    assert asked == [12, 12, 12]
    assert all(one != other for one, other in pairwise(texts))


# --- AES-128 as the source system has it (Fernet) -------------------------------------------------------------------------


def by_fernet(*, purpose: str = "totp.seed", uid: str = ADA) -> Sealed:
    return seal(SEED, purpose=purpose, uid=uid, cipher=Cipher.FERNET)


def fernet_opens(one: Sealed, *, purpose: str = "totp.seed", uid: str = ADA) -> bool:
    try:
        return unseal(one, purpose=purpose, uid=uid, cipher=Cipher.FERNET) == SEED
    except PortalError:
        return False


@given(st.binary(max_size=300), st.uuids())
def test_what_was_sealed_by_fernet_comes_out_again(plain: bytes, uid: uuid.UUID) -> None:
    one = seal(plain, purpose="any", uid=str(uid), cipher=Cipher.FERNET)
    assert unseal(one, purpose="any", uid=str(uid), cipher=Cipher.FERNET) == plain


def test_by_fernet_too_it_opens_for_its_row_and_its_purpose_alone() -> None:
    assert fernet_opens(by_fernet())
    assert not fernet_opens(by_fernet(), uid=BEN)
    assert not fernet_opens(by_fernet(), purpose="smtp.password")
    assert not fernet_opens(by_fernet(purpose="totp.seed:x", uid="y"), purpose="totp.seed", uid="x:y")
    assert len({by_fernet().text for _ in range(100)}) == 100


def test_who_has_the_key_of_a_row_and_not_its_words_inside_opens_nothing() -> None:
    # What stands inside is looked at, too: a text made by the same key without them is no value of ours.
    key_id, root = next(iter(crypto._roots(crypto.settings.FIELD_KEYS).items()))
    for inside in (
        SEED,
        b"totp.seed:" + BEN.encode() + b"\n" + SEED,
        b"smtp.password:" + ADA.encode() + b"\n" + SEED,
    ):
        body = crypto._fernet(root, "totp.seed", ADA).encrypt(inside).decode()
        with pytest.raises(PortalError):
            unseal(Sealed(f"{key_id}.{body}"), purpose="totp.seed", uid=ADA, cipher=Cipher.FERNET)


def test_a_change_of_any_byte_of_a_fernet_token_shows() -> None:
    key_id, _, body = by_fernet().text.partition(".")
    raw = base64.urlsafe_b64decode(body)
    for index in range(len(raw)):
        changed = raw[:index] + bytes([raw[index] ^ 1]) + raw[index + 1 :]
        assert not fernet_opens(Sealed(f"{key_id}.{base64.urlsafe_b64encode(changed).decode()}"))
        assert not fernet_opens(Sealed(f"{key_id}.{base64.urlsafe_b64encode(raw[:index]).decode()}"))
    assert not fernet_opens(Sealed(f"{key_id}.{base64.urlsafe_b64encode(raw + b'x').decode()}"))


def test_neither_cipher_opens_what_the_other_one_sealed() -> None:
    assert not fernet_opens(sealed())
    assert not opens(by_fernet())


def test_fernet_rotates_like_the_rest(settings: Settings) -> None:
    settings.FIELD_KEYS = f"old:{key(1)}"
    old = by_fernet()
    settings.FIELD_KEYS = f"new:{key(2)},old:{key(1)}"
    new = by_fernet()
    assert (old.key_id, new.key_id) == ("old", "new")
    assert fernet_opens(old)
    assert fernet_opens(new)
    settings.FIELD_KEYS = f"new:{key(2)}"
    assert not fernet_opens(old)
    assert fernet_opens(new)
