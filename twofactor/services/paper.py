"""Recovery codes as they stand: the ten of a person's paper, and the temporary one that an administrator made."""

from datetime import datetime

from django.db.models import Q, QuerySet

from accounts.models import User
from core.db import unit
from twofactor.models import Factor, RecoveryCode
from twofactor.services.factors import hold, note_kinds


def has_paper(user: User) -> bool:
    """Whether the person has recovery codes at all, used or not, and not only a temporary one."""
    return _codes_of(user).filter(expires_at=None).exists()


def recovery_codes_left(user: User) -> int:
    """How many codes of the person's paper are not used yet."""
    return _codes_of(user).filter(used_at=None, expires_at=None).count()


def temporary_until(user: User, *, now: datetime) -> datetime | None:
    """Until when a temporary code of this person is good; None for none."""
    rows = _codes_of(user).filter(used_at=None, expires_at__gt=now)
    return rows.order_by("-expires_at").values_list("expires_at", flat=True).first()


def newest_temporary(user: User) -> int:
    """The number of the newest temporary code of this person; 0 for none."""
    rows = _codes_of(user).exclude(expires_at=None)
    return rows.order_by("-pk").values_list("pk", flat=True).first() or 0


def forget_spent(codes: QuerySet[RecoveryCode], *, now: datetime) -> int:
    """Delete those of these codes that are temporary and over; whoever had nothing else has no recovery codes then. The number of them."""
    return _forget(codes.filter(Q(expires_at__lte=now) | Q(expires_at__isnull=False, used_at__isnull=False)))


def forget_temporary(user: User) -> int:
    """Delete the temporary codes of this person; the number of them."""
    return _forget(_codes_of(user).exclude(expires_at=None))


def _codes_of(user: User) -> QuerySet[RecoveryCode]:
    return RecoveryCode.objects.filter(factor__user=user.pk)


def _forget(over: QuerySet[RecoveryCode]) -> int:
    papers = set(over.order_by().values_list("factor", flat=True))
    gone, _by_model = over.delete()
    for factor in Factor.objects.filter(pk__in=papers, codes=None).select_related("user"):
        with unit():
            hold(factor.user)
            if Factor.objects.filter(pk=factor.pk, codes=None).delete()[0]:
                note_kinds(factor.user)
    return gone
