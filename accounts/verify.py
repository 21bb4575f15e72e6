"""Whether the password is right: asks the one source that keeps it. One call costs one password hash, whatever the answer."""

from dataclasses import dataclass

from django.contrib.auth.hashers import make_password, verify_password

from accounts.models import User


@dataclass(frozen=True, kw_only=True)
class Verified:
    """The password is right; `outdated` when it should be hashed anew under today's parameters."""

    outdated: bool = False


@dataclass(frozen=True)
class Refused:
    """The password is wrong, or nobody may sign in by it."""


def verify(user: User | None, password: str) -> Verified | Refused:
    """Check the password of this person; with None (nobody, disabled, locked) the same work is done for nothing."""
    if user is None or not user.has_usable_password():
        make_password(password)
        return Refused()
    right, outdated = verify_password(password, user.password)
    return Verified(outdated=outdated) if right else Refused()
