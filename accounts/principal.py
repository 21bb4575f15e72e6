"""Who a request comes from: a live session, its person and what this person may do; loaded once and cached under the epoch."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

from django.db.models import Model, QuerySet

from accounts.grants import WRITE, bounded, is_bounded, roles_under
from accounts.loaded import permissions_loaded, roles_loaded
from accounts.models import Session, SessionKind, User
from accounts.sessions import idle_lock_due, is_locked_now
from audit.record import Origin
from core import epoch
from core.prepared import Select, Slot
from tenants.actor import Actor
from tenants.granted import known_here
from tenants.ids import company_uid
from tenants.models import Company, Kind, Permission
from tenants.rights import Rights, refuse_impersonation
from tenants.roles import RoleGiven, role_given
from tenants.rules import may_touch, rights_by_user, rights_from, visible_to, within_reach

AnyModel = TypeVar("AnyModel", bound=Model)


@dataclass(frozen=True, kw_only=True)
class Principal:
    """A signed-in person; shared between requests, so nothing in it is ever changed but when its session was last used."""

    user: User
    session: Session
    rights: Rights
    role_names: tuple[str, ...]
    behind: "Principal | None" = None  # the administrator who acts as the person
    memo: dict[str, Any] = field(
        default_factory=dict, compare=False, repr=False
    )  # what was worked out from the rest

    @property
    def company(self) -> Company | None:
        """The company loaded at sign-in."""
        return self.user.company

    @property
    def is_bounded(self) -> bool:
        """Whether this is no full sign-in of the person, but a key or a token with less: it reaches nothing of the person's own account."""
        return is_bounded(self.session)

    @property
    def impersonator(self) -> User | None:
        """The administrator who acts as this person, if one does."""
        return self.behind.user if self.behind is not None else None

    @property
    def reads_only(self) -> bool:
        """Whether nothing may be changed: an administrator acts as the person and only reads."""
        return self.behind is not None and (self.session.grant or {}).get("impersonation") != WRITE

    @property
    def may_see_people(self) -> bool:
        """Whether the pages of the team open for this person."""
        return self.may("view", "user") and not self.is_bounded

    def is_live(self, *, now: datetime) -> bool:
        """Whether the session holds and the person may be signed in."""
        holds = self.session.is_live(now=now) and self.user.may_sign_in
        return holds and (self.behind is None or self.behind.may_act(now=now))

    def may_act(self, *, now: datetime) -> bool:
        """Whether this sign-in may act as somebody else at all: it is live, and its page is not idle."""
        session = self.session
        if idle_lock_due(session, now=now):
            # Another page, or process, may have used it since it was read.
            session.refresh_from_db(fields=["seen_at", "locked_at"])
        return not is_locked_now(session, now=now) and self.is_live(now=now)

    @property
    def caller_id(self) -> str:
        """The id under which the API counts and remembers what this person sent."""
        return str(self.user.uid)

    @property
    def kept_under(self) -> str:
        """The id under which the API keeps answers: a key or token gets none of its person's, who may see more than it."""
        return f"{self.caller_id}/{self.session.uid}" if self.is_bounded else self.caller_id

    def may(self, verb: str, kind: str) -> bool:
        """Whether the verb is allowed on some objects of this kind."""
        return self.rights.may(verb, kind)

    def within_reach(self, model: type[AnyModel]) -> QuerySet[AnyModel]:
        """The objects in the companies that are open to this person, whatever may be done with them."""
        return within_reach(self.rights, model)

    def visible(self, model: type[AnyModel]) -> QuerySet[AnyModel]:
        """The objects that this person may see."""
        return visible_to(self.rights, model)

    def company_uid(self, number: int | None) -> str | None:
        """The id of a company, for rows that keep only its number."""
        return company_uid(number)

    def actor(self, *, address: str) -> Actor:
        """This person as the one who acts, from this network address."""
        origin = Origin(actor=self.user, address=address, impersonator=self.impersonator)
        return Actor(rights=self.rights, origin=origin, sign_in=self.session.uid)


def rights_of(user: User) -> Rights:
    """What this person may do and see, read now; of an external one, what was loaded at the last sign-in."""
    return _rights_of_each([user])[user.pk]


def bounding_rights_of(user: User) -> Rights:
    """What somebody else must have, too, to touch this account: of an external person, what this portal knows."""
    return bounding_rights_of_each([user])[user.pk]


def bounding_rights_of_each(people: Sequence[User]) -> dict[int, Rights]:
    """The same for several at once, by their number."""
    external = {one.pk for one in people if one.is_external}
    rights = _rights_of_each(people)
    return {pk: known_here(one) if pk in external else one for pk, one in rights.items()}


