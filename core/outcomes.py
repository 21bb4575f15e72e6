"""An expected refusal is a value: it is returned, written down and shown; it is never raised."""

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


@dataclass(frozen=True, kw_only=True)
class Denied:
    """A refusal: a stable code for programs, a sentence for people, and where it helps the field and the seconds to wait."""

    code: str
    message: str | Promise
    field: str | None = None
    retry_after: int | None = None
    noted: bool = False  # nothing to mend: what was asked for is kept, and waits for somebody else


FORBIDDEN = Denied(code="forbidden", message=_("You may not do this."))
