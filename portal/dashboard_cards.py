"""What the dashboard of the administration is made of."""

from dataclasses import dataclass

from django.utils.functional import Promise


@dataclass(frozen=True, kw_only=True)
class Card:
    """One number with its name; `tone` is empty, ok, warning or danger."""

    label: str | Promise
    value: int
    hint: str | Promise = ""
    url: str = ""
    tone: str = ""


@dataclass(frozen=True, kw_only=True)
class Caution:
    """Something that somebody should do something about."""

    sentence: str | Promise
    url: str = ""
    label: str | Promise = ""
