"""Public keys of others, as people paste them and as integrations publish them. Pure; whatever is no good public key is refused.

A key decides its algorithm, never a token: RSA means RS256, P-256 ES256 and Ed25519 EdDSA. What is private is refused before anything
else is looked at, and is in no message: it must not come to lie anywhere because somebody pasted the wrong half of a pair.
"""

import base64
import binascii
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.utils import int_to_bytes
from django.utils.translation import gettext_lazy as _

from accounts.tokens.jose import encoded, strict_json, thumbprint
from core.outcomes import Denied

RS256, ES256, EDDSA = "RS256", "ES256", "EdDSA"
ALGORITHMS = (RS256, ES256, EDDSA)
MADE = (RS256, ES256)  # what a pair is made for here; the first is what the products know that we connect
MOST_KEYS = 10  # of one integration
LONGEST = 64_000  # characters of what is pasted or read
LONGEST_KID = 100
SHORTEST_RSA, LONGEST_RSA = 2_048, 8_192  # bits
EXPONENTS = range(2**16 + 1, 2**256, 2)  # FIPS 186-5, 5.1

PRIVATE = Denied(
    code="private_key",
    field="keys",
    message=_(
        "This is a private key, and nothing of it was kept. Whoever has seen it can sign: make a new pair, and put in its public key."
    ),
)
SYMMETRIC = Denied(
    code="bad_key",
    field="keys",
    message=_("This is a shared secret, and nothing of it was kept. Only public keys are taken."),
)
UNREADABLE = Denied(
    code="bad_key",
    field="keys",
    message=_("No public key can be read from this. Put in PEM, a JWK or a JWKS."),
)
WEAK = Denied(
    code="bad_key",
    field="keys",
    message=_("An RSA key needs at least 2048 bits, at most 8192, and the exponent 65537 or a larger one."),
)
UNKNOWN_KIND = Denied(
    code="bad_key",
    field="keys",
    message=_("Only RSA (RS256), P-256 (ES256) and Ed25519 (EdDSA) keys are taken."),
)
OTHER_USE = Denied(
    code="bad_key", field="keys", message=_("This key is meant for something other than such signatures.")
)
BAD_KID = Denied(
    code="bad_key",
    field="kid",
    message=_("A key id has 1 to 100 printable ASCII characters."),
)
TWICE = Denied(code="bad_key", field="keys", message=_("A key or a key id is there twice."))
TOO_MANY = Denied(
    code="too_many_keys",
    field="keys",
    message=_("An integration has at most %(most)s keys. Remove one first.") % {"most": MOST_KEYS},
)
_PEM = re.compile(r"-----BEGIN ([A-Z0-9 ]{1,40})-----[A-Za-z0-9+/=\s]{1,20000}-----END \1-----")
_SECRET_MEMBERS = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth"})  # RFC 7518, 6.2.2 and 6.3.2


@dataclass(frozen=True, kw_only=True)
class PublicKey:
    """A public key with its id; `jwk` has only what makes the key (RFC 7638, 3.2)."""

    kid: str
    algorithm: str
    jwk: Mapping[str, str]

    @property
    def thumbprint(self) -> str:
        """What tells it from any other key, whatever it is called (RFC 7638)."""
        return thumbprint(self.jwk)


@dataclass(frozen=True, kw_only=True)
class NewPair:
    """A pair that was just made. The private half is shown once and kept nowhere."""

    public: PublicKey
    private_pem: str

    def __repr__(self) -> str:
        return f"NewPair({self.public.kid})"


def looks_private(text: str) -> bool:
    """Whether it holds a private key, or may: then it is shown and kept nowhere, not even in the form that it came in."""
    return "PRIVATE KEY" in text.upper() or re.search(r'"(d|p|q|dp|dq|qi|k)"\s*:', text) is not None


def public_keys(text: str, *, kid: str = "") -> tuple[PublicKey, ...] | Denied:
    """The keys in what somebody put in: PEM (one or several), a JWK, or a JWKS. All of them have to be good.

    `kid` names the key, where it is one; without it the id of the JWK counts, or the thumbprint.
    """
    if len(text) > LONGEST:
        return UNREADABLE
    found = _of_json(text) if text.lstrip().startswith("{") else _of_pem(text)
    if isinstance(found, Denied):
        return found
    keys = [one for one in found if isinstance(one, PublicKey)]
    refused = next((one for one in found if isinstance(one, Denied)), None)
    if refused is not None or not keys:
        return refused or UNREADABLE
    if kid:
        if len(keys) > 1 or not _is_kid(kid):
            return BAD_KID
        keys = [PublicKey(kid=kid, algorithm=keys[0].algorithm, jwk=keys[0].jwk)]
    return _bounded(keys)