def _rights_of_each(people: Sequence[User]) -> dict[int, Rights]:
    found = {
        one.pk: rights_from(roles_loaded(one), permissions_loaded(one), own=one.company_id)
        for one in people
        if one.is_external
    }
    internal = [(one.pk, one.company_id) for one in people if not one.is_external]
    if internal:
        role_ids: dict[int, list[int]] = {pk: [] for pk, _company in internal}
        held = User.roles.through._default_manager.filter(user__in=role_ids)
        for pk, role in held.order_by("pk").values_list("user", "role"):
            role_ids[pk].append(role)
        found |= rights_by_user(internal, role_ids=role_ids)
    return found


_ROLES = Select(
    lambda: User.roles.through._default_manager.filter(user=Slot("user")).values_list("role_id", flat=True)
)
_PERMISSIONS = Select(lambda: Permission.objects.filter(user=Slot("user")))


def roles_of(user: User) -> list[RoleGiven]:
    """The roles that this person has now, the highest first; what each of them gives, as of the last second."""
    if user.is_external:
        return roles_loaded(user)
    roles = [role for role in map(role_given, _ROLES(user=user.pk)) if role is not None]
    return sorted(roles, key=lambda role: (-role.rank, role.name))


def _principal(session: Session, *, roles: Sequence[RoleGiven]) -> Principal | None:
    user = session.user
    own = permissions_loaded(user) if user.is_external else _PERMISSIONS(user=user.pk)
    full = rights_from(roles, own, own=user.company_id)
    rights = bounded(session, roles=roles, full=full)
    if rights is None:
        return None
    behind = None
    if session.kind == SessionKind.IMPERSONATION:
        behind = _behind(session, full=full)
        if behind is None:
            return None
    names = tuple(role.name for role in roles_under(session.grant, roles))
    return Principal(user=user, session=session, rights=rights, role_names=names, behind=behind)


def _behind(session: Session, *, full: Rights) -> Principal | None:
    """The administrator who acts as this person, while his own sign-in holds and he still may."""
    own = _BY_PK.first(pk=session.through_id)
    behind = _loaded(own)
    if behind is None or behind.is_bounded:
        return None
    user = session.user
    person = known_here(full) if user.is_external else full
    may = may_touch(behind.rights, "impersonate", Kind.USER, company_id=user.company_id)
    return behind if may and refuse_impersonation(behind.rights, person) is None else None


def _loaded(session: Session | None) -> Principal | None:
    if session is None or session.ended_at is not None:
        return None
    return _principal(session, roles=roles_of(session.user))


def holds(session: Session) -> bool:
    """Whether the session still stands for somebody, by the rows as they are now: asks the database, and no cache but that of roles."""
    return _loaded(session) is not None


_WITH = ("user__company", "browser", "integration")
_BY_FINGERPRINT = Select(
    lambda: Session.objects.select_related(*_WITH).filter(fingerprint=Slot("fingerprint"))
)
_BY_PK = Select(lambda: Session.objects.select_related(*_WITH).filter(pk=Slot("pk")))
_BY_UID = Select(lambda: Session.objects.select_related(*_WITH).filter(uid=Slot("uid")))
_by_fingerprint = epoch.Cached[str, Principal | None](
    lambda fingerprint: _loaded(_BY_FINGERPRINT.first(fingerprint=fingerprint))
)
_by_uid = epoch.Cached[str, Principal | None](lambda uid: _loaded(_BY_UID.first(uid=UUID(uid))))


def principal_of_cookie(fingerprint: str) -> Principal | None:
    """The person behind a page session; None when it ended or never was."""
    return _by_fingerprint(fingerprint)


def principal_of_api_key(fingerprint: str) -> Principal | None:
    """The person behind an API key; None when it was revoked or never was. Whether it is in its time is asked at each use."""
    found = _by_fingerprint(fingerprint)
    return found if found is not None and found.session.kind == SessionKind.KEY else None


def principal_at_start(session: Session, *, roles: Sequence[RoleGiven], since: int) -> Principal:
    """The person behind a session that this request began, from rows read since the version was `since`: no request reads them again."""
    principal = _principal(session, roles=roles)
    if principal is None:
        raise LookupError("a session that just began holds")
    _by_uid.keep(str(session.uid), principal, since=since)
    return principal


def principal_of_session(uid: str) -> Principal | None:
    """The person behind the session that an access token names."""
    return _by_uid(uid)
