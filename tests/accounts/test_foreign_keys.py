"""Public keys as people put them in and as integrations publish them; whatever is none is refused, and private ones leave no trace."""

import base64
import json
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from cryptography.x509.oid import NameOID
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from accounts.tokens.foreign_keys import (
    NewPair,
    PublicKey,
    key_object,
    looks_private,
    new_pair,
    public_keys,
    published_keys,
)
from accounts.tokens.jose import thumbprint
from core.outcomes import Denied
from tests.accounts.vouched import EC, ED, OTHER_RSA, RSA, pem_of, public_of


def code(text: str, **more: Any) -> str:
    found = public_keys(text, **more)
    assert isinstance(found, Denied), found
    return found.code


def number(value: int) -> str:
    return (
        base64.urlsafe_b64encode(value.to_bytes((value.bit_length() + 7) // 8 or 1, "big"))
        .decode()
        .rstrip("=")
    )


def jwk_of(private: Any, **more: Any) -> dict[str, Any]:
    return {**public_of(private).jwk, **more}


def certificate() -> str:
    now = timezone.now()
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "desk")])
    built = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(RSA.public_key())
    built = built.serial_number(1).not_valid_before(now).not_valid_after(now.replace(year=now.year + 1))
    return built.sign(RSA, hashes.SHA256()).public_bytes(Encoding.PEM).decode()


def test_the_thumbprint_is_that_of_rfc_7638() -> None:
    n = (
        "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W"
        "-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNL"
        "yrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"
    )
    assert thumbprint({"kty": "RSA", "n": n, "e": "AQAB"}) == "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"


@pytest.mark.parametrize(
    ("key", "algorithm", "members"),
    [
        (RSA, "RS256", {"kty", "n", "e"}),
        (EC, "ES256", {"kty", "crv", "x", "y"}),
        (ED, "EdDSA", {"kty", "crv", "x"}),
    ],
    ids=["rsa", "p-256", "ed25519"],
)
def test_pem_jwk_and_jwks_are_the_same_key(key: Any, algorithm: str, members: set[str]) -> None:
    (of_pem,) = public_keys(pem_of(key))
    assert (of_pem.algorithm, set(of_pem.jwk), of_pem.kid) == (algorithm, members, of_pem.thumbprint)
    jwk = json.dumps(jwk_of(key, alg=algorithm, use="sig", key_ops=["verify"]))
    for text in (jwk, f'{{"keys": [{jwk}]}}', f"  {jwk}\n"):
        assert public_keys(text) == (of_pem,)
    assert key_object(of_pem.jwk) == key.public_key()


def test_pkcs1_and_certificates_are_read_too() -> None:
    old = RSA.public_key().public_bytes(Encoding.PEM, PublicFormat.PKCS1).decode()
    assert public_keys(old) == public_keys(certificate()) == (public_of(RSA),)


def test_several_are_read_at_once_and_windows_lines_do_no_harm() -> None:
    text = (pem_of(RSA) + "\n" + pem_of(EC) + certificate().replace("\n", "\n")).replace("\n", "\r\n")
    assert code(text) == "bad_key"  # the certificate is of the same key: twice
    found = public_keys((pem_of(RSA) + pem_of(EC)).replace("\n", "\r\n"))
    assert [one.algorithm for one in found] == ["RS256", "ES256"]


def test_the_id_is_the_one_given_else_that_of_the_jwk() -> None:
    assert public_keys(pem_of(EC), kid="mine")[0].kid == "mine"
    assert public_keys(json.dumps(jwk_of(EC, kid="theirs")))[0].kid == "theirs"
    assert public_keys(json.dumps(jwk_of(EC, kid="theirs")), kid="mine")[0].kid == "mine"
    assert code(pem_of(EC) + pem_of(RSA), kid="one for two") == "bad_key"
    for kid in ("x" * 101, "ümlaut", "line\nend", "\0"):
        assert code(pem_of(EC), kid=kid) == "bad_key"
        assert code(json.dumps(jwk_of(EC, kid=kid))) == "bad_key"
    for odd in (1, None, [], ""):
        assert code(json.dumps(jwk_of(EC, kid=odd))) == "bad_key"


