"""Passkeys: what a browser is asked, and how a new one is turned on.

Every question is a row (`Challenge`), and what the browser has to sign is derived from it: good once, in its time, for who asked.
"""

import uuid
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError
from django.utils.translation import gettext_lazy as _

from accounts.models import Session, User
from audit.events import Event
from audit.record import Origin, record
from core.db import unit
from core.outcomes import Denied
from core.prepared import Insert
from core.throttle import Limit, take
from tenants.settings import snapshot
from twofactor.methods import passkey_wire as wire
from twofactor.methods.passkey import RightPasskey, judged_new, of
from twofactor.models import Challenge, Factor, FactorKind, Purpose
from twofactor.services.challenges import WRONG, conclude, reserve
from twofactor.services.factors import TOO_LATE, hold, put_new_in_force, refuse_new

BEGUN = Limit(name="passkey-begin", tries=30, window=timedelta(hours=1))
BEGUN_FOR = timedelta(minutes=10)

UNAVAILABLE = Denied(
    code="passkeys_unavailable",
    message=_(
        "Browsers make passkeys only for an address with a name, and this portal is reached by a number."
    ),
)
NOT_MADE = Denied(
    code="try_again",
    field="credential",
    message=_(
        "This passkey could not be added: it was not made for this portal, or not just now. Try again."
    ),
)
TAKEN = Denied(
    code="passkey_exists",
    field="credential",
    message=_("This passkey is in use already. Make a new one, on another device or key."),
)


def is_possible() -> bool:
    """Whether there can be passkeys for the address of this portal."""
    return wire.is_possible()


def has_passkey(user: User) -> bool:
    """Whether a passkey of this person is in force, as the person's row says it."""
    return f",{FactorKind.PASSKEY}," in user.factor_kinds


def put_question(*, asked_by: uuid.UUID, user: User | None, now: datetime, expires_at: datetime) -> Challenge:
    """Inside a unit: a challenge that stands for the password, too; `user` None: the passkey will tell whose it is."""
    challenge = Challenge(
        user=user,
        purpose=Purpose.SIGN_IN,
        asked_by=asked_by,
        kind=FactorKind.PASSKEY,
        digits=0,
        created_at=now,
        expires_at=expires_at,
    )
    Insert(challenge).now()
    return challenge


def options_of(challenge: Challenge, user: User | None, *, verified: bool) -> dict[str, Any]:
    """What the browser is asked to sign: with any passkey of this person, or with whichever it has for this portal."""
    return wire.request_options(challenge, have=of(user) if user is not None else (), verified=verified)


def begin_passkey(
    user: User, *, asked_by: uuid.UUID, name: str = "", origin: Origin, now: datetime
) -> tuple[Challenge, dict[str, Any]] | Denied:
    """Ask this person's browser, in this session, to make a passkey: the challenge, and the options for the browser."""
    if not is_possible():
        return UNAVAILABLE
    if (denied := refuse_new(user, kind=FactorKind.PASSKEY, name=name)) is not None:
        return denied
    if (denied := take(BEGUN, str(user.uid), now=now)) is not None:
        return denied
    challenge = Challenge(
        user=user,
        purpose=Purpose.CONTACT,
        asked_by=_asker(asked_by),
        kind=FactorKind.PASSKEY,
        digits=0,
        created_at=now,
        expires_at=now + BEGUN_FOR,
    )
    with unit():
        challenge.save()
        _note(Event.LOGIN_CODE_ASKED, user, origin=origin, now=now)
    return challenge, wire.creation_options(challenge, user, have=of(user))


def finish_passkey(
    credential: Mapping[str, Any],
    *,
    user: User,
    asked_by: uuid.UUID,
    session: Session | None = None,
    name: str = "",
    origin: Origin,
    now: datetime,
) -> Factor | Denied:
    """The browser made one for the newest challenge of this session: it counts from now on."""
    if (denied := refuse_new(user, kind=FactorKind.PASSKEY, name=name)) is not None:
        return denied
    with unit():
        reserved = reserve(
            user,
            purpose=Purpose.CONTACT,
            asked_by=_asker(asked_by),
            settings=snapshot(user.company_id),
            origin=origin,
            now=now,
        )
    if isinstance(reserved, Denied):
        return TOO_LATE  # never asked for, too old, used, or tried too often
    judged = judged_new(credential, reserved)
    try:
        with unit():
            if (ended := hold(user, session=session)) is not None:
                return ended
            concluded = conclude(reserved, judged, user, origin=origin, now=now)
            if isinstance(concluded, Denied) or not isinstance(judged, RightPasskey):
                return NOT_MADE if concluded is WRONG else TOO_LATE
            made = judged.made
            factor = Factor(
                user=user,
                kind=FactorKind.PASSKEY,
                name=name.strip(),
                created_at=now,
                confirmed_at=now,
                credential_id=made.credential_id,
                public_key=made.public_key,
                sign_count=made.sign_count,
                transports=made.transports,
                is_backed_up=made.is_backed_up,
            )
            # A second key under the same id would let its holder in as whoever has the first.
            if Factor.objects.filter(credential_id=made.credential_id).exists():
                _note(Event.LOGIN_CODE_REFUSED, user, origin=origin, now=now, reason=TAKEN.code)
                return TAKEN
            return put_new_in_force(factor, origin=origin, now=now) or factor
    except IntegrityError:
        return TAKEN  # by whoever sent it at the same moment


def _note(event: Event, user: User, *, origin: Origin, now: datetime, **more: str) -> None:
    record(
        event,
        origin=origin,
        at=now,
        company_id=user.company_id,
        subject=user,
        kind=str(FactorKind.PASSKEY),
        purpose=str(Purpose.CONTACT),
        **more,
    )


def _asker(session: uuid.UUID) -> uuid.UUID:
    # Beside the codes that the session asked for: a passkey that is begun is none of their sends, nor the newest of them.
    return uuid.uuid5(session, "passkey")
