"""One function per step. Each returns what it refuses, after writing it down; a step taken is followed by `advance`.

No hash and no network inside a unit: the password is checked first, and what it was checked against is looked at again under the lock.
"""

from collections.abc import Mapping
from functools import partial
from typing import Any

from django.contrib.auth.hashers import make_password
from django.utils.translation import gettext_lazy as _

from accounts.checks import refuse_password, rules_in_words
from accounts.notices import notify, verified_channels
from accounts.people import about, lock_account, store_password
from accounts.proof import CURRENT_WRONG, TRY_AGAIN, prove
from accounts.sessions import end_all
from audit.events import Event
from audit.record import record
from core.contacts import key_of
from core.outcomes import Denied
from core.sealed import NOTHING
from login import external
from login.advance import advance, end, send, system_of, tie_anew
from login.case import LIFE, Case
from login.flow import Help, Purpose
from login.holding import held
from login.refusals import EXPIRED
from twofactor.contacts import take_over
from twofactor.methods import METHODS, kind_of, method_of
from twofactor.methods.base import Again
from twofactor.models import Challenge, FactorKind, RecoveryCode
from twofactor.models import Purpose as CodePurpose
from twofactor.options import AFTER_CHECKS, AFTER_SENDS
from twofactor.services.challenges import (
    ANEW,
    CHECKS_USED_UP,
    ONE_MORE,
    SENDS_USED_UP,
    UNJUDGED,
    WAIT,
    WRONG,
    check_code,
    conclude,
    make_wait,
    newest,
    note_factor_use,
    refuse_while_waiting,
    reserve,
)
from twofactor.services.factors import begin_app, wrong_first_code
from twofactor.services.lost import end_recovery, use_recovery
from twofactor.services.paper import forget_spent
from twofactor.services.provided import kept_form

Data = Mapping[str, Any]
_AFTER = {SENDS_USED_UP.code: AFTER_SENDS, CHECKS_USED_UP.code: AFTER_CHECKS}
_OWN_ADDRESS = _("Only the address or number of your account can be verified here.")
_CHOOSE = _("Choose one of those that are offered.")


def _prove(case: Case, password: str) -> Denied | None:
    return prove(
        case.user,
        password,
        name_key=case.attempt.name_key,
        browser=case.browser,
        origin=case.origin,
        now=case.now,
    )


def password(case: Case, data: Data) -> Denied | None:
    """The first proof."""
    if case.is_external:
        return external.password(case, data)
    denied = _prove(case, data["password"])
    if denied is not None:
        return denied
    case.look_for_provided()
    with held(case) as denied:
        if denied is not None:
            return denied
        case.attempt.password_at, case.attempt.provided = case.now, kept_form(case.provided)
        case.codes = []  # none is sent before the first proof
        record(
            Event.LOGIN_PASSWORD_ACCEPTED,
            origin=case.origin,
            at=case.now,
            company_id=case.person.company_id,
            subject=case.person,
        )
        return advance(case)


def method(case: Case, data: Data) -> Denied | None:
    """The person chooses how to prove it; the code goes to the address kept here, never to one that was sent."""
    with held(case) as denied:
        if denied is not None:
            return denied
        before, case.attempt.method = case.attempt.method, data["method"]
        if (refused := send(case)) is not None:
            case.attempt.method = (
                before  # what is asked for is still answered in the way that was chosen before
            )
        return _or_behave(case, refused)


def resend(case: Case, _data: Data) -> Denied | None:
    """Another code, which alone is good from now on."""
    with held(case) as denied:
        return _or_behave(case, denied or send(case))


def code(case: Case, data: Data) -> Denied | None:
    """The second proof, by a code of whatever kind."""
    return second_proof(case, data["code"], remember=bool(data.get("remember")))


def second_proof(case: Case, given: str, *, remember: bool) -> Denied | None:
    """What the person gave for the second proof. What needs a hash or the network is counted first, and judged outside of a unit."""
    method = method_of(case.attempt.method)
    if not method.asks_outside:
        with held(case) as denied:
            checked = denied or _check(case, given, purpose=CodePurpose.SIGN_IN)
            return _proved_or_not(case, checked, remember=remember)
    with held(case) as denied:
        reserved = denied or _check(case, given, purpose=CodePurpose.SIGN_IN, only_count=True)
        if isinstance(reserved, Denied):
            return _or_behave(case, reserved)
    judged = method.judge(given, reserved, case.person, settings=case.settings, now=case.now)
    with held(case) as denied:
        checked = denied or conclude(reserved, judged, case.person, origin=case.origin, now=case.now)
        # After a wrong answer to a further question, the other side has forgotten it and begins anew.
        begins_anew = checked is WRONG and reserved.state != NOTHING
        if isinstance(checked, Denied) and (checked is UNJUDGED or checked is ONE_MORE or begins_anew):
            case.forget("codes")
            put = send(case, again=judged if isinstance(judged, Again) else None)
            if put is not None:
                return _or_behave(case, put)
            return None if checked is ONE_MORE else ANEW if begins_anew else checked
        return _proved_or_not(case, checked, remember=remember)


def _proved_or_not(case: Case, checked: Challenge | Denied, *, remember: bool) -> Denied | None:
    if isinstance(checked, Denied):
        return _or_behave(case, checked)
    if checked.kind not in {kind_of(one) for one in case.asked.methods}:
        if not use_recovery(case.person, origin=case.origin, now=case.now):
            return EXPIRED
        tie_anew(case)
        case.forget("asked", "recovered_by")
        case.recovered = True
        remember = False
    factor_proved(case, kind=checked.kind, remember=remember)
    return advance(case)


