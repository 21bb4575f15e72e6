"""Names, addresses and numbers as people type them: one spelling of each, so that no two can be taken for each other."""

import re
import unicodedata

import phonenumbers
from django.utils.translation import gettext_lazy as _

from core.outcomes import Denied

NAME_LENGTH = 254
_EMAIL = re.compile(
    r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z]{2,63}"
)


def key_of(name: str) -> str:
    """The form in which names are compared: compatibility forms and case folded, spaces around removed."""
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())
    return folded.strip()[:NAME_LENGTH].rstrip()


def is_email(text: str) -> bool:
    """Whether `text` is an address that we accept. ASCII only: letters of other scripts look alike and would name somebody else."""
    return len(text) <= NAME_LENGTH and _EMAIL.fullmatch(text) is not None and ".." not in text


def checked_email(text: str) -> str | Denied:
    """The address without spaces around it."""
    email = text.strip()
    if is_email(email):
        return email
    return Denied(
        code="invalid", field="email", message=_("Enter an e-mail address such as ada@example.com.")
    )


def checked_phone(text: str) -> str | Denied:
    """The number in the form of E.164."""
    refused = Denied(
        code="invalid",
        field="phone",
        message=_("Enter the number in international form, such as +49 30 1234567."),
    )
    try:
        parsed = phonenumbers.parse(text[:40], None)
    except phonenumbers.NumberParseException:
        return refused
    if not phonenumbers.is_valid_number(parsed):
        return refused
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)
