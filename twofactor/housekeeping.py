"""What codes leave behind, removed when it can no longer matter."""

from datetime import datetime, timedelta

from django.db.models import Q

from core.db import unit
from twofactor.models import Challenge, Factor, FactorKind, FirstWord, RecoveryCode
from twofactor.services.factors import hold, note_kinds
from twofactor.services.two_persons import WAITS

KEPT = timedelta(days=2)


def prune(*, now: datetime) -> int:
    """Delete codes that expired two days ago, temporary ones that are over, and words that waited in vain; the number of them."""
    codes, _by_model = Challenge.objects.filter(expires_at__lt=now - KEPT).delete()
    over = Q(expires_at__lte=now) | Q(expires_at__isnull=False, used_at__isnull=False)
    temporary, _by_model = RecoveryCode.objects.filter(over).delete()
    words, _by_model = FirstWord.objects.filter(at__lte=now - WAITS).delete()
    for factor in Factor.objects.filter(kind=FactorKind.RECOVERY, codes=None).select_related("user"):
        _take_off(factor)
    return codes + temporary + words


def _take_off(factor: Factor) -> None:
    """There was no paper, only a temporary code."""
    with unit():
        hold(factor.user)
        if Factor.objects.filter(pk=factor.pk, codes=None).delete()[0]:
            note_kinds(factor.user)
