"""Asking for a link to sign in, to join by an invitation, or to sign up: one answer for every address."""

from datetime import datetime
from uuid import UUID

from accounts.joining import read_join_token
from accounts.sessions import Client
from core.contacts import checked_email
from core.draft import line
from core.outcomes import Denied
from login.flow import Purpose
from login.links.mailed import ask
from login.models import Attempt
from login.refusals import INVITATION_GONE
from tenants.models import Company

NAME_LENGTH = 120


def ask_to_sign_in(
    email: str,
    *,
    join: str = "",
    display_name: str = "",
    by_page: bool,
    client: Client,
    now: datetime,
    target: str = "",
) -> tuple[Attempt, str] | Denied:
    """Ask for a link to sign in, or with the token of an invitation to join by it."""
    address = checked_email(email)
    if isinstance(address, Denied):
        return address
    link = read_join_token(join, now=now) if join else None
    if join and link is None:
        return INVITATION_GONE
    name = _name(display_name, address)
    if isinstance(name, Denied):
        return name
    return ask(
        Purpose.LINK,
        address,
        by_page=by_page,
        client=client,
        now=now,
        target=target,
        join_link=link,
        display_name=name if link is not None else "",
    )


def ask_to_sign_up(
    email: str,
    *,
    company: UUID | None = None,
    display_name: str = "",
    by_page: bool,
    client: Client,
    now: datetime,
) -> tuple[Attempt, str] | Denied:
    """Ask to sign up; whoever has an account is mailed a link to sign in. A company that is not there is like one that lets nobody."""
    address = checked_email(email)
    if isinstance(address, Denied):
        return address
    name = _name(display_name, address)
    if isinstance(name, Denied):
        return name
    found = Company.objects.filter(uid=company).first() if company is not None else None
    return ask(
        Purpose.LINK,
        address,
        by_page=by_page,
        client=client,
        now=now,
        signs_up=company is None or found is not None,
        company=found,
        display_name=name,
    )


def _name(given: str, address: str) -> str | Denied:
    """What the person is to be called: what he says, else what stands before the @."""
    if not given.strip():
        return address.partition("@")[0]
    return line(given, field="display_name", longest=NAME_LENGTH)
