"""Custom data of a session: plain values by name, within bounds. Pure."""

import json
from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext_lazy as _

from core.outcomes import Denied

MOST, LONGEST_NAME, LONGEST_VALUE = 50, 100, 500
MOST_BYTES = 4_000  # as they are stored: strangers start sessions, and each is kept a while
BAD_DATA = Denied(
    code="invalid",
    field="custom_data",
    message=_(
        "Custom data are at most 50 names, each with a short text, a number, true, false or null, and four kilobytes in all."
    ),
)


def checked_data(given: Any) -> dict[str, Any] | Denied:
    """Custom data within bounds; a policy matches them, so they are plain values."""
    if not isinstance(given, Mapping) or len(given) > MOST:
        return BAD_DATA
    for name, value in given.items():
        if not isinstance(name, str) or not 0 < len(name) <= LONGEST_NAME or "\0" in name:
            return BAD_DATA
        if not (value is None or isinstance(value, bool | int | float | str)):
            return BAD_DATA
        if isinstance(value, str) and (len(value) > LONGEST_VALUE or "\0" in value):
            return BAD_DATA
        if isinstance(value, int | float) and not isinstance(value, bool) and not abs(value) < 2**53:
            return BAD_DATA
    try:
        json.dumps(given, ensure_ascii=False).encode()
    except UnicodeEncodeError:  # half of a surrogate pair
        return BAD_DATA
    return dict(given) if _fits(given) else BAD_DATA


def _fits(data: Mapping[str, Any]) -> bool:
    return len(json.dumps(data)) <= MOST_BYTES


def merged(held: Mapping[str, Any], given: Any) -> dict[str, Any] | Denied:
    """What is held with what is given put beside it; a name with null is taken away (design/sources, 4.10)."""
    checked = checked_data(given)
    if isinstance(checked, Denied):
        return checked
    found = {name: value for name, value in {**held, **checked}.items() if value is not None}
    return found if len(found) <= MOST and _fits(found) else BAD_DATA