def published_keys(body: bytes) -> tuple[PublicKey, ...] | Denied:
    """The keys in a JWKS that an integration publishes. Those of another kind or use are passed over (RFC 7517, 5)."""
    try:
        text = body.decode()
    except UnicodeDecodeError:
        return UNREADABLE
    found = _of_json(text) if len(text) <= LONGEST else UNREADABLE
    if isinstance(found, Denied):
        return found
    # A private key that somebody publishes is known to everybody: nothing beside it can be trusted either.
    if PRIVATE in found:
        return PRIVATE
    keys = [one for one in found if isinstance(one, PublicKey)]
    return _bounded(keys) if keys else UNREADABLE


def _bounded(keys: list[PublicKey]) -> tuple[PublicKey, ...] | Denied:
    if len(keys) > MOST_KEYS:
        return TOO_MANY
    if len({one.kid for one in keys}) < len(keys) or len({one.thumbprint for one in keys}) < len(keys):
        return TWICE
    return tuple(keys)


def _is_kid(kid: object) -> bool:
    return isinstance(kid, str) and 0 < len(kid) <= LONGEST_KID and kid.isascii() and kid.isprintable()


# --- PEM ---------------------------------------------------------------------------------------------------------------


def _of_pem(text: str) -> Iterable[PublicKey | Denied] | Denied:
    if "PRIVATE KEY" in text.upper():
        return PRIVATE
    blocks = list(_PEM.finditer(text))
    if not blocks or len(blocks) > MOST_KEYS or _PEM.sub("", text).strip():
        return UNREADABLE if len(blocks) <= MOST_KEYS else TOO_MANY
    return [_of_block(one.group(1), one.group(0)) for one in blocks]


def _of_block(label: str, block: str) -> PublicKey | Denied:
    try:
        if label == "CERTIFICATE":
            # For the key in it; who signed it says nothing here, and its dates are those of the pair, not of our trust.
            return _of_key(x509.load_pem_x509_certificate(block.encode()).public_key())
        if label in {"PUBLIC KEY", "RSA PUBLIC KEY"}:
            return _of_key(serialization.load_pem_public_key(block.encode()))
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return UNREADABLE
    return UNREADABLE


def _of_key(key: object, *, kid: str = "") -> PublicKey | Denied:
    if isinstance(key, rsa.RSAPublicKey):
        numbers = key.public_numbers()
        if (
            not SHORTEST_RSA <= key.key_size <= LONGEST_RSA
            or numbers.e not in EXPONENTS
            or numbers.n % 2 == 0
        ):
            return WEAK
        algorithm, jwk = RS256, {"kty": "RSA", "n": _number(numbers.n), "e": _number(numbers.e)}
    elif isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1):
        point = key.public_numbers()
        x, y = point.x.to_bytes(32, "big"), point.y.to_bytes(32, "big")
        algorithm, jwk = ES256, {"kty": "EC", "crv": "P-256", "x": encoded(x), "y": encoded(y)}
    elif isinstance(key, ed25519.Ed25519PublicKey):
        algorithm, jwk = EDDSA, {"kty": "OKP", "crv": "Ed25519", "x": encoded(key.public_bytes_raw())}
    else:
        return UNKNOWN_KIND
    return PublicKey(kid=kid or thumbprint(jwk), algorithm=algorithm, jwk=jwk)


# --- JWK ---------------------------------------------------------------------------------------------------------------


def _of_json(text: str) -> Iterable[PublicKey | Denied] | Denied:
    try:
        read = strict_json(text)
    except (ValueError, RecursionError):
        return PRIVATE if looks_private(text) else UNREADABLE
    listed = read.get("keys") if isinstance(read, dict) and "keys" in read else [read]
    if not isinstance(listed, list) or not all(isinstance(one, dict) for one in listed):
        return UNREADABLE
    if len(listed) > 5 * MOST_KEYS:  # others may be among them
        return TOO_MANY
    return [_of_jwk(one) for one in listed]


