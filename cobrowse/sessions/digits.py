"""The digits that people tell each other: nine name a session, six are its code."""

import re
import secrets

TOKEN_DIGITS, CODE_DIGITS = 9, 6
LONGEST_TYPED = 40
# What people put between groups of digits when they write them down, or copy them from a chat.
_BETWEEN = re.compile(r"[\s.\-–\u00a0\u202f]+")


def drawn(count: int) -> str:
    """So many random digits; the first may be a zero."""
    return str(secrets.randbelow(10**count)).zfill(count)


def typed(text: str) -> str | None:
    """The nine or six digits that somebody typed or pasted, without what stands between them; None for anything else."""
    if len(text) > LONGEST_TYPED:
        return None
    digits = _BETWEEN.sub("", text)
    is_right = digits.isascii() and digits.isdecimal() and len(digits) in {TOKEN_DIGITS, CODE_DIGITS}
    return digits if is_right else None


def grouped(digits: str) -> str:
    """The digits in groups of three, as they are read out."""
    return " ".join(digits[at : at + 3] for at in range(0, len(digits), 3))
