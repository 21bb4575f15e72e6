"""Whom a link lets in at the moment that it is opened: asked again, for much may have changed since the mail was sent."""

from accounts.allowed import is_allowed
from accounts.joining import accept, sign_up
from accounts.models import User
from accounts.names import Realm
from accounts.options import SIGN_UP
from core.outcomes import Denied
from login.case import Case
from login.refusals import LINK_USED
from tenants.settings import snapshot


def has_mailbox(user: User) -> bool:
    """Whether mails reach this person, and nobody else."""
    return user.may_sign_in and bool(user.email and user.email_verified_at)


def may_reset(user: User) -> bool:
    """Whether the password of this person is kept here, and a link may replace it."""
    return user.realm == Realm.INTERNAL and has_mailbox(user)


def may_sign_in_by_link(user: User) -> bool:
    """Whether this person may sign in by a mailed link."""
    return may_reset(user) and is_allowed(user.email, snapshot(user.company_id))


def to_reset(case: Case) -> Denied | None:
    """Inside a unit: whose password may be set anew."""
    return None if case.user is not None and may_reset(case.user) else LINK_USED


def to_confirm(case: Case) -> Denied | None:
    """Inside a unit: who confirms by the mailbox, because there is no password."""
    return None if case.user is not None and has_mailbox(case.user) else LINK_USED


def to_go_on(case: Case) -> Denied | None:
    """Inside a unit: whom an integration vouched for a moment ago."""
    key = case.attempt.integration_key
    stands = key is not None and key.integration.is_active
    return None if stands and case.user is not None and case.user.may_sign_in else LINK_USED


def to_sign_in(case: Case) -> Denied | None:
    """Inside a unit: who signs in, joins or signs up. Somebody new gets the account here and not before."""
    attempt, user = case.attempt, case.user
    if user is not None and not may_sign_in_by_link(user):
        return LINK_USED
    if attempt.join_link is None and user is not None:
        return None
    person = _joined(case)
    if isinstance(person, Denied):
        return person
    case.identify(person)
    attempt.version = person.security_version
    case.look_up()
    return None


def _joined(case: Case) -> User | Denied:
    attempt, email = case.attempt, case.typed_name
    if attempt.join_link is not None:
        if not is_allowed(email, snapshot(attempt.join_link.company_id)):
            return LINK_USED
        return accept(
            attempt.join_link,
            email=email,
            display_name=attempt.display_name,
            now=case.now,
            origin=case.origin,
            user=case.user,
        )
    company = attempt.sign_up
    if company is None or not company.is_active:
        return LINK_USED
    settings = snapshot(company.pk)
    if not settings.on(SIGN_UP) or not is_allowed(email, settings):
        return LINK_USED
    return sign_up(company, email=email, display_name=attempt.display_name, now=case.now, origin=case.origin)
