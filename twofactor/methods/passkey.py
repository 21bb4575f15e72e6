"""Passkeys (WebAuthn): a key that a device keeps and signs with, for this portal's address and no other."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q

from accounts.models import User
from core.options import Snapshot
from twofactor.methods import passkey_wire as wire
from twofactor.methods.base import Judged, Method, Right, Wrong
from twofactor.models import Challenge, Factor, FactorKind


@dataclass(frozen=True, kw_only=True)
class RightSignature(Right):
    """Signed by the passkey whose number is `used`."""

    factor: Factor
    signed: wire.Signed


@dataclass(frozen=True, kw_only=True)
class RightPasskey(Right):
    """A new one, made for the challenge that was put."""

    made: wire.Made


class Passkey(Method):
    """A signature of one of the person's passkeys. Beside a password the device need not ask who holds it."""

    kind = FactorKind.PASSKEY
    # Without attestation nobody can tell whether the key lies in hardware, so the lesser is said (RFC 8176).
    amr = "swk"
    asks_outside = True  # no lock is held while foreign bytes are parsed

    def judge(
        self, given: str, challenge: Challenge, user: User, *, settings: Snapshot, now: datetime
    ) -> Judged:
        """Whether one of the person's passkeys signed the challenge."""
        return judged(given, challenge, of=user, verified=False)

    def use_up(self, right: Right, challenge: Challenge, *, now: datetime) -> bool:
        """Keep how often it was used; False when it was removed, or used on, meanwhile."""
        if not isinstance(right, RightSignature):
            return isinstance(right, RightPasskey)
        count = right.signed.sign_count
        still = Factor.objects.filter(pk=right.used, confirmed_at__isnull=False)
        # Of two copies of one key that sign at once with the same count, one gets in.
        still = still.filter(Q(sign_count__lt=count) if count else Q(sign_count=0))
        kept = {"sign_count": count, "is_backed_up": right.signed.is_backed_up}
        return bool(still.update(last_used_at=now, **kept))


def of(user: User) -> list[Factor]:
    """The passkeys of a person that are in force."""
    return list(Factor.objects.filter(user=user.pk, kind=FactorKind.PASSKEY, confirmed_at__isnull=False))


def judged(given: str, challenge: Challenge, *, of: User | None, verified: bool) -> RightSignature | Wrong:
    """Outside of any unit: whether a passkey signed the challenge, one of this person where there is one to name.

    `verified`: it stands for the password, too, so the device must have made sure of its owner.
    """
    credential = wire.read(given)
    if credential is None:
        return Wrong(reason="malformed")
    rows = Factor.objects.select_related("user__company").filter(
        kind=FactorKind.PASSKEY, confirmed_at__isnull=False
    )
    if of is not None:
        rows = rows.filter(user=of.pk)
    factor = rows.filter(credential_id=wire.id_of(credential)).first()
    if factor is None:
        return Wrong(reason="unknown passkey")
    found = wire.signed(credential, challenge, factor, verified=verified)
    if isinstance(found, wire.Bad):
        return Wrong(reason=found.reason)
    return RightSignature(used=factor.pk, factor=factor, signed=found)


def judged_new(credential: wire.Credential, challenge: Challenge) -> RightPasskey | Wrong:
    """Outside of any unit: whether a passkey was made for this challenge."""
    known = wire.read(credential)
    found = wire.Bad(reason="malformed") if known is None else wire.made(known, challenge)
    return Wrong(reason=found.reason) if isinstance(found, wire.Bad) else RightPasskey(made=found)