def private_texts() -> list[str]:
    found = []
    for key in (RSA, EC, ED):
        formats = (
            [PrivateFormat.PKCS8] if key is ED else [PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL]
        )
        found += [key.private_bytes(Encoding.PEM, one, NoEncryption()).decode() for one in formats]
        found.append(
            key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"x")).decode()
        )
        found.append(key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()).decode())
        found.append(found[-1] + pem_of(EC))
        found.append(pem_of(EC) + found[-2])
    found.append(json.dumps(jwk_of(EC, d="AQAB")))
    found.append(json.dumps({"keys": [jwk_of(EC), jwk_of(RSA, d="AQAB")]}))
    found.append(json.dumps(jwk_of(RSA, p="AQAB")))
    found.append('{"kty": "RSA", "d": "secretsecret", ')  # cut off
    return found


PRIVATE = private_texts()


@pytest.mark.parametrize("text", PRIVATE, ids=range(len(PRIVATE)))
def test_a_private_key_is_refused_as_one_and_is_in_no_message(text: str) -> None:
    refused = public_keys(text)
    assert isinstance(refused, Denied)
    assert refused.code == "private_key"
    assert looks_private(text)
    assert not any(line in str(refused.message) for line in text.splitlines() if len(line) > 20)


def test_a_public_key_does_not_look_private() -> None:
    for key in (RSA, EC, ED):
        assert not looks_private(pem_of(key))
        assert not looks_private(json.dumps(jwk_of(key)))


def pem(key: Any) -> str:
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


SMALL = rsa.generate_private_key(public_exponent=65_537, key_size=1_024)  # noqa: S505  (weak on purpose)


# fmt: off
BAD = [
    "", " ", "key", "{}", "[]", "null", '{"keys": []}', '{"keys": {}}', '{"keys": [1]}', '{"keys": null}',
    "-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----",
    "-----BEGIN PUBLIC KEY-----\n!!!!\n-----END PUBLIC KEY-----",
    pem(SMALL), pem(ec.generate_private_key(ec.SECP384R1())), pem(ec.generate_private_key(ec.SECP256K1())),
    pem(ed448.Ed448PrivateKey.generate()), pem(dsa.generate_private_key(key_size=2048)),
    pem_of(RSA) * 2, pem_of(RSA) + "and more", "words before " + pem_of(RSA), pem_of(RSA).replace("PUBLIC", "SECRET"),
    json.dumps({"kty": "oct", "k": "c2VjcmV0"}), json.dumps(jwk_of(EC, k="c2VjcmV0")),
    json.dumps(jwk_of(EC, use="enc")), json.dumps(jwk_of(EC, key_ops=["sign"])), json.dumps(jwk_of(EC, key_ops="verify")),
    json.dumps(jwk_of(RSA, alg="RS512")), json.dumps(jwk_of(RSA, alg="PS256")), json.dumps(jwk_of(RSA, alg="HS256")),
    json.dumps(jwk_of(RSA, alg="none")), json.dumps(jwk_of(EC, crv="P-384")), json.dumps(jwk_of(EC, crv=["P-256"])),
    json.dumps(jwk_of(EC, kty="RSA")), json.dumps(jwk_of(EC, x="AA")), json.dumps(jwk_of(EC, x=1)), json.dumps(jwk_of(EC, x=None)),
    json.dumps(jwk_of(EC, y=jwk_of(EC)["x"])),  # no point of the curve
    json.dumps(jwk_of(ED, x="AAAA")), json.dumps({"kty": "EC", "crv": "P-256"}), json.dumps({"kty": "RSA", "n": "", "e": ""}),
    json.dumps(jwk_of(RSA, e=number(3))), json.dumps(jwk_of(RSA, e=number(1))), json.dumps(jwk_of(RSA, e=number(65_536))),
    json.dumps({"kty": "RSA", "n": number(SMALL.public_key().public_numbers().n), "e": "AQAB"}),
    json.dumps({"kty": "RSA", "n": number(2**2048), "e": "AQAB"}), json.dumps({"kty": "RSA", "n": number(2**9000 + 1), "e": "AQAB"}),
    json.dumps({"kty": "RSA", "n": "+/+/", "e": "AQAB"}),
    '{"kty": "RSA", "kty": "RSA"}', '{"keys": NaN}', "[" * 100_000, '{"a":' * 5_000, "{" + " " * 70_000,
    json.dumps({"keys": [jwk_of(EC), jwk_of(EC, kid="again")]}), json.dumps({"keys": [jwk_of(EC, kid="a"), jwk_of(ED, kid="a")]}),
    json.dumps({"keys": [jwk_of(EC, kid=str(n)) for n in range(60)]}),
]
# fmt: on


