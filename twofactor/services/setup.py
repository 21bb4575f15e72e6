"""Setting up an authenticator app in a session: begun, shown and confirmed there and in no other one."""

import uuid
from datetime import datetime

from accounts.models import Session
from audit.record import Origin
from core.db import unit
from core.outcomes import Denied
from tenants.settings import snapshot
from twofactor.contacts import take_over
from twofactor.models import Challenge, Factor, FactorKind, Purpose
from twofactor.services.challenges import (
    LATE,
    WRONG,
    check_code,
    checks_left,
    codes_of,
    refuse_while_waiting,
    send_code,
)
from twofactor.services.factors import TOO_LATE, begin_app, hold, is_waiting, wrong_first_code


def _asker(session: Session, factor: Factor) -> uuid.UUID:
    # Of the session and the app together: in another session there is no prompt to answer, and a code that was sent to an address
    # in the same one is not mistaken for a code of the app.
    return uuid.uuid5(session.uid, str(factor.uid))


def begin(
    session: Session, *, algorithm: str, digits: int, name: str, origin: Origin, now: datetime
) -> Factor | Denied:
    """A new app that waits in this session for its first code; one that waited before is forgotten."""
    user = session.user
    with unit():
        factor = begin_app(user, algorithm=algorithm, digits=digits, name=name, now=now)
        if isinstance(factor, Denied):
            return factor
        asked = _ask(session, factor, origin=origin, now=now)
        if isinstance(asked, Denied):
            factor.delete()
            return asked
    return factor


def _ask(session: Session, factor: Factor, *, origin: Origin, now: datetime) -> Challenge | Denied:
    asker = _asker(session, factor)
    return send_code(
        session.user,
        kind=FactorKind.TOTP.value,
        purpose=Purpose.CONTACT,
        asked_by=asker,
        sent=codes_of(asker),
        settings=snapshot(session.user.company_id),
        origin=origin,
        now=now,
        factor=factor,
    )


def waiting(session: Session, uid: uuid.UUID, *, now: datetime) -> Factor | None:
    """The app that waits in this very session for its first code: to nobody else is its seed shown."""
    mine = Factor.objects.select_related("user__company").filter(user=session.user_id, kind=FactorKind.TOTP)
    factor = mine.filter(uid=uid).first()
    if factor is None or not is_waiting(factor, now=now) or not codes_of(_asker(session, factor)):
        return None
    return factor


def waiting_in(session: Session, *, now: datetime) -> Factor | None:
    """The app that waits in this session, if one does."""
    pending = Factor.objects.filter(user=session.user_id, kind=FactorKind.TOTP, confirmed_at=None)
    uid = pending.order_by("-id").values_list("uid", flat=True).first()
    return None if uid is None else waiting(session, uid, now=now)


def tries_left(session: Session, factor: Factor) -> int:
    """How often its first code may still be tried."""
    settings = snapshot(session.user.company_id)
    newest = next(iter(codes_of(_asker(session, factor))), None)
    return 0 if newest is None else checks_left(newest, settings=settings)


def confirm(session: Session, factor: Factor, code: str, *, origin: Origin, now: datetime) -> Factor | Denied:
    """The first code came back: from now on the app counts. Every try is counted."""
    user, settings, asker = factor.user, snapshot(factor.user.company_id), _asker(session, factor)
    if (denied := _prompted_anew(session, factor, origin=origin, now=now)) is not None:
        return denied
    with unit():
        if (denied := hold(user, session=session)) is not None:
            return denied
        refused = refuse_while_waiting(user, now=now)
        checked = refused or check_code(
            code, user, purpose=Purpose.CONTACT, asked_by=asker, settings=settings, origin=origin, now=now
        )
        if checked is WRONG:
            return wrong_first_code(code, factor, now=now)
        if checked is LATE or isinstance(checked, Denied):
            return TOO_LATE if checked is LATE else checked
        return take_over(checked, user, origin=origin, now=now) or factor


def _prompted_anew(session: Session, factor: Factor, *, origin: Origin, now: datetime) -> Denied | None:
    """An app may take longer to find than a code lives: while it waits, a prompt that ran out is put once more."""
    newest = next(iter(codes_of(_asker(session, factor))), None)
    if newest is None or newest.used_at is not None or now < newest.expires_at:
        return None
    if not is_waiting(factor, now=now) or not tries_left(session, factor):
        return None
    with unit():
        asked = _ask(session, factor, origin=origin, now=now)
        return asked if isinstance(asked, Denied) else None
