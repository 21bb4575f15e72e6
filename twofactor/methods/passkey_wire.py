"""WebAuthn as it goes over the wire: what a browser is asked, and what of its answer holds. Nothing else here knows the library."""

import base64
import ipaddress
import json
import logging
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings

from accounts.models import User
from core import entropy
from delivery.render import PRODUCT
from twofactor.models import Challenge, Factor

logger = logging.getLogger(__name__)

Credential = Mapping[str, Any]
LONGEST = 16_384  # characters of the JSON: a key of the largest kind, twice, and its attestation
DEEPEST = 8
_ID = re.compile(r"[A-Za-z0-9_-]{1,1364}")  # 1,023 bytes (WebAuthn Level 3, 4), written
TIMEOUT = 120_000  # milliseconds that the browser waits for the person
ALGORITHMS = (-7, -8, -257)  # ES256, EdDSA, RS256: what every authenticator has one of
TRANSPORTS = frozenset({"ble", "cable", "hybrid", "internal", "nfc", "smart-card", "usb"})


@dataclass(frozen=True, kw_only=True)
class Signed:
    """An answer whose signature holds."""

    sign_count: int
    is_backed_up: bool


@dataclass(frozen=True, kw_only=True)
class Made:
    """A new passkey, as its authenticator tells of it."""

    credential_id: str
    public_key: str
    sign_count: int
    transports: str
    is_backed_up: bool


@dataclass(frozen=True, kw_only=True)
class Bad:
    """An answer that does not hold, and why: for the trail, without a word of what was sent."""

    reason: str


def origin() -> str:
    """The one origin whose answers count; never taken from a request, for whoever leads one here would choose it."""
    return str(settings.PUBLIC_URL)


def rp_id() -> str:
    """The name that passkeys are bound to."""
    return urlsplit(origin()).hostname or ""


def is_possible() -> bool:
    """Whether browsers make passkeys for this address: only for one that has a name."""
    try:
        ipaddress.ip_address(rp_id())
    except ValueError:
        return bool(rp_id())
    return False


def read(given: str | Credential) -> Credential | None:
    """The credential as an object; None for what is none, or larger or deeper than any is."""
    try:
        text = given if isinstance(given, str) else json.dumps(given)
        found = json.loads(text) if len(text) <= LONGEST else None
    except (ValueError, TypeError, RecursionError):
        return None
    return found if isinstance(found, dict) and _depth(found) <= DEEPEST else None


def _depth(value: Any, above: int = 1) -> int:
    if above > DEEPEST or not isinstance(value, dict | list):
        return above
    below = value.values() if isinstance(value, dict) else value
    return max((_depth(one, above + 1) for one in below), default=above)


def creation_options(challenge: Challenge, user: User, *, have: Iterable[Factor]) -> dict[str, Any]:
    """What the browser is asked to make (PublicKeyCredentialCreationOptionsJSON, WebAuthn Level 3, 5.1.9)."""
    return {
        "challenge": _challenge(challenge),
        "rp": {"id": rp_id(), "name": str(PRODUCT)},
        "user": {
            "id": _written(user.uid.bytes),
            "name": user.username,
            "displayName": user.display_name or user.username,
        },
        "pubKeyCredParams": [{"type": "public-key", "alg": one} for one in ALGORITHMS],
        "timeout": TIMEOUT,
        "excludeCredentials": _described(have),
        # Kept on the device where it can, for only such a one says who it is; an older key still is a second factor.
        "authenticatorSelection": {
            "residentKey": "preferred",
            "requireResidentKey": False,
            "userVerification": "preferred",
        },
        "attestation": "none",
        "extensions": {"credProps": True},
    }


def request_options(challenge: Challenge, *, have: Iterable[Factor], verified: bool) -> dict[str, Any]:
    """What the browser is asked to sign (PublicKeyCredentialRequestOptionsJSON); `verified`: the device shall know its owner."""
    return {
        "challenge": _challenge(challenge),
        "rpId": rp_id(),
        "timeout": TIMEOUT,
        "allowCredentials": _described(have),
        "userVerification": "required" if verified else "discouraged",
    }


def id_of(credential: Credential) -> str:
    """Which passkey it says it is; empty for what can be none."""
    found = credential.get("id")
    return found if isinstance(found, str) and _ID.fullmatch(found) else ""


def made(credential: Credential, challenge: Challenge) -> Made | Bad:
    """What was made for this challenge."""
    from webauthn import verify_registration_response
    from webauthn.helpers import encode_cbor, parse_cbor

    response = _response(credential)
    if (bad := _bad_client_data(response, challenge, kind="webauthn.create")) is not None:
        return bad
    try:
        given = _read(response["attestationObject"])
        _end_of_plain(given)
        attested = parse_cbor(given)
        _refuse_tags(attested["authData"])
        # None was asked for and nothing is decided by it, so the certificates in it are not even parsed.
        plain = encode_cbor({"fmt": "none", "attStmt": {}, "authData": attested["authData"]})
        found = verify_registration_response(
            credential=_shape(credential, response | {"attestationObject": _written(plain)}),
            expected_challenge=_read(_client_data(response)["challenge"]),
            expected_rp_id=rp_id(),
            expected_origin=origin(),
            supported_pub_key_algs=list(ALGORITHMS),  # type: ignore[arg-type]  # an enum of these numbers
        )
    except Exception as error:  # of hostile bytes the library raises whatever it stumbles over
        return _refused(error)
    if _written(found.credential_id) != id_of(credential):
        return Bad(reason="malformed")
    told = response.get("transports")
    known = TRANSPORTS.intersection(
        one for one in (told if isinstance(told, list) else []) if isinstance(one, str)
    )
    return Made(
        credential_id=id_of(credential),
        public_key=_written(found.credential_public_key),
        sign_count=found.sign_count,
        transports=",".join(sorted(known)),
        is_backed_up=found.credential_backed_up,
    )


