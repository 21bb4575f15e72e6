"""Inviting many people at once, each by a link of the person's own; what is wrong with one row keeps no other one back."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q, QuerySet
from django.utils.translation import gettext_lazy as _

from accounts.invite_rows import InviteRow
from accounts.inviting import MOST_HOURS, JoinLinkDraft, make_join_link
from accounts.models import JoinLink
from core.contacts import checked_email, key_of
from core.outcomes import FORBIDDEN, Denied
from tenants.actor import Actor
from tenants.models import Company, Role
from tenants.rules import may_touch, rights_through, visible_to

TWICE = Denied(code="twice", field="email", message=_("This address stands in the list twice."))
NO_ROLE = Denied(
    code="unknown_role",
    field="role",
    message=_("There is no such role here, or it is above your own rank."),
)


@dataclass(frozen=True, kw_only=True)
class Invited:
    """What became of one row."""

    row: InviteRow
    link: JoinLink | None = None
    denied: Denied | None = None


def roles_to_give(company: Company, *, by: Actor) -> list[Role]:
    """The roles that this actor may give to people of this company, the lowest first."""
    roles: QuerySet[Role] = visible_to(by.rights, Role).filter(Q(company=company) | Q(company=None))
    return [
        role
        for role in roles.order_by("rank", "name").prefetch_related("privileges", "permissions")
        if by.exceeded_by(rights_through(role, company=company)) is None
    ]


def invite_many(
    rows: Sequence[InviteRow],
    *,
    company: Company,
    role: Role | None,
    hours: int = MOST_HOURS,
    by: Actor,
    now: datetime,
) -> list[Invited] | Denied:
    """Invite everybody on the list; `role` is that of rows that name none. What became of each row, in their order."""
    if not may_touch(by.rights, "add", "user", company_id=company.pk):
        return FORBIDDEN
    by_name = _by_name(roles_to_give(company, by=by))
    seen: set[str] = set()
    results = []
    for row in rows:
        given = by_name.get(row.role.casefold()) if row.role else role
        address = checked_email(row.email)
        made: JoinLink | Denied
        if isinstance(address, Denied):
            made = address
        elif key_of(address) in seen:
            made = TWICE
        elif given is None:
            made = NO_ROLE
        else:
            draft = JoinLinkDraft(company=company, role=given, email=address, hours=hours, name=row.name)
            made = make_join_link(draft, by=by, now=now)
        seen.add(key_of(row.email))
        denied = made if isinstance(made, Denied) else None
        results.append(Invited(row=row, link=None if isinstance(made, Denied) else made, denied=denied))
    return results


def _by_name(roles: Sequence[Role]) -> dict[str, Role]:
    # Of two of one name the company's own one is meant.
    ordered = sorted(roles, key=lambda role: role.company_id is not None)
    return {role.name.casefold(): role for role in ordered}
