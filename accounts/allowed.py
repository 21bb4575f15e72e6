"""Which addresses may be mailed a link to sign in (setting MagicLink.AllowedAddresses). The only place that knows patterns of others.

RE2 needs time in proportion to the address, whatever the pattern says: one that an administrator wrote must not stop the worker.
"""

from functools import lru_cache

import re2
from django.utils.translation import gettext_lazy as _

from accounts.options import ADDRESSES
from core.options import Snapshot, Value
from core.outcomes import Denied
from tenants.actor import Actor

LARGEST = 1_000_000  # bytes that one pattern may take


@lru_cache(maxsize=256)
def _compiled(pattern: str) -> "re2._Regexp | None":
    options = re2.Options()
    options.case_sensitive = False
    options.log_errors = False
    options.max_mem = LARGEST
    try:
        return re2.compile(pattern, options)
    except re2.error:
        return None


def is_allowed(address: str, settings: Snapshot) -> bool:
    """Whether this address may be mailed a link. A pattern that cannot be read lets nobody."""
    return matches(settings.text(ADDRESSES), address)


def matches(pattern: str, address: str) -> bool:
    """Whether a pattern lets this address; without one every address is let."""
    if not pattern:
        return True
    compiled = _compiled(pattern)
    return compiled is not None and compiled.fullmatch(address) is not None


def refuse_pattern(value: Value, _by: Actor) -> Denied | None:
    """Why this cannot be a pattern."""
    if not value or _compiled(str(value)) is not None:
        return None
    return Denied(
        code="invalid",
        field=ADDRESSES.name,
        message=_("This is no regular expression that can be used here (RE2 syntax)."),
    )
