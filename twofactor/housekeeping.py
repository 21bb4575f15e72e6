"""What codes leave behind, removed when it can no longer matter."""

from datetime import datetime, timedelta

from twofactor.models import Challenge, FirstWord, RecoveryCode
from twofactor.services.lost import keep_waits
from twofactor.services.paper import forget_spent
from twofactor.services.two_persons import WAITS

KEPT = timedelta(days=2)


def prune(*, now: datetime) -> int:
    """Delete codes that expired two days ago, temporary ones that are over, and words that waited in vain; the number of them.

    Waits for a lost factor are looked after as well: those that are over are forgotten, and whose time has come is reminded.
    """
    codes, _by_model = Challenge.objects.filter(expires_at__lt=now - KEPT).delete()
    temporary = forget_spent(RecoveryCode.objects.all(), now=now)
    words, _by_model = FirstWord.objects.filter(at__lte=now - WAITS).delete()
    return codes + temporary + words + keep_waits(now=now)
