"""Pure rules about passwords: acceptable, expired, warned about. They know no database and no clock."""

from collections.abc import Container
from dataclasses import dataclass
from datetime import datetime, timedelta

FLOOR_LENGTH = 12  # OWASP ASVS 5.0, 6.2.1 asks for at least eight; ours is higher and always holds
CEILING_LENGTH = 128


@dataclass(frozen=True, kw_only=True)
class Rules:
    """What an organisation asks beyond the floor; the zero of each number switches it off."""

    min_length: int = 0
    alpha: bool = False
    mixed_case: bool = False
    number: bool = False
    punctuation: bool = False
    no_repeats: int = 0
    expiration_days: int = 0
    notify_days: int = 0
    account_expiration_days: int = 0
    lockout_threshold: int = 0
    lockout_minutes_window: int = 0
    lockout_minutes: int = 30
    max_sessions: int = 0

    @property
    def length(self) -> int:
        """The least length in force."""
        return max(FLOOR_LENGTH, self.min_length)

    @property
    def repeats(self) -> int:
        """How many earlier passwords cannot be taken again; the one in force never can."""
        return max(1, self.no_repeats)


NONE = Rules()


@dataclass(frozen=True)
class Broken:
    """One rule that a password breaks: its name, and the number in it."""

    rule: str
    number: int = 0


def broken_rules(
    password: str, rules: Rules, *, common: Container[str], about: tuple[str, ...] = ()
) -> list[Broken]:
    """Every rule that this password breaks; `about` are words of the person that it may not consist of."""
    broken = []
    if len(password) < rules.length:
        broken.append(Broken("min_length", rules.length))
    if len(password) > CEILING_LENGTH:
        broken.append(Broken("max_length", CEILING_LENGTH))
    lowered = password.lower().strip()
    if lowered in common or any(_is_made_of(lowered, word.lower()) for word in about):
        broken.append(Broken("common"))
    if rules.alpha and not any(character.isalpha() for character in password):
        broken.append(Broken("alpha"))
    if rules.mixed_case and (password == password.lower() or password == password.upper()):
        broken.append(Broken("mixed_case"))
    if rules.number and not any(character.isdecimal() for character in password):
        broken.append(Broken("number"))
    if rules.punctuation and all(character.isalnum() or character.isspace() for character in password):
        broken.append(Broken("punctuation"))
    return broken


def _is_made_of(password: str, word: str) -> bool:
    # "ada@acme.example" or "acme2024": the person's own word with at most four other characters.
    return len(word) >= 4 and word in password and len(password) - len(word) <= 4


def asked_for(rules: Rules) -> list[Broken]:
    """The rules that a new password must keep, for showing them before it is typed."""
    asked = [Broken("min_length", rules.length), Broken("common")]
    asked += [
        Broken(name) for name in ("alpha", "mixed_case", "number", "punctuation") if getattr(rules, name)
    ]
    return [*asked, Broken("no_repeats", rules.repeats)]


def is_expired(*, changed_at: datetime | None, rules: Rules, now: datetime) -> bool:
    """Whether the password is older than its expiry; one of unknown age is, once there is an expiry."""
    if not rules.expiration_days:
        return False
    return changed_at is None or now - changed_at >= timedelta(days=rules.expiration_days)


def days_until_expiry(*, changed_at: datetime | None, rules: Rules, now: datetime) -> int | None:
    """Whole days left, when they are few enough to warn about."""
    if not rules.expiration_days or not rules.notify_days or changed_at is None:
        return None
    left = (changed_at + timedelta(days=rules.expiration_days) - now).days
    return left if 0 <= left <= rules.notify_days else None


def is_idle_too_long(*, last_used_at: datetime, rules: Rules, now: datetime) -> bool:
    """Whether an account has been idle for longer than it may."""
    days = rules.account_expiration_days
    return bool(days) and now - last_used_at >= timedelta(days=days)