def _of_jwk(jwk: dict[str, Any]) -> PublicKey | Denied:
    if jwk.get("kty") == "oct" or "k" in jwk:
        return SYMMETRIC
    if jwk.keys() & _SECRET_MEMBERS:
        return PRIVATE
    kid = jwk.get("kid", "")
    if "kid" in jwk and not _is_kid(kid):
        return BAD_KID
    load = _LOADERS.get((jwk.get("kty"), jwk.get("crv"))) if _are_texts(jwk, "kty", "crv") else None
    if load is None:
        return UNKNOWN_KIND
    try:
        found = _of_key(load(jwk), kid=kid)
    except (ValueError, TypeError, KeyError, OverflowError, UnsupportedAlgorithm):
        return UNREADABLE
    if isinstance(found, PublicKey) and not _is_for(found.algorithm, jwk):
        return OTHER_USE
    return found


def _are_texts(jwk: dict[str, Any], *names: str) -> bool:
    return all(isinstance(jwk.get(name, ""), str) for name in names)


def _is_for(algorithm: str, jwk: dict[str, Any]) -> bool:
    """Whether what the JWK says of its use allows it to check signatures of this algorithm (RFC 7517, 4.2 to 4.4)."""
    operations = jwk.get("key_ops", ["verify"])
    meant = (
        (algorithm, "Ed25519") if algorithm == EDDSA else (algorithm,)
    )  # RFC 9864 names EdDSA by its curve
    return (
        jwk.get("use", "sig") == "sig"
        and isinstance(operations, list)
        and "verify" in operations
        and jwk.get("alg", algorithm) in meant
    )


def _rsa(jwk: dict[str, Any]) -> rsa.RSAPublicKey:
    n, e = _bytes(jwk["n"]), _bytes(jwk["e"])
    return rsa.RSAPublicNumbers(n=int.from_bytes(n), e=int.from_bytes(e)).public_key()


def _p256(jwk: dict[str, Any]) -> ec.EllipticCurvePublicKey:
    x, y = _bytes(jwk["x"], length=32), _bytes(jwk["y"], length=32)
    # Raises ValueError for a point that is not on the curve.
    numbers = ec.EllipticCurvePublicNumbers(int.from_bytes(x), int.from_bytes(y), ec.SECP256R1())
    return numbers.public_key()


def _ed25519(jwk: dict[str, Any]) -> ed25519.Ed25519PublicKey:
    return ed25519.Ed25519PublicKey.from_public_bytes(_bytes(jwk["x"], length=32))


_LOADERS: Mapping[tuple[Any, Any], Callable[[dict[str, Any]], Any]] = {
    ("RSA", None): _rsa,
    ("EC", "P-256"): _p256,
    ("OKP", "Ed25519"): _ed25519,
}


def key_object(jwk: Mapping[str, str]) -> Any:
    """The key as an object to check signatures with, from a JWK that was found good before."""
    return _LOADERS[jwk["kty"], jwk.get("crv")](dict(jwk))


def _bytes(text: object, *, length: int | None = None) -> bytes:
    if not isinstance(text, str) or not text.isascii() or len(text) > 2 * LONGEST_RSA // 8:
        raise ValueError("no number")
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except binascii.Error as error:
        raise ValueError("no base64url") from error
    if length is not None and len(raw) != length:
        raise ValueError("of another length")
    return raw


def _number(value: int) -> str:
    return encoded(int_to_bytes(value))


# --- making a pair -------------------------------------------------------------------------------------------------------


def new_pair(algorithm: str) -> NewPair:
    """A new pair, RS256 (2048 bits) or ES256; takes a noticeable part of a second, so never inside a unit."""
    private: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
    if algorithm == RS256:
        private = rsa.generate_private_key(public_exponent=65_537, key_size=SHORTEST_RSA)
    elif algorithm == ES256:
        private = ec.generate_private_key(ec.SECP256R1())
    else:
        raise ValueError(f"no pair is made for {algorithm}")
    public = _of_key(private.public_key())
    assert isinstance(public, PublicKey)  # noqa: S101  # as it was just made
    pem = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return NewPair(public=public, private_pem=pem.decode())