@pytest.mark.parametrize("text", BAD, ids=range(len(BAD)))
def test_what_is_no_good_public_key_is_refused(text: str) -> None:
    assert code(text) in {"bad_key", "too_many_keys"}


def test_a_set_that_is_published_may_hold_others_which_are_passed_over() -> None:
    others = [
        {"kty": "oct", "k": "AA"}, jwk_of(RSA, use="enc"), jwk_of(OTHER_RSA, alg="RS512"), {"kty": "new"}, {}, jwk_of(ED, kid="x" * 200),
    ]  # fmt: skip
    body = json.dumps({"keys": [*others, jwk_of(EC, kid="good")]}).encode()
    found = published_keys(body)
    assert isinstance(found, tuple)
    assert [one.kid for one in found] == ["good"]


def test_a_set_with_a_private_key_is_trusted_for_nothing() -> None:
    refused = published_keys(json.dumps({"keys": [jwk_of(EC), jwk_of(RSA, d="AQAB")]}).encode())
    assert isinstance(refused, Denied)
    assert refused.code == "private_key"


def test_a_pair_that_is_made_is_a_pair() -> None:
    for algorithm in ("RS256", "ES256"):
        pair = new_pair(algorithm)
        assert isinstance(pair, NewPair)
        assert pair.public.algorithm == algorithm
        assert code(pair.private_pem) == "private_key"
        assert pair.private_pem not in repr(pair)
    with pytest.raises(ValueError, match="no pair"):
        new_pair("HS256")


@given(st.text(max_size=400) | st.binary(max_size=400).map(lambda raw: raw.decode("latin-1")))
def test_whatever_is_put_in_gets_an_answer(text: str) -> None:
    assert isinstance(public_keys(text), Denied)
    assert isinstance(published_keys(text.encode()), Denied)


_members = st.sampled_from(["kty", "crv", "x", "y", "n", "e", "kid", "alg", "use", "key_ops"])
_values = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=50)
    | st.lists(st.text(max_size=5), max_size=2)
)


@given(
    st.sampled_from([RSA, EC, ED]),
    st.dictionaries(_members, _values, max_size=4),
    st.sets(_members, max_size=2),
)
def test_a_jwk_with_something_else_in_it_is_a_sound_key_or_refused(
    key: Any, more: dict[str, Any], without: set[str]
) -> None:
    jwk = {name: value for name, value in jwk_of(key, **more).items() if name not in without}
    found = public_keys(json.dumps(jwk))
    if isinstance(found, tuple):
        assert all(isinstance(one, PublicKey) and key_object(one.jwk) for one in found)


@given(st.binary(max_size=200), st.integers(0, 300))
def test_broken_pem_is_refused_or_the_same_key(noise: bytes, at: int) -> None:
    text = pem_of(EC)
    broken = text[:at] + noise.decode("latin-1") + text[at + len(noise) :]
    found = public_keys(broken)
    assert isinstance(found, Denied) or len(found) == 1


def test_ed25519_is_the_only_edwards_curve() -> None:
    assert public_keys(pem(ed25519.Ed25519PrivateKey.generate()))[0].algorithm == "EdDSA"
