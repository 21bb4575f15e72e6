"""The verbs on API keys. A key acts as one person within its scopes; it is made by that person, or for the person by whoever may."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from accounts.models import ApiKey, Session, SessionKind, User
from accounts.notices import notify, verified_channels
from accounts.people import SHUT
from accounts.principal import bounding_rights_of
from accounts.rising import refuse_helped
from accounts.sessions import end_sessions, live_sessions, refuse_unconfirmed
from accounts.tokens.api_keys import HINT, fingerprint_of, new_secret
from audit.events import Event
from audit.record import Origin, record
from core.db import unit
from core.draft import NOT_FOUND, line
from core.outcomes import FORBIDDEN, Denied
from tenants.actor import Actor
from tenants.models import Kind
from tenants.rights import APPLICATION, SCOPES, Rights
from tenants.rules import may_touch

MOST = 20  # live keys of one person
MOST_DAYS = 366
NAME_LENGTH = 120
# Nobody proved himself in it. None of the values of `accounts.rising.SECOND`, above all not `swk`: a key in a file is no second factor, so
# it ends when a role comes that newly asks for one.
METHODS = ("key",)

TOO_MANY = Denied(
    code="too_many_keys", message=_("There are twenty live keys already. Revoke one before another is made.")
)
NAME_TAKEN = Denied(
    code="name_taken",
    field="name",
    message=_(
        "There is a live key of this name already. Its secret was shown once and cannot be shown again."
    ),
)
UNKNOWN_SCOPE = Denied(code="invalid", field="scopes", message=_("Choose scopes from the list."))
SPAN = Denied(code="invalid", field="days", message=_("Enter a whole number from 1 to 366."))
CANNOT_SIGN_IN = Denied(
    code="cannot_sign_in", message=_("This person cannot sign in at present, so a key would open nothing.")
)
SESSION_OVER = Denied(code="confirm_first", message=_("Your session has ended. Please sign in again."))
NOT_LIVE = Denied(code="not_live", message=_("This key has ended already."))
STANDS_ABOVE = _("This person may do or see more than you, so you cannot change their keys.")


@dataclass(frozen=True, kw_only=True)
class KeyDraft:
    """What is given for a new key."""

    user: User
    name: str
    scopes: Sequence[str]
    days: int


def _is_own(user: User, by: Actor) -> bool:
    return by.origin.actor is not None and by.origin.actor.uid == user.uid


def _refuse(user: User, *, verb: str, by: Actor) -> Denied | None:
    """Why this actor may not touch the keys of this person: out of reach, or above the actor. One's own are one's own."""
    if by.acts_as(user.uid):
        return SHUT
    if _is_own(user, by):
        return None
    if not may_touch(by.rights, "view", Kind.API_KEY, company_id=user.company_id):
        return NOT_FOUND
    if not may_touch(by.rights, verb, Kind.API_KEY, company_id=user.company_id):
        return FORBIDDEN
    exceeded = by.exceeded_by(bounding_rights_of(user))
    return None if exceeded is None else replace(exceeded, message=STANDS_ABOVE)


def _refuse_scopes(scopes: Sequence[str], *, user: User, by: Actor) -> Denied | None:
    if not set(scopes) <= SCOPES.keys():
        return UNKNOWN_SCOPE
    if _is_own(user, by):
        return None  # bounded at each use by what the person has then
    # Whoever makes the key knows it: also when the person gets more rights later, it gives him none that he did not have.
    privileges = frozenset((APPLICATION, SCOPES[one]) for one in scopes)
    exceeded = by.exceeded_by(Rights(privileges=privileges))
    return None if exceeded is None else replace(exceeded, field="scopes")


def make_key(draft: KeyDraft, *, session: Session, by: Actor, now: datetime) -> ApiKey | Denied:
    """Make a key; `secret` of the answer is to be shown once. `session` is the maker's, who has to have confirmed in it recently."""
    name = line(draft.name, field="name", longest=NAME_LENGTH)
    if isinstance(name, Denied):
        return name
    if not 1 <= draft.days <= MOST_DAYS:
        return SPAN
    refusal = refuse_unconfirmed(session, now=now) or refuse_helped(session)
    if refusal is not None:
        return refusal
    secret = new_secret()
    draft.user.ask_ahead()
    with unit():
        # One key at a time, and nobody is locked, raised or given another password between the question and the answer.
        # And the maker's row, so that none is left over that was made while his account was locked down.
        people = User.objects.select_for_update(of=("self",), no_key=True).select_related("company")
        held = people.filter(pk__in={draft.user.pk, session.user_id}).order_by("pk")
        user = next((one for one in held if one.pk == draft.user.pk), None)
        if user is None:
            return NOT_FOUND
        refusal = _refuse(user, verb="add", by=by) or _refuse_scopes(draft.scopes, user=user, by=by)
        if refusal is None:
            refusal = _refuse_now(user, name=name, session=session, now=now)
        if refusal is not None:
            return refusal
        key = _made(replace(draft, user=user, name=name), secret=secret, maker=session.user, by=by, now=now)
        record(
            Event.API_KEY_CREATED,
            origin=by.origin,
            at=now,
            company_id=user.company_id,
            subject=key,
            person=user.username,
            scopes=list(key.scopes),
            days=draft.days,
        )
        _tell(user, "api_key_made", key, origin=by.origin, now=now)
    key.secret = secret
    return key


