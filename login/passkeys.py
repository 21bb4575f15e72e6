"""The step of a passkey: beside a password it is the second proof, and alone it is both."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.utils.translation import gettext_lazy as _

from accounts.checks import rules_of
from accounts.limits import NETWORK
from accounts.models import User
from accounts.proof import is_idle, lock_idle
from audit.events import Event
from audit.record import record
from core.db import unit
from core.http import network_of
from core.outcomes import Denied
from core.throttle import first_refusal, settle, take_all
from login import steps
from login.advance import advance, end
from login.case import Case
from login.flow import Purpose
from login.holding import held
from login.models import Attempt
from twofactor.methods.base import Judged, Wrong
from twofactor.methods.passkey import RightSignature, judged
from twofactor.models import FactorKind
from twofactor.models import Purpose as CodePurpose
from twofactor.services.challenges import CHECKS_USED_UP, LATE, WRONG, conclude, reserve
from twofactor.services.passkeys import put_question

Data = Mapping[str, Any]
NOT_ACCEPTED = Denied(
    code="try_again",
    field="credential",
    message=_("This passkey was not accepted. Try again, or sign in another way."),
)
TOO_LATE = Denied(
    code="code_expired", field="credential", message=_("This took too long. Choose “Try again” and go on.")
)
_IN_OTHER_WORDS = {WRONG.code: NOT_ACCEPTED, LATE.code: TOO_LATE}


def ask(attempt: Attempt, user: User | None, *, now: datetime) -> None:
    """The question of an attempt that begins with a passkey; it stands as long as the attempt, so no other one is asked for."""
    with unit():
        put_question(asked_by=attempt.uid, user=user, now=now, expires_at=attempt.expires_at)


def passkey(case: Case, data: Data) -> Denied | None:
    """The step, whichever of the proofs it is."""
    if not case.proved:
        return _both_proofs(case, data["credential"])
    denied = steps.second_proof(case, data["credential"], remember=bool(data.get("remember")))
    return None if denied is None else _IN_OTHER_WORDS.get(denied.code, denied)


def _both_proofs(case: Case, given: str) -> Denied | None:
    confirming = case.attempt.purpose == Purpose.CONFIRM
    # Who holds a session is not held up by others behind the same address.
    network = [] if confirming else [(NETWORK, network_of(case.client.address))]
    if (refused := first_refusal(take_all(network, now=case.now))) is not None:
        return _limited(case, refused)
    with held(case) as denied:
        reserved = denied or reserve(
            case.user,
            purpose=CodePurpose.SIGN_IN,
            asked_by=case.attempt.uid,
            settings=case.settings,
            origin=case.origin,
            now=case.now,
        )
        if isinstance(reserved, Denied):
            if reserved is CHECKS_USED_UP:
                end(case, reserved.code)
            return _IN_OTHER_WORDS.get(reserved.code, reserved)
    found = _admitted(case, judged(given, reserved, of=case.user, verified=True))
    person = found.factor.user if isinstance(found, RightSignature) else None
    with held(case, person=person) as denied:
        checked = denied or conclude(reserved, found, person or case.user, origin=case.origin, now=case.now)
        if isinstance(checked, Denied):
            if not confirming:
                case.attempt.user = None  # nobody was proved
            return _IN_OTHER_WORDS.get(checked.code, checked)
        case.attempt.passkey_at, case.attempt.method = case.now, FactorKind.PASSKEY.value
        steps.factor_proved(case, kind=FactorKind.PASSKEY, remember=False)
        settle(one=network)
        return advance(case)


def _admitted(case: Case, found: Judged) -> Judged:
    """The same; wrong where its person may not sign in, or not by this alone, which nobody is told apart from an unknown passkey."""
    if not isinstance(found, RightSignature):
        return found
    user = found.factor.user
    if is_idle(user, rules=rules_of(user.company_id), now=case.now) and case.attempt.session is None:
        lock_idle(user, origin=case.origin, now=case.now)
        return Wrong(reason="unused for too long")
    if user.is_external and case.attempt.purpose == Purpose.SIGN_IN:
        return Wrong(reason="kept in a directory")  # which alone says whether he still is let in
    if user.locked_down_at is not None and case.attempt.session is None:
        return Wrong(reason="locked down, and not proved anew")  # the passkey may be the intruder's
    return found if user.may_sign_in else Wrong(reason="may not sign in")


def _limited(case: Case, denied: Denied) -> Denied:
    with unit():
        record(
            Event.LOGIN_LIMITED,
            origin=case.origin,
            at=case.now,
            company_id=case.user.company_id if case.user else None,
            subject=case.user,
            reason=denied.code,
        )
    return denied
