"""The contract of every engine: four answers that are never confused with each other.

A wrong password, a server that is down, and one more question lead to different things; only the first counts towards a lock.
"""

from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, kw_only=True)
class Verified:
    """The password is right, and this is what the engine says of the person now."""

    entry: str = ""  # the stable id of the entry behind the name, where the engine has one (LDAP: entryUUID)
    display_name: str = ""
    email: str = ""
    phone: str = ""
    groups: frozenset[str] = frozenset()  # those of the directory's mapping that the person belongs to
    tenant: str | None = None  # the value that names the tenant; None: the directory says nothing of it
    must_change: bool = False
    grace_left: int | None = None  # sign-ins left with a password that has expired
    expires_in: int | None = None  # seconds until the password expires, where the directory warns of it
    rounds: int = 0  # questions answered beyond the password


@dataclass(frozen=True, kw_only=True)
class Refused:
    """Nobody is let in. `reason` is for the trail alone; `told` is shown to the person, and only after the password proved right."""

    reason: str = "wrong"
    told: str = ""  # "", "expired" or "must_change"


@dataclass(frozen=True, kw_only=True)
class Unreachable:
    """No server said anything that can be trusted. Counts as no failed attempt."""

    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class Challenge:
    """One more question, in the server's own words; `state` goes back with the answer and is kept sealed."""

    prompt: str
    state: str = field(repr=False)
    echo: bool = False  # whether the answer may be seen while it is typed


@dataclass(frozen=True, kw_only=True)
class Changed:
    """The new password is in force."""


@dataclass(frozen=True, kw_only=True)
class NotTaken:
    """The directory does not take the new password; `sentence` is its own reason, in plain text, or empty."""

    sentence: str = ""


Outcome = Verified | Refused | Unreachable | Challenge


@dataclass(frozen=True, kw_only=True)
class Check:
    """One step of a connection test: which one, whether it held, what was seen, and how long it took."""

    step: str  # resolve, connect, tls, bind, search, map; for RADIUS: resolve, answer
    ok: bool
    seen: str = ""  # plain text for an administrator; never a secret
    milliseconds: int = 0


@dataclass(frozen=True, kw_only=True)
class Tested:
    """What a test of one server found, up to the first step that failed."""

    server: str
    checks: tuple[Check, ...]
    certificate_expires_at: float | None = None  # seconds since 1970
    found: Verified | None = (
        None  # what the mapping makes of the entry of `login`, though nobody proved a password
    )

    @property
    def ok(self) -> bool:
        """Whether every step held."""
        return bool(self.checks) and all(check.ok for check in self.checks)


class Engine(Protocol):
    """A directory outside, as the Configuration Server asks it. Every call ends within the directory's own time limit."""

    def verify(self, login: str, password: str) -> Outcome:
        """Whether this is the password of whom the directory knows as `login`."""

    def answer(self, login: str, state: str, answer: str) -> Outcome:
        """What follows on the answer to a question."""

    def decoy(self, login: str) -> Unreachable | Challenge | None:
        """For a name that nobody has: the same calls as `verify` makes, so that neither time nor a dead server tells who exists.

        The question of a server that asks everybody comes back too: only people being asked would tell.
        """

    def change_password(
        self, login: str, current: str, new: str
    ) -> Changed | NotTaken | Refused | Unreachable:
        """Put a new password in the place of the current one, where the directory allows it."""

    def test(self, server: str, *, login: str = "") -> Tested:
        """Walk the steps of a sign-in at one server, with `login` up to what the mapping makes of the entry; no password is checked."""
