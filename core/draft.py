"""What can be given for an object, and the refusals that every verb shares."""

from typing import Any

from django.utils.translation import gettext_lazy as _

from core.outcomes import Denied

KEEP: Any = object()  # "leave as it is", where None is a value

NOT_FOUND = Denied(code="not_found", message=_("There is no such object."))


def given(draft: Any) -> dict[str, Any]:
    """The fields of a draft that are not kept."""
    return {name: value for name, value in vars(draft).items() if value is not KEEP}


def line(text: str, *, field: str, longest: int, empty: bool = False) -> str | Denied:
    """One line of printable text, spaces in a row made one; refused when too long, or empty where it may not be."""
    tidy = " ".join("".join(one if one.isprintable() else " " for one in text).split())
    if len(tidy) > longest or not (tidy or empty):
        return Denied(
            code="invalid",
            field=field,
            message=_("Enter one line of at most %(longest)s characters.") % {"longest": longest},
        )
    return tidy