def _refuse_now(user: User, *, name: str, session: Session, now: datetime) -> Denied | None:
    """Inside a unit, with the person's row in hand: how things stand."""
    if not Session.objects.filter(pk=session.pk, ended_at=None).exists():
        return SESSION_OVER  # other processes may believe in it for a moment longer
    if not user.may_sign_in:
        return CANNOT_SIGN_IN
    live = ApiKey.objects.filter(session__in=live_sessions(user, now=now))
    if live.filter(name=name).exists():
        return NAME_TAKEN
    return TOO_MANY if live.count() >= MOST else None


def _made(draft: KeyDraft, *, secret: str, maker: User, by: Actor, now: datetime) -> ApiKey:
    grant: dict[str, object] = {"scopes": [one for one in SCOPES if one in draft.scopes]}
    if not _is_own(draft.user, by):
        grant["rank"] = by.rights.rank
    session = Session.objects.create(
        user=draft.user,
        kind=SessionKind.KEY,
        fingerprint=fingerprint_of(secret),
        methods=list(METHODS),
        created_at=now,
        seen_at=now,
        confirmed_at=now,
        expires_at=now + timedelta(days=draft.days),
        address=by.origin.address,
        grant=grant,
    )
    return ApiKey.objects.create(
        session=session, name=draft.name, hint=secret[:HINT], made_by=maker, made_by_name=str(maker)
    )


def rename_key(key: ApiKey, name: str, *, by: Actor, now: datetime) -> ApiKey | Denied:
    """Give a key another name."""
    checked = line(name, field="name", longest=NAME_LENGTH)
    if isinstance(checked, Denied):
        return checked
    user = key.session.user
    with unit():
        User.objects.select_for_update().filter(pk=user.pk).first()
        refusal = _refuse(user, verb="change", by=by)
        if refusal is not None:
            return refusal
        if key.name == checked:
            return key
        others = ApiKey.objects.filter(session__in=live_sessions(user, now=now)).exclude(pk=key.pk)
        if others.filter(name=checked).exists():
            return NAME_TAKEN
        key.name = checked
        key.save(update_fields=["name"])
        record(
            Event.API_KEY_CHANGED,
            origin=by.origin,
            at=now,
            company_id=user.company_id,
            subject=key,
            person=user.username,
        )
    return key


def revoke_key(key: ApiKey, *, by: Actor, now: datetime) -> Denied | None:
    """End a key, everywhere within a second. No confirmation is asked for: whoever lost one must be quick."""
    refusal = _refuse(key.session.user, verb="delete", by=by)
    if refusal is not None:
        return refusal
    if not key.session.is_live(now=now) or not end_key(key, origin=by.origin, now=now):
        return NOT_LIVE
    return None


def made_for_others(maker: User, *, now: datetime) -> QuerySet[ApiKey]:
    """The live keys of other people that this person made, and so has seen."""
    live = ApiKey.objects.filter(Session.live(now=now, path="session__"), made_by=maker)
    return live.exclude(session__user=maker)


def revoke_made_by(maker: User, *, by: Actor, now: datetime) -> dict[str, int]:
    """Inside a unit: end the keys that this person made for others; how many ended, and how many the actor may not touch."""
    # In the order in which sessions end everywhere, so that nobody who ends the same ones waits for this.
    others = made_for_others(maker, now=now).select_related("session__user__company").order_by("session")
    holders = {one.session.user_id: one.session.user for one in others}
    open_to = {pk for pk, holder in holders.items() if _refuse(holder, verb="delete", by=by) is None}
    mine = [one for one in others if one.session.user_id in open_to]
    ended = sum(end_key(one, origin=by.origin, now=now) for one in mine)
    return {"keys_of_others": ended, "keys_left": len(others) - len(mine)}


def end_key(key: ApiKey, *, origin: Origin, now: datetime) -> bool:
    """End a key for whoever may, or holds it; whether it was live. Its person is told, unless he did it himself on a page or by REST."""
    user = key.session.user
    with unit():
        if not end_sessions([key.session], reason="revoked", origin=origin, now=now):
            return False
        record(
            Event.API_KEY_REVOKED,
            origin=origin,
            at=now,
            company_id=user.company_id,
            subject=key,
            person=user.username,
        )
        if origin.actor is None or origin.actor.uid != user.uid:
            _tell(user, "api_key_revoked", key, origin=origin, now=now)
    return True


def _tell(user: User, sentence: str, key: ApiKey, *, origin: Origin, now: datetime) -> None:
    notify(user, to=verified_channels(user), sentence=sentence, origin=origin, now=now, name=key.name)
