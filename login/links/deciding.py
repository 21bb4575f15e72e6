"""Who is mailed a link, decided by the worker: what the request does not know, neither its answer nor its time can tell."""

from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _

from accounts.allowed import is_allowed
from accounts.joining import refuse_acceptance
from accounts.models import User
from accounts.principal import roles_of
from core import sealed
from core.contacts import key_of
from login.links.admitting import has_mailbox, may_reset
from login.links.signing_up import company_for, lets_sign_up
from login.models import Attempt
from tenants.models import Company
from tenants.settings import snapshot
from twofactor.models import FactorKind
from twofactor.services.asked import asked_of
from twofactor.services.provided import known_of


@dataclass(frozen=True, kw_only=True)
class Letter:
    """What is mailed to whom: a link under a sentence, or in its place a notice that there is none."""

    to: str
    subject: str = ""
    sentence: str = ""
    notice: str = ""
    company: Company | None = None  # that somebody new would join


def forgotten(attempt: Attempt, *, now: datetime) -> Letter | str:  # noqa: ARG001 - one of three of one form
    """For a new password: the letter, or why there is none."""
    user = attempt.user
    if user is None or not has_mailbox(user):
        return "nobody"
    if user.is_external:
        return Letter(to=user.email, notice="kept_in_directory")
    if _mailbox_is_factor(user):
        return Letter(to=user.email, notice="mailbox_is_factor")
    return Letter(
        to=user.email,
        subject=_("Set a new password"),
        sentence=_("Somebody, we hope you, asked to set a new password for your account."),
    )


def confirming(attempt: Attempt, *, now: datetime) -> Letter | str:  # noqa: ARG001
    """For whoever has no password and confirms that it is still him."""
    user = attempt.user
    if user is None or not has_mailbox(user):
        return "nobody"
    return Letter(to=user.email, subject=_("Confirm that it is you"))


def magic(attempt: Attempt, *, now: datetime) -> Letter | str:
    """For signing in, joining or signing up."""
    if attempt.user is None:
        return _for_somebody_new(attempt, now=now)
    user = attempt.user
    if not may_reset(user):
        return "nobody"
    if attempt.join_link is not None and user.company_id != attempt.join_link.company_id:
        return Letter(to=user.email, notice="joins_elsewhere")
    if not is_allowed(user.email, snapshot(user.company_id)):
        return "address_not_allowed"
    if not user.has_only_mailbox and _mailbox_is_factor(user):
        return Letter(to=user.email, notice="mailbox_is_factor_of_link")
    return Letter(
        to=user.email,
        subject=_("Your link to sign in"),
        sentence=_("Somebody, we hope you, asked for a link to sign in to your account."),
    )


def _for_somebody_new(attempt: Attempt, *, now: datetime) -> Letter | str:
    address = sealed.unseal(attempt, "name").decode()
    if attempt.join_link is not None:
        link = attempt.join_link
        if refuse_acceptance(link, now=now) is not None:
            return "link_unusable"
        if link.email and key_of(link.email) != key_of(address):
            return "other_address"
        if not is_allowed(address, snapshot(link.company_id)):
            return "address_not_allowed"
        return _welcome(address, link.company)
    if not attempt.signs_up:
        return "nobody"
    company = attempt.sign_up or company_for(address)
    if company is None or not lets_sign_up(address, company):
        return "sign_up_not_allowed"
    attempt.sign_up = company
    return _welcome(address, company)


def _welcome(address: str, company: Company) -> Letter:
    return Letter(
        to=address,
        subject=_("Join %(company)s") % {"company": company.name},
        sentence=_(
            "Somebody, we hope you, asked to join %(company)s with this address. The link makes your account and signs you in."
        )
        % {"company": company.name},
        company=company,
    )


def _mailbox_is_factor(user: User) -> bool:
    # The worker asks no service: one that hangs would hold up the mails of everybody. Whether it knows the person, the link will show.
    provided = known_of(snapshot(user.company_id), user)
    asked = asked_of(user, roles=roles_of(user), provided=provided)
    return asked.needed and not provided.unknown and all(one == FactorKind.EMAIL for one in asked.methods)
