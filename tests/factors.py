"""People's factors as tests need them: apps whose codes can be computed here, and papers with recovery codes."""

import base64
import hmac
from datetime import datetime

from django.utils import timezone

from accounts.models import User
from audit.record import Origin
from core.db import unit
from delivery.models import Delivery
from twofactor.models import Factor, FactorKind
from twofactor.services.factors import add_factor, begin_app, make_recovery_codes, put_in_force, setup_of


class App:
    """An authenticator app, written anew from RFC 6238 so that it does not agree with ours by sharing a mistake."""

    def __init__(self, secret: str, *, algorithm: str = "SHA1", digits: int = 6) -> None:
        self._seed = base64.b32decode(secret + "=" * (-len(secret) % 8))
        self._algorithm, self._digits = algorithm.lower(), digits

    def code(self, at: datetime | None = None, *, seconds: float = 0) -> str:
        """What it shows now, or so many seconds later."""
        counter = int(((at or timezone.now()).timestamp() + seconds) // 30)
        mac = hmac.digest(self._seed, counter.to_bytes(8), self._algorithm)
        start = mac[-1] & 15
        number = int.from_bytes(mac[start : start + 4]) & 0x7FFFFFFF
        return str(number)[-self._digits :].zfill(self._digits)

    def wrong(self) -> str:
        """A code that it shows neither now nor soon."""
        near = {self.code(seconds=30 * step) for step in range(-30, 31)}
        return next(
            one for one in map(str, range(10 ** (self._digits - 1), 10**self._digits)) if one not in near
        )


def app_of(user: User, *, algorithm: str = "SHA1", digits: int = 6) -> App:
    """A new app of this person, in force."""
    user.refresh_from_db()
    factor = begin_app(user, algorithm=algorithm, digits=digits, now=timezone.now())
    assert isinstance(factor, Factor), factor
    app = App(setup_of(factor, issuer="Gatehouse")["secret"], algorithm=algorithm, digits=digits)
    with unit():
        assert put_in_force(factor, origin=Origin(actor=user), now=timezone.now()) is None
    _without_notice()
    user.refresh_from_db()
    return app


def mailbox_of(user: User) -> None:
    """Codes by e-mail, turned on."""
    user.refresh_from_db()
    added = add_factor(user, kind=FactorKind.EMAIL, origin=Origin(actor=user), now=timezone.now())
    assert isinstance(added, Factor), added
    _without_notice()
    user.refresh_from_db()


def paper_of(user: User) -> list[str]:
    """Ten recovery codes of this person."""
    user.refresh_from_db()
    made = make_recovery_codes(user, origin=Origin(actor=user), now=timezone.now())
    assert isinstance(made, tuple), made
    _without_notice()
    user.refresh_from_db()
    return made[1]


def _without_notice() -> None:
    Delivery.objects.filter(template="notice").delete()
