"""A walk through the steps of a sign-in at one server, for an administrator who wants to know which of them fails, and why."""

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime

from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from configserver.engines.base import Check, Tested, Verified
from configserver.engines.ldap.config import SENTENCES, Address, LdapConfig, address_of, fault_of
from configserver.engines.ldap.entries import groups_of, mapped, verified
from configserver.engines.ldap.names import filled
from configserver.engines.ldap.search import let_service_in, only, search_for
from configserver.engines.ldap.wire import Entry, Line, ServerError
from configserver.engines.ppolicy import Accepted
from configserver.engines.slots import slots
from core import tls
from core.deadline import Deadline


def walk(config: LdapConfig, server: str, *, login: str) -> Tested:
    """What a test of this server found; `login` may be empty. Every step is told, up to the first that fails."""
    config = replace(config, servers=(server,))
    address = address_of(server, start_tls=config.start_tls)
    if (fault := fault_of(config)) is not None or address is None:
        return _not_begun(server, _(SENTENCES[fault]) if fault else "")
    with slots().one() as room:
        if not room:
            return _not_begun(server, _("Too many people are signing in. Try again in a moment."))
        way = _Walk(config, address, login=login)
        way.go()
    return Tested(
        server=server, checks=tuple(way.checks), certificate_expires_at=way.expires_at, found=way.found
    )


def _not_begun(server: str, why: str) -> Tested:
    return Tested(server=server, checks=(Check(step="resolve", ok=False, seen=why),))


class _Walk:
    def __init__(self, config: LdapConfig, address: Address, *, login: str) -> None:
        self.checks: list[Check] = []
        self.expires_at: float | None = None
        self.found: Verified | None = None
        self._config, self._address, self._login = config, address, login
        self._deadline = Deadline.after(config.timeout)
        self._line = Line(config, address)
        self._hosts: tuple[str, ...] = ()
        self._entry: Entry | None = None

    def go(self) -> None:
        """Take one step after the other."""
        with suppress(ServerError):
            self._step("resolve", self._resolve)
            self._step("connect", self._connect)
            self._step("tls", self._secure)
            self._step("bind", self._bind)
            if self._login:
                self._step("search", self._search)
            if self._entry is not None:
                self._step("map", self._map)
        self._line.close()

    def _step(self, step: str, do: Callable[[], str]) -> None:
        began, failure = time.monotonic(), None
        try:
            seen = do()
        except ServerError as failed:
            seen, failure = failed.told(), failed
        took = round(1000 * (time.monotonic() - began))
        self.checks.append(Check(step=step, ok=failure is None, seen=seen, milliseconds=took))
        if failure is not None:
            raise failure

    def _resolve(self) -> str:
        self._hosts = self._line.resolve(self._deadline)
        return ", ".join(self._hosts)

    def _connect(self) -> str:
        host = self._line.connect(self._deadline, hosts=self._hosts)
        return _("%(address)s, port %(port)s") % {"address": host, "port": self._address.port}

    def _secure(self) -> str:
        try:
            self._line.secure(self._deadline)
        except ServerError as failed:
            raise self._with_certificate(failed) from None
        if (seen := self._line.seen()) is None:
            return _("Not encrypted, for the server is on this very machine.")
        self.expires_at = seen.expires_at
        return _("%(version)s, certificate of %(subject)s, valid until %(date)s") % {
            "version": seen.version,
            "subject": seen.subject or ", ".join(seen.names),
            "date": _date(seen.expires_at),
        }

    def _with_certificate(self, failed: ServerError) -> ServerError:
        """The same failure, with what the certificate says where it can be looked at."""
        if failed.flaw in {None, tls.Flaw.ISSUER}:
            return failed
        other = Line(self._config, self._address)
        try:
            other.connect(self._deadline, hosts=self._hosts)
            other.secure(self._deadline, context=tls.lenient_context(self._config.ca_certificates))
            seen = other.seen()
        except ServerError:
            return failed
        finally:
            other.close()
        if seen is None:
            return failed
        self.expires_at = seen.expires_at
        names, host, date = ", ".join(seen.names[:5]), self._address.host, _date(seen.expires_at)
        if failed.flaw is tls.Flaw.NAME:
            sentence = gettext_noop("The certificate is for %(names)s, not for %(host)s.")
            return ServerError("tls", sentence, names=names or seen.subject, host=host)
        if failed.flaw is tls.Flaw.EXPIRED:
            return ServerError(
                "tls",
                gettext_noop("The certificate of %(host)s was valid until %(date)s."),
                host=host,
                date=date,
            )
        return failed

    def _bind(self) -> str:
        if self._config.direct_dn:
            return _("No service account is used: people are let in by their own passwords.")
        let_service_in(self._line, self._config, self._deadline)
        return _("The service account %(dn)s is let in.") % {"dn": self._config.bind_dn}

    def _search(self) -> str:
        if self._config.direct_dn:
            dn = filled(self._config.direct_dn, login=self._login)
            return _("The name stands for %(dn)s. It is read when its owner signs in.") % {"dn": dn}
        found = search_for(self._login, self._config, self._line, self._deadline)
        self._entry = only(found)
        if found.referred:
            raise ServerError(
                "search", gettext_noop("The server refers to another one, which is never asked.")
            )
        if not found.entries:
            raise ServerError("search", gettext_noop("No entry has this name."))
        if self._entry is None:
            raise ServerError(
                "search", gettext_noop("More than one entry has this name, so nobody is let in by it.")
            )
        return _("One entry: %(dn)s") % {"dn": self._entry.dn}

    def _map(self) -> str:
        if self._entry is None:
            return ""
        config, what = self._config, mapped(self._entry, self._config)
        groups = groups_of(
            self._entry.dn, login=self._login, config=config, line=self._line, deadline=self._deadline
        )
        if not what.entry:
            sentence = gettext_noop(
                "The entry has no %(attribute)s, by which its owner is known when the name changes."
            )
            raise ServerError("map", sentence, attribute=config.entry_attribute)
        self.found = verified(what, groups=groups, accepted=Accepted())
        told = [
            _("Name: %(name)s.") % {"name": what.display_name or "–"},
            _("Groups with a role: %(groups)s.") % {"groups": "; ".join(sorted(groups)) or "–"},
        ]
        if config.tenant_attribute:
            told.append(_("Tenant: %(tenant)s.") % {"tenant": what.tenant or "–"})
        return " ".join(told)


def _date(stamp: float) -> str:
    return date_format(datetime.fromtimestamp(stamp, UTC), "DATE_FORMAT")
