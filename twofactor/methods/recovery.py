"""Recovery codes: ten on a piece of paper, each good once."""

from datetime import datetime, timedelta

from django.contrib.auth.hashers import check_password, make_password
from django.db.models import Q

from accounts.models import User
from core import entropy
from core.options import Snapshot
from twofactor.methods.base import Judged, Method, Right, Wrong
from twofactor.models import Challenge, Factor, FactorKind, RecoveryCode

HOW_MANY = 10
TEMPORARY_FOR = timedelta(hours=1)
LENGTH = 10  # characters of five bits
GROUP = 5
_LOOK_ALIKE = str.maketrans("ILO", "110")


class Recovery(Method):
    """One of the codes that were shown once."""

    kind = FactorKind.RECOVERY
    asks_outside = True  # a hash is dear

    def judge(
        self, given: str, challenge: Challenge, user: User, *, settings: Snapshot, now: datetime
    ) -> Judged:
        """Whether it is an unused code of the person."""
        code = normal(given)
        if len(code) != LENGTH:
            return Wrong()
        for factor in Factor.objects.filter(user=user.pk, kind=self.kind):
            good = Q(expires_at=None) | Q(expires_at__gt=_made_after(user, now=now) + TEMPORARY_FOR)
            rows = factor.codes.filter(good, selector__in=selectors(code, factor), used_at=None)
            for row in rows:
                if check_password(code, row.hash):
                    return Right(used=row.pk)
        return Wrong()

    def use_up(self, right: Right, challenge: Challenge, *, now: datetime) -> bool:
        """Mark the code as used; False when it was meanwhile."""
        return bool(RecoveryCode.objects.filter(pk=right.used, used_at=None).update(used_at=now))


def _made_after(user: User, *, now: datetime) -> datetime:
    """When a temporary code must have been made after: an hour ago; and of an administrator since he is one, for it takes two."""
    return max(now - TEMPORARY_FOR, user.admin_changed_at or now - TEMPORARY_FOR)


def normal(given: str) -> str:
    """The code as it is kept: capitals, without dashes and spaces, look-alikes taken for what is meant."""
    kept = "".join(one for one in given.upper() if one not in " -\u00a0")
    return kept.translate(_LOOK_ALIKE)


def selectors(code: str, factor: Factor) -> list[str]:
    """What its row is found by, under every live key."""
    return [one[:4] for one in entropy.fingerprints(code, purpose=f"recovery:{factor.uid}")]


def temporary(factor: Factor, *, expires_at: datetime) -> tuple[str, RecoveryCode]:
    """One code that ends by itself, to show, and its row; not inside a unit, for a hash is dear."""
    code = entropy.words_code(LENGTH)
    row = RecoveryCode(
        factor=factor, selector=selectors(code, factor)[0], hash=make_password(code), expires_at=expires_at
    )
    return _grouped(code), row


def _grouped(code: str) -> str:
    return f"{code[:GROUP]}-{code[GROUP:]}"


def made(factor: Factor) -> tuple[list[str], list[RecoveryCode]]:
    """Ten new codes to show, and their rows; not inside a unit, for a hash is dear."""
    codes = [entropy.words_code(LENGTH) for _ in range(HOW_MANY)]
    rows = [
        RecoveryCode(factor=factor, selector=selectors(code, factor)[0], hash=make_password(code))
        for code in codes
    ]
    return [_grouped(code) for code in codes], rows
