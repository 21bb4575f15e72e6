"""Names, addresses and numbers as people type them: one spelling of each, so that no two can be taken for each other."""

import re
import unicodedata

import phonenumbers
from django.utils.translation import gettext_lazy as _

from core.outcomes import Denied

NAME_LENGTH = 254
_EMAIL = re.compile(
    r"(?!\.)[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}(?<!\.)@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z]{2,63}"
)

_TYPED = re.compile(r"\+[0-9 ()./\-\u00a0\u2010\u2011]{6,38}")
_E164 = re.compile(r"\+[1-9][0-9]{6,14}")
_Type = phonenumbers.PhoneNumberType
_NO_TEXTS = {_Type.PREMIUM_RATE, _Type.SHARED_COST, _Type.TOLL_FREE, _Type.PAGER, _Type.UAN, _Type.VOICEMAIL}


def key_of(name: str) -> str:
    """The form in which names are compared: compatibility forms and case folded, spaces around removed."""
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())
    return folded.strip()[:NAME_LENGTH].rstrip()


def is_email(text: str) -> bool:
    """Whether `text` is an address that we accept. ASCII only: letters of other scripts look alike and would name somebody else."""
    return len(text) <= NAME_LENGTH and _EMAIL.fullmatch(text) is not None and ".." not in text


def mailbox_of(address: str) -> str:
    """The address without what stands behind a +, which most servers put into the same mailbox; for what counts mails."""
    local, at, domain = address.partition("@")
    return f"{local.partition('+')[0] or local}@{domain}" if at else address


def checked_email(text: str) -> str | Denied:
    """The address without spaces around it."""
    email = text.strip()
    if is_email(email):
        return email
    return Denied(
        code="invalid", field="email", message=_("Enter an e-mail address such as ada@example.com.")
    )


def is_phone(text: str) -> bool:
    """Whether `text` is a number in the form of E.164."""
    return _E164.fullmatch(text) is not None


def country_of(number: str) -> str:
    """The country of a number in the form of E.164, as ISO 3166 has it (`DE`); empty for one of no country, such as a satellite phone."""
    parsed = _parsed(number)
    region = phonenumbers.region_code_for_number(parsed) if parsed is not None else None
    return region if region is not None and region.isalpha() else ""


def takes_texts(number: str) -> bool:
    """Whether a number may be one that takes text messages, and none that its owner earns money by."""
    parsed = _parsed(number) if is_phone(number) else None
    return parsed is not None and phonenumbers.number_type(parsed) not in _NO_TEXTS


def checked_phone(text: str) -> str | Denied:
    """The number in the form of E.164."""
    # The library would also find a number among words, and read letters as digits.
    parsed = _parsed(text.strip()) if _TYPED.fullmatch(text.strip()) else None
    if parsed is None:
        return Denied(
            code="invalid",
            field="phone",
            message=_("Enter the number in international form, such as +49 30 1234567."),
        )
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)


def _parsed(text: str) -> phonenumbers.PhoneNumber | None:
    try:
        parsed = phonenumbers.parse(text, None)
    except phonenumbers.NumberParseException:
        return None
    return parsed if phonenumbers.is_valid_number(parsed) else None
