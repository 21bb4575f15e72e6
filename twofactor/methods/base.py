"""What every method promises: whom it can prove, how it is named, and whether an answer is right."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from django.utils.functional import Promise

from accounts.models import User
from core.options import Snapshot
from twofactor.models import Challenge, FactorKind


@dataclass(frozen=True, kw_only=True)
class Right:
    """The answer proves it; `used` names what it used up."""

    used: int = 0


@dataclass(frozen=True, kw_only=True)
class Wrong:
    """It does not."""

    reason: str = ""  # for the trail, where it tells more than that; no secret


@dataclass(frozen=True, kw_only=True)
class Unavailable:
    """Nobody could judge it: it counts as no check, and another answer is asked for."""

    reason: str  # for the log and the administrator; no secret


@dataclass(frozen=True, kw_only=True)
class Again:
    """The other side asks one more question before it says so."""

    prompt: str
    state: bytes


Judged = Right | Wrong | Unavailable | Again


class Method:
    """One way to prove it. Those that need no hash and no network judge inside the unit that counts the check (`is_right`); the others
    are asked between two units (`judge`), and what they found is put in force in the second one (`use_up`).
    """

    kind: ClassVar[FactorKind]
    amr: ClassVar[str] = "otp"  # RFC 8176
    sends: ClassVar[bool] = False  # something goes to an address of the person
    asks_outside: ClassVar[bool] = False

    def address(self, user: User) -> str:
        """Where a code goes; empty where none is sent."""
        return ""

    def label(self, user: User) -> str | Promise:
        """What tells this way from another one of its kind: an address, masked."""
        return ""

    def is_right(self, given: str, challenge: Challenge, *, now: datetime) -> bool:
        """Inside the unit that counts the check: whether the answer is right, and then it is used up."""
        raise NotImplementedError

    def judge(
        self, given: str, challenge: Challenge, user: User, *, settings: Snapshot, now: datetime
    ) -> Judged:
        """Outside of any unit: what the answer is worth."""
        raise NotImplementedError

    def use_up(self, right: Right, challenge: Challenge, *, now: datetime) -> bool:
        """Inside the unit that follows: put in force what was judged; False where it was used meanwhile."""
        return True
