"""People who come by themselves: by a link, by signing up, or because an integration vouches for them. They have no password."""

from collections.abc import Sequence
from datetime import datetime

from django.contrib.auth.hashers import make_password

from accounts.models import Arrival, User
from audit.events import Event
from audit.record import Origin, record
from core.contacts import key_of
from tenants.models import Company, Role


def make_newcomer(
    email: str,
    *,
    display_name: str,
    company: Company,
    roles: Sequence[Role],
    verified_at: datetime | None,
    came_by: Arrival,
    came_through: str,
    origin: Origin,
    now: datetime,
) -> User | None:
    """Inside a unit: a new account, whose mailbox was proved at `verified_at`; None where somebody has the name."""
    new = User(
        username=email,
        login_key=key_of(email),
        email=email,
        email_verified_at=verified_at,
        password=make_password(None),
        display_name=display_name,
        company=company,
        came_by=came_by,
        came_through=came_through,
    )
    # Of two of one name at once the other one is refused, and no transaction fails.
    User.objects.bulk_create([new], ignore_conflicts=True)
    user = User.objects.select_related("company").filter(uid=new.uid).first()
    if user is None:
        return None
    user.roles.set(roles)
    record(
        Event.USER_CREATED,
        origin=origin,
        at=now,
        company_id=company.pk,
        subject=user,
        roles=[role.name for role in roles],
        came=came_by.value,
        through=came_through,
    )
    return user
