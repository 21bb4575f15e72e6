"""The keys that sign our tokens: rows with a sealed private key, held as parsed objects, published by their thumbprint.

Which of them signs follows from the time (`accounts.tokens.rotation`); the verbs on them are in `accounts.signing_keys`.
"""

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, cast

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from django.conf import settings
from django.utils import timezone

from accounts.models import SigningKey
from accounts.tokens import rotation
from accounts.tokens.jose import encoded, thumbprint
from accounts.tokens.rotation import VERIFYING, Turn
from audit.events import Event
from audit.record import Origin, record
from core import epoch, sealed
from core.db import unit
from core.sealed import NOTHING, Sealed

ALGORITHM, RSA = "ES256", "RS256"
_RSA_BITS = 2048


PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
PublicKey = ec.EllipticCurvePublicKey | rsa.RSAPublicKey


@dataclass(frozen=True, kw_only=True)
class KeyPair:
    """One key pair as objects: parsing them anew for each token would cost more than signing."""

    pk: int  # of its row
    kid: str
    private: PrivateKey
    public: PublicKey

    @property
    def algorithm(self) -> str:
        """What it signs by (RFC 7518, 3.1)."""
        return ALGORITHM if isinstance(self.public, ec.EllipticCurvePublicKey) else RSA

    @property
    def jwk(self) -> dict[str, str]:
        """The public key as RFC 7517 writes it."""
        return _jwk(self.public) | {"kid": self.kid, "alg": self.algorithm, "use": "sig"}


@dataclass(frozen=True, kw_only=True)
class _Held:
    row: SigningKey
    gone_at: datetime | None


