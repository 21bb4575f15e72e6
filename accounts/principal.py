"""Who a request comes from: a live session, its person and what this person may do; loaded once and cached under the epoch."""

from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from django.db.models import Model, QuerySet

from accounts.models import Session, User
from audit.record import Origin
from core import epoch
from tenants.actor import Actor
from tenants.ids import company_uid
from tenants.models import Company
from tenants.rights import Rights
from tenants.rules import rights_by_user, visible_to, within_reach

AnyModel = TypeVar("AnyModel", bound=Model)


@dataclass(frozen=True, kw_only=True)
class Principal:
    """A signed-in person; shared between requests, so nothing in it is ever changed but when its session was last used."""

    user: User
    session: Session
    rights: Rights
    role_names: tuple[str, ...]

    @property
    def company(self) -> Company | None:
        """The company loaded at sign-in."""
        return self.user.company

    def is_live(self, *, now: datetime) -> bool:
        """Whether the session holds and the person may be signed in."""
        return self.session.is_live(now=now) and self.user.may_sign_in

    @property
    def caller_id(self) -> str:
        """The id under which the API counts and remembers what this person sent."""
        return str(self.user.uid)

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
        return Actor(rights=self.rights, origin=Origin(actor=self.user, address=address))


def rights_of(user: User) -> Rights:
    """What this person may do and see, read now."""
    roles = list(user.roles.values_list("pk", flat=True))
    return rights_by_user([(user.pk, user.company_id)], role_ids={user.pk: roles})[user.pk]


def _principal(session: Session | None) -> Principal | None:
    if session is None or session.ended_at is not None:
        return None
    user = session.user
    roles = list(user.roles.all())
    rights = rights_by_user([(user.pk, user.company_id)], role_ids={user.pk: [role.pk for role in roles]})[
        user.pk
    ]
    return Principal(user=user, session=session, rights=rights, role_names=tuple(role.name for role in roles))


_WITH = ("user", "user__company", "browser")
_by_fingerprint = epoch.Cached[str, Principal | None](
    lambda fingerprint: _principal(
        Session.objects.select_related(*_WITH).filter(fingerprint=fingerprint).first()
    )
)
_by_uid = epoch.Cached[str, Principal | None](
    lambda uid: _principal(Session.objects.select_related(*_WITH).filter(uid=uid).first())
)


def principal_of_cookie(fingerprint: str) -> Principal | None:
    """The person behind a page session; None when it ended or never was."""
    return _by_fingerprint(fingerprint)


def principal_of_session(uid: str) -> Principal | None:
    """The person behind the session that an access token names."""
    return _by_uid(uid)
