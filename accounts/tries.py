"""What one offered password counts against: the person's counter, the network's, and the lock of the organisation's rules."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from accounts.limits import NETWORK, PASSWORD, browser_key, lockout, strangers_key
from accounts.models import Browser, User
from audit.events import Event
from audit.record import Origin, record
from configserver.passwords import Rules
from core.db import unit
from core.http import network_of
from core.outcomes import Denied
from core.throttle import Limit, Taken, first_refusal, settle, take_all


@dataclass(frozen=True, kw_only=True)
class Tries:
    """One try for a name, made at one moment. `user` is None where nobody, or nobody yet, has the name."""

    user: User | None
    name_key: str
    browser: Browser | None
    origin: Origin
    now: datetime
    rules: Rules

    @property
    def _takes(self) -> list[tuple[Limit, str]]:
        key = strangers_key(self.name_key) if self.browser is None else browser_key(self.browser)
        takes = [(PASSWORD, key)]
        if self.browser is None:
            # People in a browser that they have used before are not held up by others behind the same address.
            takes.append((NETWORK, network_of(self.origin.address)))
        if self.user is not None and (lock := lockout(self.rules)) is not None:
            takes.append((lock, key))
        return takes

    def count(self) -> Sequence[Taken]:
        """Count the try, and say where the limits stand."""
        return take_all(self._takes, now=self.now)

    def refusal_in(self, taken: Sequence[Taken]) -> Denied | None:
        """The refusal that is told, written down. The organisation's own lock is not: it would tell that the account exists."""
        refused = first_refusal([one for one in taken if one.limit.name != "lockout"])
        return None if refused is None else self.refuse(Event.LOGIN_LIMITED, refused)

    def refuse(self, event: Event, denied: Denied, *, reason: str = "") -> Denied:
        """Write the refusal down and give it back."""
        with unit():
            record(
                event,
                origin=self.origin,
                at=self.now,
                company_id=self.user.company_id if self.user else None,
                subject=self.user,
                reason=reason or denied.code,
                **({} if self.user else {"name": self.name_key[:16]}),
            )
        return denied

    def succeed(self) -> None:
        """The password was right: what was counted for the person is forgotten, and the network gets its try back."""
        settle(
            whole=[take for take in self._takes if take[0] is not NETWORK],
            one=[take for take in self._takes if take[0] is NETWORK],
        )

    def give_back(self) -> None:
        """Nobody could say whether the password is right: the try did not count."""
        settle(one=self._takes)
