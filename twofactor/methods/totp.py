"""Authenticator apps: a code that app and portal compute from a seed and the time (RFC 6238)."""

from datetime import datetime

from django.db.models import Q

from core import oath, sealed
from twofactor.methods.base import Method
from twofactor.models import Challenge, Factor, FactorKind, Purpose

WINDOW = 1  # steps to either side of where the app's clock was last seen
MOST_DRIFT = 10  # steps that a clock may wander away from ours, one step at a time
SEARCHED = 40  # steps to either side that are searched while an app is set up, to say that its clock is wrong


class Totp(Method):
    """A code of any of the person's apps; each code once, on whatever node."""

    kind = FactorKind.TOTP

    def is_right(self, given: str, challenge: Challenge, *, now: datetime) -> bool:
        """Whether it is a code of one of the apps, of a step that none was taken of yet."""
        sets_up = challenge.purpose == Purpose.CONTACT
        apps = Q(pk=challenge.factor_id, confirmed_at=None) if sets_up else Q(confirmed_at__isnull=False)
        for app in Factor.objects.filter(apps, user=challenge.user_id, kind=self.kind):
            step = step_of(given, app, now=now)
            if step is not None and _take(app, step, now=now):
                return True
        return False


def step_of(given: str, app: Factor, *, now: datetime, window: int = WINDOW) -> int | None:
    """The time step whose code of this app it is, near where the app's clock was last seen."""
    if not given.isascii() or len(given) != app.digits:
        return None
    middle = oath.step_at(now.timestamp()) + app.drift
    among = range(middle - window, middle + window + 1)
    seed = sealed.unseal(app, "secret")
    return oath.step_of(given, seed, among=among, algorithm=app.algorithm, digits=app.digits)


def minutes_off(given: str, app: Factor, *, now: datetime) -> int | None:
    """How far the clock of an app is away, where the code is one of another time; negative: it is behind."""
    step = step_of(given, app, now=now, window=SEARCHED)
    return None if step is None else round((step - oath.step_at(now.timestamp())) * oath.PERIOD / 60)


def _take(app: Factor, step: int, *, now: datetime) -> bool:
    """Whether this step was still free: of two nodes that take it at once, one gets it."""
    drift = step - oath.step_at(now.timestamp())
    kept = max(-MOST_DRIFT, min(MOST_DRIFT, drift))
    free = Factor.objects.filter(pk=app.pk, last_step__lt=step)
    return bool(free.update(last_step=step, drift=kept, last_used_at=now))
