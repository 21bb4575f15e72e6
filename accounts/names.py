"""Names: one spelling of each, so that no two accounts can be taken for each other. Pure."""

import re
import unicodedata
from enum import StrEnum

NAME_LENGTH = 254
_EMAIL = re.compile(
    r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z]{2,63}"
)


class Realm(StrEnum):
    """Where a person is kept. The same name in two realms is two people."""

    INTERNAL = "internal"
    EXTERNAL = "external"


def key_of(name: str) -> str:
    """The form in which names are compared: compatibility forms and case folded, spaces around removed."""
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())
    return folded.strip()[:NAME_LENGTH].rstrip()


def realm_of(name: str, *, chosen: str = "") -> Realm:
    """The one realm that is asked: the chosen one, else internal for a name with @ (in any width) and external for any other."""
    if chosen:
        return Realm(chosen)
    return Realm.INTERNAL if "@" in key_of(name) else Realm.EXTERNAL


def is_email(text: str) -> bool:
    """Whether `text` is an address that we accept. ASCII only: letters of other scripts look alike and would name somebody else."""
    return len(text) <= NAME_LENGTH and _EMAIL.fullmatch(text) is not None and ".." not in text


def masked_email(address: str) -> str:
    """The address with all but its first letter and its domain hidden."""
    local, _, domain = address.partition("@")
    return f"{local[:1]}•••@{domain}"
