"""Reading everybody of a directory, for an import: page by page, over one connection, as the service account."""

import re
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace

from configserver.engines.ldap.config import SENTENCES, LdapConfig, address_of, fault_of
from configserver.engines.ldap.entries import attributes_of, mapped, whole
from configserver.engines.ldap.search import let_service_in
from configserver.engines.ldap.wire import Entry, Line, ServerError
from core.contacts import NAME_LENGTH
from core.deadline import Deadline

SIZE = 500  # entries of a page
SECONDS = 30.0  # for one page
CHANGED = "modifyTimestamp"  # RFC 4512, 3.4.4; Active Directory answers to it, too
_TIME = re.compile(rb"\d{14}(\.\d+)?Z")  # generalized time, as it goes into the next filter


@dataclass(frozen=True, kw_only=True)
class Read:
    """An entry as it was read."""

    ref: str
    login: str
    display_name: str
    email: str
    phone: str
    changed: str  # generalized time; empty where the server does not tell


def read_everybody(
    config: LdapConfig,
    *,
    login_attribute: str,
    wanted: str,
    since: str = "",
    deadline: Deadline | None = None,
) -> Iterator[list[Read]]:
    """The pages of those whom the filter `wanted` fits, with `since` only who changed from then on. Raises ServerError.

    The first server that answers is read to the end; another one may know another state of things.
    """
    # Whoever binds directly at sign-in searches here all the same.
    if (fault := fault_of(replace(config, direct_dn=""))) is not None:
        raise ServerError("bind", SENTENCES[fault])
    filter_ = f"(&{wanted}({CHANGED}>={since}))" if since else wanted
    attributes = [*attributes_of(config), login_attribute, CHANGED]
    with closing(_first(config)) as line:
        for page in line.pages(
            config.base_dn, filter_, attributes=attributes, size=SIZE, seconds=SECONDS, deadline=deadline
        ):
            yield [_read(entry, config, login_attribute=login_attribute) for entry in page]


def _read(entry: Entry, config: LdapConfig, *, login_attribute: str) -> Read:
    found, changed = mapped(entry, config), entry.values.get(CHANGED.lower(), b"")
    return Read(
        ref=found.entry,
        login=whole(entry.values.get(login_attribute.lower(), b""), NAME_LENGTH),
        display_name=found.display_name,
        email=found.email,
        phone=found.phone,
        changed=changed.decode() if _TIME.fullmatch(changed) else "",
    )


def _first(config: LdapConfig) -> Line:
    """A connection to the first server that lets the service account in."""
    addresses = [one for name in config.servers if (one := address_of(name, start_tls=config.start_tls))]
    for number, address in enumerate(addresses, start=1):
        deadline = Deadline.after(config.timeout)
        try:
            line = Line.opened(config, address, deadline)
            let_service_in(line, config, deadline)
        except ServerError:
            if number == len(addresses):
                raise
        else:
            return line
    raise LookupError("a configuration without a fault names a server")