def signed(credential: Credential, challenge: Challenge, factor: Factor, *, verified: bool) -> Signed | Bad:
    """Whether this passkey signed this challenge, here and for its owner; `verified`: and the device knew its owner."""
    from webauthn import verify_authentication_response

    response = _response(credential)
    if (bad := _bad_client_data(response, challenge, kind="webauthn.get")) is not None:
        return bad
    try:
        handle = response.get("userHandle")
        if handle is None:
            if challenge.user_id is None:  # then nothing but the passkey says who it is
                return Bad(reason="user")
        elif _read(handle) != factor.user.uid.bytes:
            return Bad(reason="user")
        _refuse_tags(_read(response["authenticatorData"]))
        found = verify_authentication_response(
            credential=_shape(credential, response),
            expected_challenge=_read(_client_data(response)["challenge"]),
            expected_rp_id=rp_id(),
            expected_origin=origin(),
            credential_public_key=_read(factor.public_key),
            credential_current_sign_count=0,  # compared below, so that the trail can tell it from a bad signature
            require_user_verification=False,
        )
    except Exception as error:  # as above
        return _refused(error)
    if verified and not found.user_verified:
        return Bad(reason="not verified")
    # One of two copies of a key has fallen behind (WebAuthn Level 3, 6.1.1). Passkeys that are synchronised always say 0.
    if not _counts_on(found.new_sign_count, factor.sign_count):
        return Bad(reason="sign count")
    return Signed(sign_count=found.new_sign_count, is_backed_up=found.credential_backed_up)


def _end_of_plain(data: bytes, at: int = 0, depth: int = 0) -> int:
    """Where one value of CTAP2's CBOR ends: no tags, no lengths left open, no depth. Raises ValueError for any other.

    Tags make a decoder share values, which grow to gigabytes when they are written anew, compile regular expressions, and more.
    """
    kind, more = data[at] >> 5, data[at] & 31
    if kind == 6 or more > 27 or depth > DEEPEST:
        raise ValueError("not CBOR as CTAP2 writes it")
    size = 0 if more < 24 else 1 << (more - 24)
    number = int.from_bytes(data[at + 1 : at + 1 + size]) if size else more
    at += 1 + size
    if kind in (2, 3):
        at += number
    for _ in range(number * (kind - 3) if kind in (4, 5) else 0):
        at = _end_of_plain(data, at, depth + 1)
    if at > len(data):
        raise ValueError("cut off")
    return at


def _refuse_tags(data: bytes) -> None:
    """Raises ValueError or IndexError where the key or the extensions of authenticator data are none that CTAP2 writes."""
    at = 37
    if data[32] & 64:
        at = _end_of_plain(data, at + 18 + int.from_bytes(data[at + 16 : at + 18]))
    if data[32] & 128:
        _end_of_plain(data, at)


def _counts_on(new: int, old: int) -> bool:
    return new > old or new == old == 0


def _purpose(challenge: Challenge) -> str:
    return f"passkey:{challenge.purpose}"


def _challenge(challenge: Challenge) -> str:
    return entropy.derived_secret(purpose=_purpose(challenge), id=str(challenge.uid))


def _described(factors: Iterable[Factor]) -> Sequence[dict[str, Any]]:
    return [
        {"type": "public-key", "id": one.credential_id}
        | ({"transports": one.transports.split(",")} if one.transports else {})
        for one in factors
    ]


def _response(credential: Credential) -> dict[str, Any]:
    found = credential.get("response")
    return found if isinstance(found, dict) else {}


def _shape(credential: Credential, response: Mapping[str, Any]) -> dict[str, Any]:
    # Only what is judged: the attachment, for one, is a word that browsers may invent.
    known = {name: credential.get(name) for name in ("id", "rawId", "type")}
    wanted = ("clientDataJSON", "attestationObject", "authenticatorData", "signature")
    return known | {"response": {name: response[name] for name in wanted if name in response}}


def _client_data(response: Mapping[str, Any]) -> dict[str, Any]:
    found = json.loads(_read(response["clientDataJSON"]))
    if not isinstance(found, dict):
        raise TypeError("client data is an object")
    return found


def _bad_client_data(response: Mapping[str, Any], challenge: Challenge, *, kind: str) -> Bad | None:
    """What is wrong with what the browser says of where and for what it was asked."""
    try:
        said = _client_data(response)
        right = {
            "type": said["type"] == kind,
            "challenge": entropy.is_derived_secret(
                said["challenge"], purpose=_purpose(challenge), id=str(challenge.uid)
            ),
            "origin": said["origin"] == origin(),
            # A page of somebody else that holds ours in a frame; ours stands in none.
            "frame": said.get("crossOrigin", False) is False and "topOrigin" not in said,
        }
    except (KeyError, ValueError, TypeError, AttributeError, RecursionError):
        return Bad(reason="malformed")
    return next((Bad(reason=name) for name, holds in right.items() if not holds), None)


def _refused(error: Exception) -> Bad:
    logger.info("a passkey was refused: %s", type(error).__name__)
    return Bad(reason="malformed or not signed")


def _read(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)


def _written(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")
