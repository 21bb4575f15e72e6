"""Finding the entry of a name, as the service account."""

from django.utils.translation import gettext_noop as _

from configserver.engines.ldap.config import LdapConfig
from configserver.engines.ldap.entries import attributes_of
from configserver.engines.ldap.names import filled
from configserver.engines.ldap.wire import SUCCESS, Entry, Found, Line, ServerError
from core.deadline import Deadline


def let_service_in(line: Line, config: LdapConfig, deadline: Deadline) -> None:
    """Bind as the service account."""
    answer = line.bind(config.bind_dn, config.bind_password, deadline)
    if answer.code != SUCCESS:
        line.close()
        raise ServerError("bind", _("The service account is refused: %(result)s."), result=answer.name)


def search_for(login: str, config: LdapConfig, line: Line, deadline: Deadline) -> Found:
    """The entries that have this name: two are as many as are needed to know that it is not one."""
    return line.search(
        config.base_dn,
        filled(config.user_filter, login=login),
        attributes=attributes_of(config),
        most=2,
        deadline=deadline,
    )


def only(found: Found) -> Entry | None:
    """The one entry that was found, if it is one. One without a DN is none: to bind with it would be an anonymous bind."""
    alone = len(found.entries) == 1 and not found.cut and not found.referred
    return found.entries[0] if alone and found.entries[0].dn else None


def why_nobody(found: Found) -> str:
    """Why it is not one, for the trail."""
    if found.referred:
        return "referral"
    return "ambiguous" if found.entries else "unknown"