def _jwk(public: PublicKey) -> dict[str, str]:
    if isinstance(public, rsa.RSAPublicKey):
        numbers = public.public_numbers()
        n, e = (
            encoded(number.to_bytes((number.bit_length() + 7) // 8, "big"))
            for number in (numbers.n, numbers.e)
        )
        return {"e": e, "kty": "RSA", "n": n}
    point = public.public_numbers()
    x, y = (encoded(number.to_bytes(32, "big")) for number in (point.x, point.y))
    return {"crv": "P-256", "kty": "EC", "x": x, "y": y}


def turn_of(row: SigningKey) -> Turn:
    """When this key signs."""
    return Turn(number=row.number, active_from=row.active_from, revoked_at=row.revoked_at)


def drawn_key(*, number: int, active_from: datetime, now: datetime) -> SigningKey:
    """A new key pair as a row that is not kept yet."""
    private = ec.generate_private_key(ec.SECP256R1())
    public = _jwk(private.public_key())
    kid = thumbprint(public)
    jwk = public | {"kid": kid, "alg": ALGORITHM, "use": "sig"}
    row = SigningKey(number=number, kid=kid, public=jwk, created_at=now, active_from=active_from)
    row.private = sealed.seal(row, "private", _der(private))
    return row


def _der(private: PrivateKey) -> bytes:
    return private.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _add_rsa(row: SigningKey) -> None:
    """Draw the RSA half of a key that is not kept yet, or is held."""
    private = rsa.generate_private_key(public_exponent=65_537, key_size=_RSA_BITS)
    row.rsa_kid = thumbprint(_jwk(private.public_key()))
    row.rsa_private = sealed.seal(row, "rsa_private", _der(private))


def make_key(*, number: int, active_from: datetime, origin: Origin, now: datetime) -> SigningKey | None:
    """Draw and keep the key with this number: the next one after those that were there when another one was found to be needed.

    None where another process has found the same and was first; its key stands.
    """
    # Once somebody signs by RSA, each key has that half from the start: whoever checks elsewhere sees it a day ahead.
    with_rsa = SigningKey.objects.exclude(rsa_kid=None).exists()
    row = drawn_key(number=number, active_from=active_from, now=now)
    if with_rsa:
        _add_rsa(row)
    with unit():
        # Passed over where the number is taken, and not refused: a refusal would end the transaction that this may be a part of.
        SigningKey.objects.bulk_create([row], ignore_conflicts=True)
        kept = SigningKey.objects.filter(kid=row.kid).first()
        if kept is not None:
            epoch.bump()
            record(
                Event.SIGNING_KEY_MADE,
                origin=origin,
                at=now,
                subject=kept,
                kid=kept.kid,
                active_from=active_from.isoformat(),
            )
    return kept


def _read() -> dict[str, _Held]:
    """The keys by name. Of those that are gone nothing is needed; of revoked ones, when their turn ended that of others."""
    rows = list(SigningKey.objects.exclude(private=NOTHING, revoked_at=None))
    gone = rotation.gone_at(map(turn_of, rows))
    held = {row.kid: _Held(row=row, gone_at=gone[row.number]) for row in rows}
    return held | {one.row.rsa_kid: one for one in held.values() if one.row.rsa_kid}


# An empty answer is not kept, so that the first key is seen by whoever makes it.
_held = epoch.Cached[str, dict[str, _Held] | None](lambda _all: _read() or None)


def _all() -> Mapping[str, _Held]:
    return _held("all") or {}


# Beside the cache, for the version moves on with every session that ends, and the keys stay the same for weeks.
@lru_cache(maxsize=64)
def _opened(pk: int, kid: str, uid: uuid.UUID, field: str, private: Sealed, _field_keys: str) -> KeyPair:
    row = SigningKey(uid=uid, **{field: private})
    found = serialization.load_der_private_key(sealed.unseal(row, field), password=None)
    key = cast(PrivateKey, found)
    # The public key comes from what was sealed and not from its column, so whoever writes to the database puts none of his own there.
    return KeyPair(pk=pk, kid=kid, private=key, public=key.public_key())


def _pair(row: SigningKey) -> KeyPair:
    return _opened(row.pk, row.kid, row.uid, "private", row.private, settings.FIELD_KEYS)


def _rsa_pair(row: SigningKey) -> KeyPair:
    return _opened(row.pk, row.rsa_kid or "", row.uid, "rsa_private", row.rsa_private, settings.FIELD_KEYS)


def _signing(rows: Iterable[SigningKey], *, now: datetime) -> SigningKey | None:
    by_number = {row.number: row for row in rows}
    turn = rotation.active(map(turn_of, by_number.values()), now=now)
    return None if turn is None else by_number[turn.number]


def signing_row(*, now: datetime) -> SigningKey | None:
    """The row of the key that signs; None before the first one is made."""
    return _signing([one.row for one in _all().values()], now=now)


def active_key(*, now: datetime) -> KeyPair:
    """The key that signs; the first one is made when it is first needed. Raises PortalError when it no longer opens."""
    row = signing_row(now=now)
    while row is None:
        rows = list(SigningKey.objects.order_by("number"))
        number = rows[-1].number + 1 if rows else 1
        row = _signing(rows, now=now) or make_key(number=number, active_from=now, origin=Origin(), now=now)
    return _pair(row)


def active_rsa_key(*, now: datetime) -> KeyPair:
    """The RSA half of the key that signs; made when it is first needed. Raises PortalError when it no longer opens."""
    active_key(now=now)  # there is one
    row = signing_row(now=now)
    assert row is not None  # noqa: S101  # as that has seen to
    if row.rsa_kid is None:
        for other in SigningKey.objects.filter(number__gte=row.number, rsa_kid=None, revoked_at=None):
            _complete(other)  # also the one that comes next, if it is published
        row = SigningKey.objects.get(pk=row.pk)
    return _rsa_pair(row)


def _complete(row: SigningKey) -> None:
    drawn = SigningKey(uid=row.uid)
    _add_rsa(drawn)  # takes a noticeable part of a second, so not inside a unit
    half = {"rsa_kid": drawn.rsa_kid, "rsa_private": drawn.rsa_private}
    with unit():
        if SigningKey.objects.filter(pk=row.pk, rsa_kid=None, revoked_at=None).update(**half):
            epoch.bump()


def _verifying(kid: str) -> SigningKey | None:
    found = _all().get(kid)
    if found is None or found.row.revoked_at is not None:  # whatever the time: clocks of two nodes differ
        return None
    return found.row if found.gone_at is None or timezone.now() < found.gone_at else None


def still_verifies(kid: str) -> bool:
    """Whether what the key of this name signed may still hold: it is published, active or retired. Neither revoked nor gone."""
    return _verifying(kid) is not None


def key_named(kid: str) -> KeyPair | None:
    """The key of this name, if it still verifies. Raises PortalError when it no longer opens."""
    row = _verifying(kid)
    if row is None:
        return None
    return _pair(row) if kid == row.kid else _rsa_pair(row)


def key_set(*, now: datetime) -> dict[str, Any]:
    """What `/.well-known/jwks.json` shows (RFC 7517, 5): every key that verifies, the one to come first."""
    rows = {one.row.number: one.row for one in _all().values()}
    standing = rotation.standings(map(turn_of, rows.values()), now=now)
    shown = [rows[number] for number in sorted(rows, reverse=True) if standing[number] in VERIFYING]
    halves = [_rsa_pair(row).jwk for row in shown if row.rsa_kid]
    return {"keys": [*(_pair(row).jwk for row in shown), *halves]}
