"""The forms about role packages, and how a file travels from the page that shows its difference to the one that applies it.

It goes along in the page, sealed for the person who looked at it and for an hour, together with what was seen. So the browser can
neither change nor read it, nothing waits on the server to be cleared away, and nobody chooses the file twice: a second choice could
be another file.
"""

import json
import zlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from configserver.spd import LONGEST
from core import crypto
from core.admin_pages import ObjectForm
from core.crypto import Sealed
from core.errors import PortalError

PURPOSE = "configserver.package"
KEPT = timedelta(hours=1)
LONGEST_HELD = 900_000  # of the form that brings it back, which has to stay below a megabyte
TOO_LONG = _(
    "This file is too large to be looked at here. Import it by manage.py import_spd, or over the REST API."
)
NOT_HELD = _("What you looked at is more than an hour old. Choose the file again.")


@dataclass(frozen=True, kw_only=True)
class Held:
    """A file that was looked at, and the difference that was seen."""

    data: bytes
    seen: str


def hold(held: Held, *, person: str, now: datetime) -> str | None:
    """The file as text for a page; None where it would be too long to come back."""
    told = json.dumps({"seen": held.seen, "until": (now + KEPT).isoformat()}).encode()
    packed = zlib.compress(told + b"\n" + held.data, level=9)
    text = crypto.seal(packed, purpose=PURPOSE, uid=person).text
    return text if len(text) <= LONGEST_HELD else None


def release(text: str, *, person: str, now: datetime) -> Held | None:
    """The file that a page brings back; None where it is not one of this person's, or the hour is over."""
    try:
        told, _sep, data = zlib.decompress(
            crypto.unseal(Sealed(text), purpose=PURPOSE, uid=person)
        ).partition(b"\n")
    except PortalError:
        return None
    kept = json.loads(told)
    return Held(data=data, seen=kept["seen"]) if now < datetime.fromisoformat(kept["until"]) else None


class UploadForm(forms.Form):
    """A file to look at."""

    file = forms.FileField(
        label=_("File"),
        widget=forms.FileInput(attrs={"accept": ".xml,application/xml,text/xml"}),
        help_text=_("A Solution Package Definition: XML, at most 1 MB."),
        error_messages={
            "required": _("Choose a file first."),
            "empty": _("This file is empty."),
        },
    )

    def clean_file(self) -> bytes:
        """What is in the file."""
        data: bytes = self.cleaned_data["file"].read(LONGEST + 1)
        return data


class RollBackForm(ObjectForm):
    """The difference that was seen, which the page writes beside its table."""

    seen = forms.CharField(required=False, max_length=64, widget=forms.HiddenInput)

    def clean_seen(self) -> str:
        """The difference that was seen; without one, none was, and nothing is done."""
        seen: Any = self.cleaned_data["seen"]
        return seen or "nothing"
