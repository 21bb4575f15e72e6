"""API keys as requests bring them: made at random, and found again by their fingerprint alone."""

from datetime import datetime

from accounts.models import ApiKey, Session, SessionKind
from accounts.principal import Principal, principal_of_api_key
from core import entropy

PREFIX = "key"
BEGINS = f"gh_{PREFIX}_"
PURPOSE = "api-key"  # apart from sessions, so that no key is the secret of a page, and no cookie a key
LENGTH = len(entropy.token(PREFIX))
HINT = 10  # characters that lists show, to tell keys from each other: three of them are random


def new_secret() -> str:
    """The secret of a new key; beside it only `fingerprint_of` and its first characters are kept."""
    return entropy.token(PREFIX)


def fingerprint_of(secret: str) -> str:
    """What is kept in the place of the secret."""
    return entropy.fingerprint(secret, purpose=PURPOSE)


def is_api_key(text: str) -> bool:
    """Whether a text has the form of a key; any other is asked about nowhere."""
    return text.startswith(BEGINS) and len(text) == LENGTH and text.isascii()


def find_api_key(secret: str) -> ApiKey | None:
    """The row of a key, live or not."""
    if not is_api_key(secret):
        return None
    fingerprints = entropy.fingerprints(secret, purpose=PURPOSE)
    rows = ApiKey.objects.select_related("session__user__company")
    return rows.filter(session__fingerprint__in=fingerprints, session__kind=SessionKind.KEY).first()


def principal_of_key(secret: str, *, now: datetime) -> Principal | None:
    """The person behind a key that holds; None when anything about it is wrong. No statement once the key is known."""
    if not is_api_key(secret):
        return None
    newest, *older = entropy.fingerprints(secret, purpose=PURPOSE)
    principal = principal_of_api_key(newest)
    for fingerprint in older if principal is None else ():
        principal = principal_of_api_key(fingerprint)
        if principal is not None:
            # Kept under the newest root key from now on: a key lives for months, and the older one is to go before that.
            Session.objects.filter(pk=principal.session.pk).update(fingerprint=newest)
            break
    return principal if principal is not None and principal.is_live(now=now) else None
