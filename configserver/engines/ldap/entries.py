"""What an entry of a directory means here: who it is, and to which of the groups that the mapping knows it belongs."""

import logging
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from configserver.engines.base import Verified
from configserver.engines.ldap.config import LdapConfig
from configserver.engines.ldap.names import comparable, filled
from configserver.engines.ldap.wire import Entry, Line, cleaned
from configserver.engines.ppolicy import Accepted
from core.deadline import Deadline
from core.text import is_one_line

logger = logging.getLogger(__name__)

# Nested groups: so many steps upwards, in so many searches with so many groups each.
DEEPEST, MOST_SEARCHES, AT_ONCE = 10, 30, 25
MOST_GROUPS = 1000  # of one search

# As much as the account keeps: PostgreSQL refuses more.
LONGEST_NAME = 120
LONGEST_EMAIL = 254  # RFC 5321
LONGEST_PHONE = 20
LONGEST_ID = 255


@dataclass(frozen=True, kw_only=True)
class Mapped:
    """What the mapping takes from an entry."""

    entry: str = ""
    display_name: str = ""
    email: str = ""
    phone: str = ""
    tenant: str | None = None


def attributes_of(config: LdapConfig) -> list[str]:
    """Those that the mapping takes."""
    named = (
        config.entry_attribute,
        config.name_attribute,
        config.email_attribute,
        config.phone_attribute,
        config.tenant_attribute,
    )
    return list(dict.fromkeys(name for name in named if name))


def mapped(entry: Entry, config: LdapConfig) -> Mapped:
    """What this entry says. A name may be cut; what somebody is known or reached by is whole, or left out."""

    def raw(attribute: str) -> bytes:
        return entry.values.get(attribute.lower(), b"")

    return Mapped(
        entry=_stable_id(raw(config.entry_attribute), config.entry_attribute),
        display_name=cleaned(raw(config.name_attribute).decode(errors="replace"), LONGEST_NAME),
        email=whole(raw(config.email_attribute), LONGEST_EMAIL),
        phone=whole(raw(config.phone_attribute), LONGEST_PHONE),
        tenant=whole(raw(config.tenant_attribute), LONGEST_ID) or None,
    )


def whole(raw: bytes, longest: int) -> str:
    """The text of these bytes; empty when it is none, too long, or more than a line: what is cut could be somebody else's."""
    try:
        text = raw.decode().strip()
    except UnicodeDecodeError:
        return ""
    return text if len(text) <= longest and is_one_line(text) else ""


def _stable_id(raw: bytes, attribute: str) -> str:
    if attribute.lower() == "objectguid" and len(raw) == 16:
        return str(uuid.UUID(bytes_le=raw))  # as Active Directory's own tools write it
    # Of bytes that are no text the number is taken: two ids must never become one.
    return whole(raw, LONGEST_ID) or (raw.hex() if 2 * len(raw) <= LONGEST_ID else "")


def groups_of(dn: str, *, login: str, config: LdapConfig, line: Line, deadline: Deadline) -> frozenset[str]:
    """Those of the mapping's groups to which this entry belongs, through other groups too where the configuration says so."""
    known = {comparable(group): group for group in config.groups}
    seen, found = {comparable(dn)}, set[str]()
    members, searches = [dn], 0
    for _step in range(DEEPEST if config.nested else 1):
        above = []
        for some in _batches(members):
            if len(found) == len(known):
                return frozenset(found)
            if searches == MOST_SEARCHES:
                logger.warning("directory %s: more nested groups than are looked at", config.id)
                return frozenset(found)
            searches += 1
            answer = line.search(
                config.group_base or config.base_dn,
                _any_of([filled(config.group_filter, dn=one, login=login) for one in some]),
                most=MOST_GROUPS,
                deadline=deadline,
            )
            if answer.cut:
                logger.warning("directory %s: a person is in more groups than are looked at", config.id)
            for group in answer.entries:
                if (key := comparable(group.dn)) not in seen:
                    seen.add(key)
                    above.append(group.dn)
                    found.update([known[key]] if key in known else [])
        members = above
    return frozenset(found)


def _batches(members: Sequence[str]) -> Iterator[list[str]]:
    rest = iter(members)
    while some := list(islice(rest, AT_ONCE)):
        yield some


def _any_of(filters: Sequence[str]) -> str:
    return filters[0] if len(filters) == 1 else f"(|{''.join(filters)})"


def verified(what: Mapped, *, groups: frozenset[str], accepted: Accepted) -> Verified:
    """The answer for whom the directory knows and whose password is right."""
    return Verified(
        entry=what.entry,
        display_name=what.display_name,
        email=what.email,
        phone=what.phone,
        tenant=what.tenant,
        groups=groups,
        must_change=accepted.must_change,
        grace_left=accepted.grace_left,
        expires_in=accepted.expires_in,
    )
