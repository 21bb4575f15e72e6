"""Codes of authenticator apps against the vectors of RFC 4226 and RFC 6238, and the address that an app reads."""

from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from core import oath

SEEDS = {
    "SHA1": b"12345678901234567890",
    "SHA256": b"12345678901234567890123456789012",
    "SHA512": b"1234567890123456789012345678901234567890123456789012345678901234",
}


@pytest.mark.parametrize(
    ("seconds", "algorithm", "code"),
    [
        (59, "SHA1", "94287082"),
        (59, "SHA256", "46119246"),
        (59, "SHA512", "90693936"),
        (1111111109, "SHA1", "07081804"),
        (1111111109, "SHA256", "68084774"),
        (1111111109, "SHA512", "25091201"),
        (2000000000, "SHA1", "69279037"),
        (2000000000, "SHA256", "90698825"),
        (2000000000, "SHA512", "38618901"),
        (20000000000, "SHA1", "65353130"),
        (20000000000, "SHA256", "77737706"),
        (20000000000, "SHA512", "47863826"),
    ],
)
def test_the_vectors_of_rfc_6238(seconds: int, algorithm: str, code: str) -> None:
    step = oath.step_at(seconds)
    assert oath.code_at(SEEDS[algorithm], step, algorithm=algorithm, digits=8) == code


@pytest.mark.parametrize(("counter", "code"), enumerate(["755224", "287082", "359152", "969429", "338314"]))
def test_the_vectors_of_rfc_4226(counter: int, code: str) -> None:
    assert oath.code_at(SEEDS["SHA1"], counter, algorithm="SHA1", digits=6) == code


def test_only_a_code_of_the_steps_that_are_looked_at_is_found() -> None:
    seed = SEEDS["SHA1"]
    code = oath.code_at(seed, 7, algorithm="SHA1", digits=6)
    assert oath.step_of(code, seed, among=range(6, 9), algorithm="SHA1", digits=6) == 7
    assert oath.step_of(code, seed, among=range(8, 11), algorithm="SHA1", digits=6) is None
    assert oath.step_of("000000", seed, among=range(-3, 3), algorithm="SHA1", digits=6) is None


def test_the_address_says_everything_and_survives_odd_names() -> None:
    address = oath.address(
        SEEDS["SHA256"],
        issuer="Gate & Co: house",
        account="a/b?c#d@example.com",
        algorithm="SHA256",
        digits=8,
    )
    parts = urlsplit(address)
    assert (parts.scheme, parts.netloc, parts.fragment) == ("otpauth", "totp", "")
    assert unquote(parts.path) == "/Gate & Co: house:a/b?c#d@example.com"
    assert {name: values[0] for name, values in parse_qs(parts.query).items()} == {
        "secret": oath.written(SEEDS["SHA256"]),
        "issuer": "Gate & Co: house",
        "algorithm": "SHA256",
        "digits": "8",
        "period": "30",
    }
