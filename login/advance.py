"""What happens by itself once a step has succeeded: a single method is chosen, its code sent, a complete sign-in finished."""

from datetime import timedelta

from accounts.models import Browser, SessionKind, User
from accounts.rising import HELPED
from accounts.sessions import Vouched, confirm_session, note_browser, renew_browser, start_session
from accounts.tokens.issue import token_pair
from accounts.vouching import METHOD as VOUCHED
from audit.events import Event
from audit.record import record
from core.outcomes import Denied
from login.case import Case, Finished
from login.flow import Help, Purpose, Step
from login.models import Attempt
from login.refusals import EXPIRED
from tenants.actor import Actor
from tenants.rights import NOTHING
from twofactor.methods import METHODS, address_of, kind_of, method_of
from twofactor.methods.base import Again
from twofactor.models import Factor, FactorKind
from twofactor.models import Purpose as CodePurpose
from twofactor.options import REMEMBER_DAYS, SKIP
from twofactor.services.challenges import refuse_while_waiting, send_code

LINK_METHOD = "mca"  # RFC 8176 has no value for a mailed link; multiple-channel authentication comes nearest


def end(case: Case, outcome: str) -> None:
    """Inside a unit: the attempt is over, and why. Whoever holds its row writes it."""
    case.attempt.ended_at, case.attempt.outcome = case.now, outcome
    if outcome != "done":
        company = case.user.company_id if case.user else None
        record(
            Event.LOGIN_DENIED,
            origin=case.origin,
            at=case.now,
            company_id=company,
            subject=case.user,
            reason=outcome,
        )


def advance(case: Case) -> Denied | None:
    """Inside a unit, after a step was taken: do what needs no answer from the person."""
    step = case.step
    if step is Step.METHOD and len(case.methods) == 1:
        case.attempt.method = case.methods[0]
        return send(case)
    if step is Step.DENIED and case.attempt.ended_at is None:
        by_mailbox = case.attempt.by_link and bool(case.asked.methods)
        helped = case.help == Help.DENIED
        no_way = "unjudged" if case.provided.unknown else "mailbox_is_factor" if by_mailbox else "no_method"
        end(case, "help_denied" if helped else no_way)
    return _finish(case) if step is Step.DONE else None


def send(
    case: Case,
    *,
    kind: str = "",
    purpose: CodePurpose = CodePurpose.SIGN_IN,
    factor: Factor | None = None,
    again: Again | None = None,
) -> Denied | None:
    """Inside a unit: send a code, or put a prompt, for this attempt, if the person need not wait. By default in the way that was chosen."""
    user, way = case.person, kind or case.attempt.method
    refused = refuse_while_waiting(user, now=case.now)
    if refused is not None:
        return refused
    sent = send_code(
        user,
        kind=kind_of(way),
        purpose=purpose,
        asked_by=case.attempt.uid,
        sent=case.codes,
        address=address_of(way, user),
        factor=factor,
        again=again,
        settings=case.settings,
        origin=case.origin,
        now=case.now,
        since=case.attempt.sends_from,
    )
    if isinstance(sent, Denied):
        return sent
    case.sent, case.codes = sent, [sent, *case.codes]
    return None


def system_of(case: Case) -> Actor:
    """The rules of sign-in themselves, acting from where the client is."""
    return Actor(rights=NOTHING, origin=case.origin)


def _methods(case: Case) -> list[str]:
    """How the person proved it, in the words of RFC 8176."""
    attempt = case.attempt
    if attempt.passkey_at:
        return [METHODS[FactorKind.PASSKEY].amr, "mfa"]
    methods = ["pwd"] if attempt.password_at else [LINK_METHOD if attempt.by_link else VOUCHED]
    if not attempt.factor_at:
        return [*methods, HELPED] if case.help == Help.CONFIRMED else methods
    if attempt.by_link and kind_of(attempt.method) == FactorKind.EMAIL:
        return methods  # to confirm by the same mailbox twice proves nothing more
    # A question of the directory, answered, is a one-time password as well; no way was chosen for it.
    return [*methods, method_of(attempt.method).amr if attempt.method else "otp"]


def _vouched(attempt: Attempt) -> Vouched | None:
    if attempt.integration_key is None or attempt.grant is None or attempt.until is None:
        return None
    return Vouched(key=attempt.integration_key, grant=attempt.grant, until=attempt.until)


def _finish(case: Case) -> Denied | None:
    user, attempt, client = case.person, case.attempt, case.client
    if attempt.purpose == Purpose.CONFIRM and attempt.session is not None:
        kept = [one for one in attempt.session.methods if one not in _methods(case)]
        secret = confirm_session(
            attempt.session, methods=[*_methods(case), *kept], client=client, now=case.now
        )
        if secret is None:
            return EXPIRED
        end(case, "done")
        case.finished = Finished(session=attempt.session, secret=secret, browser_token=client.browser_token)
        return None
    browser = note_browser(user, client, known=case.browser, now=case.now) if client.browser_token else None
    started = start_session(
        user,
        kind=SessionKind.PAGE if attempt.by_page else SessionKind.API,
        methods=_methods(case),
        client=client,
        browser=browser,
        now=case.now,
        vouched=_vouched(attempt),
    )
    if started is None:
        return EXPIRED
    end(case, "done")
    if user.locked_down_at is not None and attempt.purpose != Purpose.SSO:
        User.objects.filter(pk=user.pk).update(
            locked_down_at=None
        )  # proved anew, for no passkey alone gets here
    token = client.browser_token
    if browser is not None and attempt.remember and case.settings.text(SKIP) == "device":
        token = _remember(browser, user, case)
    record(
        Event.LOGIN_SUCCEEDED,
        origin=case.origin,
        at=case.now,
        company_id=user.company_id,
        subject=user,
        methods=_methods(case),
    )
    session, secret = started
    tokens = None if attempt.by_page else token_pair(session, now=case.now)
    case.finished = Finished(session=session, secret=secret, browser_token=token, tokens=tokens)
    return None


def _remember(browser: Browser, user: User, case: Case) -> str:
    """Let the browser stand for the factor from now on, under a token that nobody can have planted or copied before."""
    browser.remembered_until = case.now + timedelta(days=case.settings.number(REMEMBER_DAYS))
    browser.remembered_version = user.security_version
    browser.save(update_fields=["remembered_until", "remembered_version"])
    record(
        Event.DEVICE_REMEMBERED,
        origin=case.origin,
        at=case.now,
        company_id=user.company_id,
        subject=user,
        days=case.settings.number(REMEMBER_DAYS),
    )
    return renew_browser(case.client)


def tie_anew(case: Case) -> None:
    """Inside a unit: this very attempt changed what it is tied to, so it is tied to the new state."""
    user = case.person
    user.refresh_from_db(
        fields=[
            "security_version",
            "factor_kinds",
            "email_verified_at",
            "phone_verified_at",
            "password",
            "must_change_password",
            "password_changed_at",
        ]
    )
    case.attempt.version = user.security_version
