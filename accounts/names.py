"""Where people are kept, which of it a name means, and how an address is shown to somebody who may not read it. Pure."""

from enum import StrEnum

from core.contacts import key_of


class Realm(StrEnum):
    """Where a person is kept. The same name in two realms is two people."""

    INTERNAL = "internal"
    EXTERNAL = "external"


def realm_of(name: str, *, chosen: str = "") -> Realm:
    """The one realm that is asked: the chosen one, else internal for a name with @ (in any width) and external for any other."""
    if chosen:
        return Realm(chosen)
    return Realm.INTERNAL if "@" in key_of(name) else Realm.EXTERNAL


def masked_email(address: str) -> str:
    """The address with all but its first letter and its domain hidden."""
    local, _, domain = address.partition("@")
    return f"{local[:1]}•••@{domain}"


def masked_phone(number: str) -> str:
    """The number with all but its first three characters and its last two hidden."""
    return f"{number[:3]}•••{number[-2:]}" if number else ""
