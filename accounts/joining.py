"""Joining a company: what the token of a join link must hold, accepting it, and signing up where a company lets everybody.

A link gives no more than its maker could give at the moment of acceptance; so the links of somebody demoted or disabled are dead.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from accounts.arriving import make_newcomer
from accounts.models import Arrival, JoinLink, User
from accounts.names import Realm
from accounts.people import NAME_TAKEN
from accounts.principal import rights_of
from accounts.rising import end_unproved, noting_admin
from accounts.tokens.links import join_described, read_join, sign_described
from audit.events import Event
from audit.record import Origin, record
from core import epoch
from core.contacts import checked_email, key_of
from core.db import unit
from core.draft import line
from core.outcomes import Denied
from delivery.derived import Derived
from tenants.models import Company, Role
from tenants.rights import APPLICATION, exceeds
from tenants.rules import fits, may_touch, rights_given_by, rights_through

LINK_GONE = Denied(
    code="link_unusable",
    message=_("This link cannot be used, or not any more. Ask whoever invited you for a new one."),
)
OTHER_ADDRESS = Denied(
    code="link_unusable", field="email", message=_("This link is for another e-mail address.")
)
OTHER_ACCOUNT = Denied(
    code="link_unusable",
    message=_("The account with this address cannot join by a link. Ask your administrator."),
)
NO_SIGN_UP = Denied(code="denied", message=_("Nobody can sign up here. Ask your administrator."))


def _claims_of(link: JoinLink) -> dict[str, str]:
    claims = {"company": str(link.company.uid), "role": str(link.role.uid)}
    return claims | ({"email": link.email} if link.email else {})


def described(link: JoinLink, *, now: datetime) -> Derived:
    """The token of the link as the outbox keeps it: a description, signed when the mail is sent."""
    return join_described(
        _claims_of(link),
        id=link.uid,
        kid=link.signed_by.kid if link.signed_by else "",
        issued_at=now,
        expires_at=link.expires_at,
    )


def url_of(link: JoinLink, *, now: datetime) -> str:
    """The address of the link, with its token signed anew; whoever has it may join, so it is shown on request and kept nowhere."""
    return f"{settings.PUBLIC_URL}/join/{sign_described(described(link, now=now))}/"


_WITH = ("company", "role", "made_by__company", "signed_by")


def read_join_token(token: str, *, now: datetime) -> JoinLink | None:
    """The open link of a token that says of company, role, address and time just what its row says; None for anything else."""
    said = read_join(token, now=now)
    if said is None:
        return None
    id, claims = said
    link = JoinLink.objects.select_related(*_WITH).filter(uid=id).first()
    return link if link is not None and _says(claims, link) and is_open(link, now=now) else None


def _says(claims: Mapping[str, Any], link: JoinLink) -> bool:
    own = _claims_of(link) | {"exp": int(link.expires_at.timestamp())}
    return all(claims.get(name) == value for name, value in own.items()) and (
        "email" in own or "email" not in claims
    )


def is_open(link: JoinLink, *, now: datetime) -> bool:
    """Whether the link, for itself, can be accepted: not used, revoked or run out, and its company and role are as they were."""
    return link.state(now=now) == "open" and link.company.is_active and fits(link.role, company=link.company)


def refuse_acceptance(link: JoinLink, *, now: datetime) -> Denied | None:
    """Why nobody can join by this link: it is not open, or its maker could not give what it gives any more."""
    maker = link.made_by
    if maker is None or not maker.may_sign_in or not is_open(link, now=now):
        return LINK_GONE
    rights = rights_of(maker)
    if not may_touch(rights, "add", "user", company_id=link.company_id):
        return LINK_GONE
    return LINK_GONE if exceeds(rights, rights_through(link.role, company=link.company)) is not None else None


def accept(
    link: JoinLink, *, email: str, display_name: str, now: datetime, origin: Origin, user: User | None
) -> User | Denied:
    """Join by the link: `email` was just proved, `user` is the account of that address, if there is one.

    Without an account one is made in the company with the role. One of the same company gets the role in addition. Of any number at
    once one succeeds; where it is refused, the link stays as it was.
    """
    address = checked_email(email)
    name = line(display_name, field="display_name", longest=120) if user is None else ""
    if isinstance(address, Denied):
        return address
    if isinstance(name, Denied):
        return name
    with unit():
        # One statement decides who is first, and holds the link for the rest of the unit.
        still = JoinLink.objects.filter(JoinLink.in_state("open", now=now), pk=link.pk)
        if not still.update(used_at=now):
            return LINK_GONE
        joined = _joined(link.pk, email=address, display_name=name, user=user, origin=origin, now=now)
        if isinstance(joined, Denied):
            JoinLink.objects.filter(pk=link.pk).update(used_at=None)
            return joined
        JoinLink.objects.filter(pk=link.pk).update(used_by=joined, used_by_name=joined.username)
        record(
            Event.JOIN_LINK_ACCEPTED,
            origin=origin,
            at=now,
            company_id=link.company_id,
            subject=link,
            person=joined.username,
            role=link.role.name,
            made_by=link.made_by_name,
        )
    link.refresh_from_db(fields=["used_at", "used_by", "used_by_name"])
    return joined


def _joined(
    pk: int, *, email: str, display_name: str, user: User | None, origin: Origin, now: datetime
) -> User | Denied:
    link = JoinLink.objects.select_related("company", "role").get(pk=pk)
    link.used_at = None  # as it was before this unit
    maker, account = _held(link, email=email, user=user)
    link.made_by = maker
    refusal = refuse_acceptance(link, now=now)
    if refusal is None and link.email and key_of(link.email) != key_of(email):
        refusal = OTHER_ADDRESS
    if refusal is not None:
        return refusal
    if account is None and user is None:
        made = make_newcomer(
            email,
            display_name=display_name,
            company=link.company,
            roles=[link.role],
            verified_at=now,
            came_by=Arrival.JOINED,
            came_through=link.made_by_name,
            origin=origin,
            now=now,
        )
        return made or OTHER_ACCOUNT
    # An address that nobody has proved may stand for somebody else, who knows the password.
    if account is None or account != user or not _may_rise(account, link):
        return OTHER_ACCOUNT
    _raise(account, link.role, origin=origin, now=now)
    return account


def _held(link: JoinLink, *, email: str, user: User | None) -> tuple[User | None, User | None]:
    """The maker of the link and the account of the address, or the one that was given, locked in one order against changes under way."""
    of_address = Q(realm=Realm.INTERNAL, login_key=key_of(email))
    rows = User.objects.select_for_update(of=("self",), no_key=True).select_related("company")
    wanted = Q(pk=link.made_by_id) | of_address | Q(pk=user.pk if user is not None else None)
    held = list(rows.filter(wanted).order_by("pk"))
    maker = next((one for one in held if one.pk == link.made_by_id), None)
    key = key_of(email)
    account = next((one for one in held if one.login_key == key and not one.is_external), None)
    return maker, account


def _may_rise(account: User, link: JoinLink) -> bool:
    """Whether the account belongs to the company, and even with the role has no more than the maker of the link."""
    if not account.may_sign_in or account.email_verified_at is None or account.company_id != link.company_id:
        return False
    if link.made_by is None:
        return False
    after = rights_given_by(
        roles=[*account.roles.all(), link.role],
        permissions=list(account.permissions.all()),
        own=account.company_id,
    )
    return exceeds(rights_of(link.made_by), after) is None


def _raise(account: User, role: Role, *, origin: Origin, now: datetime) -> None:
    held = list(account.roles.all())
    if role in held:
        return
    end_unproved(account, given=[*held, role], origin=origin, now=now)
    with noting_admin(account, now=now):
        account.roles.add(role)
    epoch.bump()
    record(
        Event.USER_CHANGED,
        origin=origin,
        at=now,
        company_id=account.company_id,
        subject=account,
        fields=["roles"],
        roles=[one.name for one in (*held, role)],
    )


def lowest_role(company: Company) -> Role | None:
    """What whoever signs up gets: the lowest rank that can be given in this company; of equals its own role, then the oldest.

    A rank says who may give a role and not what it opens, and a new one begins as low as any: of those that open something here, none.
    """
    roles = Role.objects.filter(Q(company=company) | Q(company=None), permissions=None)
    roles = roles.exclude(privileges__application=APPLICATION)
    return roles.order_by("rank", F("company").asc(nulls_last=True), "pk").first()


def sign_up(
    company: Company, *, email: str, display_name: str, now: datetime, origin: Origin
) -> User | Denied:
    """Make an account with the lowest role in a company that lets people sign up; `email` was just proved."""
    address = checked_email(email)
    name = line(display_name, field="display_name", longest=120)
    if isinstance(address, Denied):
        return address
    if isinstance(name, Denied):
        return name
    with unit():
        held = Company.objects.filter(pk=company.pk, is_active=True).first()
        role = lowest_role(held) if held is not None else None
        if held is None or role is None:
            return NO_SIGN_UP
        user = make_newcomer(
            address,
            display_name=name,
            company=held,
            roles=[role],
            verified_at=now,
            came_by=Arrival.SIGNED_UP,
            came_through="",
            origin=origin,
            now=now,
        )
    return user or NAME_TAKEN