def enrol(case: Case, data: Data) -> Denied | None:
    """Turn a first factor on now: something is sent or shown, and once its code came back it counts."""
    waiting = newest(case.codes, purpose=CodePurpose.CONTACT)
    kind = data.get("kind") or (waiting.kind if waiting is not None else case.enrollable[0])
    if not data.get("code"):
        return _begin_enrolling(case, kind, value=data.get("value", "").strip())
    with held(case) as denied:
        checked = denied or _check(case, data["code"], purpose=CodePurpose.CONTACT)
        if isinstance(checked, Denied):
            return _or_behave(case, _clock_told(case, data["code"], checked))
        refused = take_over(checked, case.person, origin=case.origin, now=case.now)
        if refused is not None:
            return EXPIRED
        tie_anew(case)
        case.forget("asked")  # there is a way now
        case.attempt.method = checked.kind
        factor_proved(case, kind=checked.kind, remember=False)
        return advance(case)


def _begin_enrolling(case: Case, kind: str, *, value: str) -> Denied | None:
    user, factor = case.person, None
    if kind not in case.enrollable:
        return Denied(code="invalid", field="kind", message=_CHOOSE)
    if kind == FactorKind.TOTP:
        begun = begin_app(user, now=case.now)
        if isinstance(begun, Denied):
            return begun
        factor = begun
    elif value and key_of(value) != key_of(METHODS[kind].address(user)):
        return Denied(code="invalid", field="value", message=_OWN_ADDRESS)
    with held(case) as denied:
        refused = denied or send(case, kind=kind, purpose=CodePurpose.CONTACT, factor=factor)
        return _or_behave(case, refused)


def _clock_told(case: Case, code: str, denied: Denied) -> Denied:
    """The refusal; where an app is being set up whose clock is wrong, with how much."""
    waiting = newest(case.codes, purpose=CodePurpose.CONTACT)
    case.forget("codes")  # the check that was just counted is not in them yet
    if denied is not WRONG or waiting is None or waiting.factor is None:
        return denied
    return wrong_first_code(code, waiting.factor, now=case.now)


def change_password(case: Case, data: Data) -> Denied | None:
    """A due change: the current password again (not after a mailed link, where it is forgotten) and a new one."""
    if case.is_external:
        return external.change_password(case, data)
    user = case.person
    if case.attempt.purpose != Purpose.FORGOTTEN:
        denied = _prove(case, data.get("current_password", ""))
        if denied is not None:
            return CURRENT_WRONG if denied is TRY_AGAIN else denied
    denied = refuse_password(
        data["new_password"], company_id=user.company_id, about=about(user), now=case.now, user=user
    )
    if denied is not None:
        return denied
    hashed = make_password(data["new_password"])
    with held(case) as denied:
        if denied is not None:
            return denied
        user = case.person
        store_password(user, hashed, must_change=False, now=case.now)
        record(
            Event.PASSWORD_CHANGED, origin=case.origin, at=case.now, company_id=user.company_id, subject=user
        )
        notify(
            user,
            to=verified_channels(user),
            sentence="password_changed",
            origin=case.origin,
            now=case.now,
        )
        end_all(user, reason="password_changed", origin=case.origin, now=case.now)
        user.refresh_from_db(
            fields=["security_version", "password", "must_change_password", "password_changed_at"]
        )
        case.attempt.version, case.attempt.changed_at = user.security_version, case.now
        return advance(case)


def go_on(case: Case) -> Denied | None:
    """No step of the person's: the rules changed under way, so that nothing more is asked, or nothing more can be proved."""
    with held(case) as denied:
        return denied or advance(case)


def rules_for(case: Case) -> list[str]:
    """The rules that a new password must keep, in words."""
    if case.is_external:
        return external.rules_for(case)
    return rules_in_words(case.person.company_id)


def factor_proved(case: Case, *, kind: str, remember: bool) -> None:
    """Inside a unit: the second proof was given, in this way."""
    user = case.person
    if user.recovery_due_at is not None:
        end_recovery(user, reason="factor_given", origin=case.origin, now=case.now)
    case.attempt.factor_at, case.attempt.remember = case.now, remember
    note_factor_use(user, kind=kind, now=case.now)
    if kind == FactorKind.RECOVERY:
        forget_spent(RecoveryCode.objects.filter(factor__user=user.pk), now=case.now)
    record(
        Event.LOGIN_CODE_ACCEPTED,
        origin=case.origin,
        at=case.now,
        company_id=user.company_id,
        subject=user,
        kind=kind,
    )


def _check(case: Case, code: str, *, purpose: CodePurpose, only_count: bool = False) -> Challenge | Denied:
    user = case.person
    check = reserve if only_count else partial(check_code, code)
    return refuse_while_waiting(user, now=case.now) or check(
        user,
        purpose=purpose,
        asked_by=case.attempt.uid,
        settings=case.settings,
        origin=case.origin,
        now=case.now,
    )


def _or_behave(case: Case, denied: Denied | None) -> Denied | None:
    """The refusal; after one code, or one check, too many, what the settings say shall happen: deny, lock, agent or wait."""
    option = _AFTER.get(denied.code) if denied is not None else None
    if denied is None or option is None:
        return denied
    behaviour, outcome = case.settings.text(option), denied.code
    if behaviour == "wait":
        wait = make_wait(case.person, now=case.now)
        case.attempt.sends_from = case.now
        case.attempt.expires_at = case.now + WAIT + LIFE
        return wait
    if behaviour == "agent" and case.may_be_helped:
        case.attempt.help, case.attempt.help_reason = Help.DUE, outcome
        return None
    if behaviour == "lock":
        lock_account(case.person, reason=outcome, by=system_of(case), now=case.now)
    end(case, "locked" if behaviour == "lock" else outcome)
    return None
