"""The verbs on join links: making, mailing, showing and revoking them. Each is judged by everything that the link would give."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from django.conf import settings
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as __

from accounts.allowed import is_allowed
from accounts.joining import described, is_open, refuse_acceptance, url_of
from accounts.models import JoinLink, SigningKey, User
from accounts.names import Realm
from accounts.people import ROLE_ELSEWHERE
from accounts.tokens.keys import active_key
from audit.events import Event
from audit.record import record
from core import entropy
from core.contacts import checked_email, key_of
from core.db import unit
from core.draft import NOT_FOUND, line
from core.outcomes import FORBIDDEN, Denied
from core.throttle import Limit, first_refusal, take_all_or_none
from delivery.derived import PLACEHOLDER
from delivery.services import cancel, enqueue
from tenants.actor import Actor
from tenants.models import Company, Role
from tenants.rules import fits, may_touch, rights_through
from tenants.settings import snapshot

MOST_HOURS = 72
MOST_OPEN = 200  # of one company
# Whoever may invite could else fill a stranger's mailbox, or have everybody's mails taken for unasked ones.
MAILS_OF_COMPANY = Limit(name="join-company", tries=400, window=timedelta(hours=1))
MAILS_TO_ADDRESS = Limit(name="join-address", tries=5, window=timedelta(hours=24))
MAILED = "join-address"

NO_SUCH_COMPANY = Denied(code="invalid", field="company", message=__("Choose a company that is active."))
BAD_HOURS = Denied(code="invalid", field="hours", message=__("Enter a whole number of hours from 1 to 72."))
ALREADY_MEMBER = Denied(
    code="already_member",
    field="email",
    message=__("Somebody with this address is a member and has this role."),
)
ALREADY_INVITED = Denied(
    code="already_invited",
    field="email",
    message=__("This address is invited already; mail its link again, or revoke it first."),
)
TOO_MANY_OPEN = Denied(
    code="too_many_links",
    message=__("So many links of this company are open that no more can be made. Revoke some first."),
)
NOT_OPEN = Denied(
    code="not_open", message=__("This link was accepted, was revoked or has expired. Make a new one.")
)
NO_ADDRESS = Denied(
    code="no_address",
    message=__("This link is not for one particular address. Copy it and send it yourself."),
)
MAKER_GONE = Denied(
    code="link_unusable",
    message=__(
        "Whoever made this link may not give this role any more, so nobody can use it. Make a new one."
    ),
)
STANDS_ABOVE = __("This link gives more than you may do or see, so it is not yours to use or change.")


ADDRESS_SHUT = Denied(
    code="invalid",
    field="email",
    message=__("The settings let this address get no links (MagicLink.AllowedAddresses)."),
)


@dataclass(frozen=True, kw_only=True)
class JoinLinkDraft:
    """A link to be made: for which company and role, for how many hours, and where it is for one address alone, for which."""

    company: Company | None
    role: Role
    email: str = ""
    hours: int = MOST_HOURS
    name: str = ""  # of whom is invited, for the greeting of the mail


def make_join_link(draft: JoinLinkDraft, *, by: Actor, now: datetime) -> JoinLink | Denied:
    """Make a link, and mail it where it is for one address. It ends on the second, `hours` after it was made."""
    email = checked_email(draft.email) if draft.email.strip() else ""
    name = line(draft.name, field="name", longest=120, empty=True)
    if isinstance(email, Denied):
        return email
    if isinstance(name, Denied):
        return name
    if not 1 <= draft.hours <= MOST_HOURS:
        return BAD_HOURS
    draft = replace(draft, email=email, name=name)
    company, maker = draft.company, by.origin.actor
    if company is None or not may_touch(by.rights, "add", "user", company_id=company.pk):
        return FORBIDDEN
    # A link is as good as who answers for it, so nobody but a person makes one.
    if not isinstance(maker, User):
        return FORBIDDEN
    refusal = refuse_to_give(draft.role, company=company, by=by)
    if refusal is not None:
        return refusal
    with unit():
        # Held, so that two at once do not both make the last link that is left, or two for one address.
        held = Company.objects.select_for_update(no_key=True).filter(pk=company.pk, is_active=True).first()
        refusal = NO_SUCH_COMPANY if held is None else _refuse_new(draft, company=held, now=now)
        # And the maker, so that none is left over that was made while the account was locked down.
        if refusal is None and not _may_still_make(maker):
            refusal = FORBIDDEN
        if refusal is None and email:
            refusal = _refuse_mail(email, company=company, now=now)
        if refusal is not None:
            return refusal
        link = JoinLink.objects.create(
            company=company,
            role=draft.role,
            email=email,
            made_by=maker,
            made_by_name=maker.username,
            signed_by=_signing(now=now),
            created_at=now,
            # To the second, as times in tokens are.
            expires_at=now.replace(microsecond=0) + timedelta(hours=draft.hours),
        )
        _record(Event.JOIN_LINK_MADE, link, by=by, now=now, hours=draft.hours)
        if email:
            _mail(link, name=name, by=by, now=now)
    return link


def _may_still_make(maker: User) -> bool:
    found = User.objects.select_for_update(no_key=True).filter(pk=maker.pk).first()
    return found is not None and found.is_active and found.locked_at is None


def refuse_to_give(role: Role, *, company: Company, by: Actor) -> Denied | None:
    """Why this actor may not give this role to people of this company."""
    if not fits(role, company=company):
        return replace(ROLE_ELSEWHERE, field="role")
    exceeded = by.exceeded_by(rights_through(role, company=company))
    return None if exceeded is None else replace(exceeded, field="role")


def _refuse_new(draft: JoinLinkDraft, *, company: Company, now: datetime) -> Denied | None:
    open_links = JoinLink.objects.filter(JoinLink.in_state("open", now=now), company=company)
    if open_links.count() >= MOST_OPEN:
        return TOO_MANY_OPEN
    if not draft.email:
        return None
    if not is_allowed(draft.email, snapshot(company.pk)):
        return ADDRESS_SHUT
    key = key_of(draft.email)
    # Only of this company: whether somebody has an account elsewhere is none of the inviter's business.
    if User.objects.filter(realm=Realm.INTERNAL, login_key=key, company=company, roles=draft.role).exists():
        return ALREADY_MEMBER
    if any(key_of(one) == key for one in open_links.exclude(email="").values_list("email", flat=True)):
        return ALREADY_INVITED
    return None


def _refuse_mail(email: str, *, company: Company, now: datetime) -> Denied | None:
    address = entropy.fingerprint(f"{company.uid}:{key_of(email)}", purpose=MAILED)
    takes = [(MAILS_TO_ADDRESS, address), (MAILS_OF_COMPANY, str(company.uid))]
    return first_refusal(take_all_or_none(takes, now=now))


def _signing(*, now: datetime) -> SigningKey | None:
    return SigningKey.objects.filter(kid=active_key(now=now).kid).first()


def _mail(link: JoinLink, *, by: Actor, now: datetime, name: str = "") -> None:
    inviter = link.made_by.display_name if link.made_by is not None else ""
    language = translation.get_language() or "en"
    mail = enqueue(
        to=link.email,
        template="join",
        language=language,
        subject=_("You are invited to join %(company)s") % {"company": link.company.name},
        context={
            "display_name": name,
            "inviter": inviter,
            "company": link.company.name,
            "role": link.role.name,
            "until": link.expires_at.isoformat(),
            "url": f"{settings.PUBLIC_URL}/join/{PLACEHOLDER}/",
        },
        secret=described(link, now=now),
        company_id=link.company_id,
        company_uid=link.company.uid,
        now=now,
        expires_at=link.expires_at,
    )
    link.mailed_at, link.delivery_uid = now, mail.uid
    link.save(update_fields=["mailed_at", "delivery_uid"])
    _record(Event.JOIN_LINK_MAILED, link, by=by, now=now, email=link.email)


def refuse_touch_link(link: JoinLink, *, by: Actor) -> Denied | None:
    """Why this actor may not touch this link: out of reach, or it gives more than the actor has."""
    if not may_touch(by.rights, "view", "user", company_id=link.company_id):
        return NOT_FOUND
    if not may_touch(by.rights, "add", "user", company_id=link.company_id):
        return FORBIDDEN
    exceeded = by.exceeded_by(rights_through(link.role, company=link.company))
    return None if exceeded is None else replace(exceeded, message=STANDS_ABOVE)


def _held(link: JoinLink) -> JoinLink | None:
    rows = JoinLink.objects.select_for_update(of=("self",)).select_related(
        "company", "role", "made_by__company"
    )
    return rows.filter(pk=link.pk).first()


def _refuse_use(link: JoinLink, *, by: Actor, now: datetime) -> Denied | None:
    refusal = refuse_touch_link(link, by=by)
    if refusal is None and not is_open(link, now=now):
        return NOT_OPEN
    if refusal is None and refuse_acceptance(link, now=now) is not None:
        return MAKER_GONE
    return refusal


def resend_join_link(link: JoinLink, *, by: Actor, now: datetime) -> JoinLink | Denied:
    """Mail the link again. It ends when it would have ended; a mail that has not left yet is taken back."""
    with unit():
        found = _held(link)
        if found is None:
            return NOT_FOUND
        if (refusal := _refuse_use(found, by=by, now=now)) is not None:
            return refusal
        if not found.email:
            return NO_ADDRESS
        refusal = _refuse_mail(found.email, company=found.company, now=now)
        if refusal is not None:
            return refusal
        if found.delivery_uid is not None:
            cancel(found.delivery_uid)
        _sign_anew(found, now=now)
        _mail(found, by=by, now=now)
    return found


def show_join_link(link: JoinLink, *, by: Actor, now: datetime) -> str | Denied:
    """The address of the link, signed anew; written down, for whoever has it may join."""
    with unit():
        found = _held(link)
        if found is None:
            return NOT_FOUND
        if (refusal := _refuse_use(found, by=by, now=now)) is not None:
            return refusal
        _sign_anew(found, now=now)
        _record(Event.JOIN_LINK_SHOWN, found, by=by, now=now)
    return url_of(found, now=now)


def _sign_anew(link: JoinLink, *, now: datetime) -> None:
    link.signed_by = _signing(now=now)
    link.save(update_fields=["signed_by"])


def revoke_join_link(link: JoinLink, *, by: Actor, now: datetime) -> Denied | None:
    """Nobody joins by the link from this moment on; its mail, if it has not left, is taken back."""
    with unit():
        found = _held(link)
        if found is None:
            return NOT_FOUND
        if (refusal := refuse_touch_link(found, by=by)) is not None:
            return refusal
        if found.state(now=now) != "open":
            return NOT_OPEN
        _revoke(found, by=by, now=now)
    return None


def links_held_of(user: User, *, now: datetime) -> list[JoinLink]:
    """Inside a unit, before the person's row, as whoever joins takes them: the open links that this person made."""
    made = JoinLink.objects.select_for_update(of=("self",)).select_related("role").filter(made_by=user)
    return [one for one in made.order_by("pk") if one.state(now=now) == "open"]


def revoke_held(over: Sequence[JoinLink], *, by: Actor, now: datetime) -> int:
    """Inside a unit: nobody joins any more by these links; the number of them. Who may do so, the caller has asked."""
    for one in over:
        _revoke(one, by=by, now=now)
    return len(over)


def _revoke(link: JoinLink, *, by: Actor, now: datetime) -> None:
    link.revoked_at = now
    link.save(update_fields=["revoked_at"])
    if link.delivery_uid is not None:
        cancel(link.delivery_uid)
    _record(Event.JOIN_LINK_REVOKED, link, by=by, now=now)


def _record(event: Event, link: JoinLink, *, by: Actor, now: datetime, **details: str | int) -> None:
    record(
        event,
        origin=by.origin,
        at=now,
        company_id=link.company_id,
        subject=link,
        role=link.role.name,
        **details,
    )
