"""One connection to one server of a directory. No wait on it lasts beyond the deadline of the call, whatever the server does.

ldap3's own time limits are for one read: a server that drips bytes would hold a thread for ever. So ldap3 gets a socket that gives
every read what is left of the deadline, and that ends an answer which does not end.
"""

import math
import socket
import ssl
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import islice
from typing import Any

import ldap3
from django.utils.translation import gettext
from django.utils.translation import gettext_noop as _
from ldap3.core.exceptions import LDAPCommunicationError, LDAPExceptionError
from ldap3.extend.standard.modifyPassword import ModifyPassword

from configserver.engines.ldap.ber import message_size, refuse_costly
from configserver.engines.ldap.config import Address, LdapConfig, Safety
from configserver.engines.ppolicy import CONTROL, Answer
from core import tls
from core.addresses import addresses_of
from core.deadline import Deadline
from core.text import is_one_line

MOST_BYTES = 500_000  # of one answer; a thousand groups are a fifth of it
MOST_BYTES_OF_A_PAGE = 8_000_000
PAGES = "1.2.840.113556.1.4.319"  # the control of RFC 2696
MOST_VALUES = 64  # attributes of an entry that are looked at
LONGEST_TEXT = 200  # of what a server says in its own words
START_TLS = "1.3.6.1.4.1.1466.20037"  # RFC 4511, 4.14.1
_UNBIND = bytes.fromhex("3008 0204 7fffffff 4200")  # with a number that no request before it has had
_ASK_FOR_POLICY = [(CONTROL, False, None)]

# Result codes (RFC 4511, appendix A.1).
SUCCESS, SIZE_LIMIT, REFERRAL, ADMIN_LIMIT, NO_SUCH_OBJECT, NO_ACCESS, UNWILLING = 0, 4, 10, 11, 32, 50, 53

FLAWS = {
    tls.Flaw.NAME: _("The certificate is not for %(host)s."),
    tls.Flaw.EXPIRED: _("The certificate of %(host)s has expired."),
    tls.Flaw.NOT_YET: _("The certificate of %(host)s is not valid yet."),
    tls.Flaw.ISSUER: _(
        "The certificate of %(host)s is signed by nobody whom this directory’s settings trust."
    ),
}


class ServerError(Exception):
    """This server said nothing that can be trusted: the step at which it failed, and a sentence with what was seen."""

    def __init__(self, step: str, sentence: str, *, flaw: tls.Flaw | None = None, **seen: str) -> None:
        super().__init__(sentence % seen)  # English, for logs
        self.step, self.flaw = step, flaw
        self._sentence, self._seen = sentence, seen

    def told(self) -> str:
        """The sentence in the language of whoever reads it."""
        return gettext(self._sentence) % self._seen


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One entry that was found; names of attributes in small letters, the first value of each."""

    dn: str
    values: dict[str, bytes]


@dataclass(frozen=True, kw_only=True)
class Found:
    """What a search gave; `cut` when there was more than the server or we allow."""

    entries: tuple[Entry, ...]
    cut: bool = False
    referred: bool = False


class _Bounded:
    """The socket that ldap3 reads from and writes to: it gives out whole messages, each of which is bounded, until the deadline."""

    def __init__(self, inner: socket.socket) -> None:
        self.inner = inner
        self._deadline, self._room, self._held = Deadline.after(0), 0, b""
        self.shutdown, self.close = inner.shutdown, inner.close

    def allow(self, deadline: Deadline, *, room: int = MOST_BYTES) -> None:
        """The next operation may last until then, and its answer may have so many bytes."""
        self._deadline, self._room = deadline, room

    def recv(self, size: int) -> bytes:
        while (end := message_size(self._held)) is None or len(self._held) < end:
            if end is not None and end > MOST_BYTES:
                raise OSError("the answer is too long")
            self.inner.settimeout(self._deadline.patience())
            data = self.inner.recv(max(size, 0 if end is None else end - len(self._held)))
            if not data:
                return b""
            self._held += data
        message, self._held = self._held[:end], self._held[end:]
        refuse_costly(message)
        self._room -= len(message)
        if self._room < 0:
            raise OSError("the answer does not end")
        return message

    def sendall(self, data: bytes) -> None:
        rest = memoryview(data)
        while rest:
            self.inner.settimeout(self._deadline.patience())
            rest = rest[self.inner.send(rest) :]

    @property
    def holds(self) -> bool:
        """Whether something has come that nobody asked for."""
        return bool(self._held)


class Line:
    """A connection, which is opened by `connect` and `secure`. Whatever fails on it closes it and raises ServerError."""

    def __init__(self, config: LdapConfig, address: Address) -> None:
        self.address, self.opened_at = address, time.monotonic()
        self._config = config
        self._link: Any = None
        self._safe = False

    @classmethod
    def opened(cls, config: LdapConfig, address: Address, deadline: Deadline) -> "Line":
        """A connection over which a password may be sent."""
        line = cls(config, address)
        line.connect(deadline, hosts=line.resolve(deadline))
        line.secure(deadline)
        return line

    def resolve(self, deadline: Deadline) -> tuple[str, ...]:
        """The IP addresses of the server."""
        within = min(deadline.left, self._config.connect_timeout)
        try:
            found = addresses_of(self.address.host, self.address.port, kind=socket.SOCK_STREAM, within=within)
        except TimeoutError:
            sentence = _("Nobody told the address of %(host)s in time.")
            raise ServerError("resolve", sentence, host=self.address.host) from None
        except OSError:
            raise ServerError(
                "resolve", _("The host %(host)s is not known."), host=self.address.host
            ) from None
        return tuple(dict.fromkeys(one.host for one in found))

    def connect(self, deadline: Deadline, *, hosts: Sequence[str]) -> str:
        """Connect to the first of these addresses that lets us; it is returned."""
        deadline = deadline.within(self._config.connect_timeout)
        refused = False
        for number, host in enumerate(hosts):
            patience = deadline.left / (len(hosts) - number)
            if patience <= 0:
                break
            try:
                link = _opened(host, self.address.port, patience)
            except (LDAPExceptionError, OSError) as error:
                refused = refused or isinstance(error, ConnectionRefusedError)
            else:
                self._link, self._socket = link, _Bounded(link.socket)
                link.socket = self._socket
                return host
        refusal = _("%(host)s takes no connections at port %(port)s.")
        sentence = refusal if refused else _("%(host)s does not answer at port %(port)s.")
        raise ServerError("connect", sentence, host=self.address.host, port=str(self.address.port))

    def secure(self, deadline: Deadline, *, context: ssl.SSLContext | None = None) -> None:
        """Set up TLS, by LDAPS or StartTLS, if either is asked for. Nothing of anybody is sent before it.

        With other rules than the directory's, in `context`, it is for looking at the certificate only: nobody can bind afterwards.
        """
        host = self.address.host
        if self.address.safety is Safety.START_TLS:
            with self._speaking("tls", deadline):
                self._link.extended(START_TLS)
            # Whatever came after the answer came in clear, from anybody.
            if self._link.result["result"] != SUCCESS or self._socket.holds:
                self.close()
                raise ServerError(
                    "tls", _("%(host)s refuses to encrypt the connection (StartTLS)."), host=host
                )
        if self.address.safety is not Safety.NONE:
            try:
                secured = tls.wrapped(
                    self._socket.inner,
                    host=host,
                    context=context or tls.context_of(self._config.ca_certificates),
                    timeout=deadline.patience(),
                )
            except (OSError, ValueError) as error:  # the latter for a name that no certificate can be for
                self.close()
                raise _tls_failure(error, host) from None
            self._socket = self._link.socket = _Bounded(secured)
        self._safe = context is None

    def seen(self) -> tls.Seen | None:
        """What the handshake has shown; None without TLS."""
        inner = self._socket.inner
        return tls.seen_in(inner) if isinstance(inner, ssl.SSLSocket) else None

    def bind(self, dn: str, password: str, deadline: Deadline) -> Answer:
        """Say who we are. An empty name or password is never sent: the bind would be an anonymous one, and succeed."""
        if not (dn and password and self._safe) or self._link.closed:
            # On a connection that was closed ldap3 would open another one, in clear.
            raise ServerError("bind", _("The connection was lost."))
        with self._speaking("bind", deadline):
            self._link.user, self._link.password = dn, password.encode()
            self._link.fast_decoder = False  # the fast one stumbles over a referral in the answer to a bind
            try:
                self._link.bind(read_server_info=False, controls=_ASK_FOR_POLICY)
            finally:
                self._link.password = self._link.request = None
                self._link.fast_decoder = True
            return _answer(self._link.result)

    def search(
        self, base: str, wanted: str, *, attributes: Sequence[str] = (), most: int, deadline: Deadline
    ) -> Found:
        """The entries below `base` that the filter `wanted` fits. References to other servers are left out."""
        result, entries = self._search(
            deadline, base, wanted, ldap3.SUBTREE, attributes=list(attributes), size_limit=most
        )
        if (code := result["result"]) not in {SUCCESS, SIZE_LIMIT, ADMIN_LIMIT, REFERRAL}:
            self.close()
            if code == NO_SUCH_OBJECT:
                raise ServerError("search", _("There is no %(base)s to search in."), base=base)
            raise ServerError(
                "search", _("The search was refused: %(result)s."), result=result["description"]
            )
        return Found(entries=entries, cut=code in {SIZE_LIMIT, ADMIN_LIMIT}, referred=code == REFERRAL)

    def pages(
        self,
        base: str,
        wanted: str,
        *,
        attributes: Sequence[str],
        size: int,
        seconds: float,
        deadline: Deadline | None,
    ) -> Iterator[tuple[Entry, ...]]:
        """All entries below `base` that the filter fits, in pages (RFC 2696), each of which has to come within these seconds.

        Without a `deadline` all together may take any time.
        """
        cookie: bytes | None = None
        while cookie != b"":
            result, entries = self._search(
                Deadline.after(seconds) if deadline is None else deadline.within(seconds),
                base,
                wanted,
                ldap3.SUBTREE,
                room=MOST_BYTES_OF_A_PAGE,
                attributes=list(attributes),
                paged_size=size,
                paged_cookie=cookie,
            )
            if result["result"] != SUCCESS:
                self.close()
                refused = _("The search was refused: %(result)s.")
                if result["result"] in {SIZE_LIMIT, ADMIN_LIMIT}:
                    refused = _(
                        "The service account gets no more entries (%(result)s): the server limits what it may read."
                    )
                raise ServerError("search", refused, result=result["description"])
            control = (result.get("controls") or {}).get(PAGES) or {}
            if cookie and not control:
                # Not the last page, but one of which nobody knows what follows it.
                self.close()
                raise ServerError(
                    "search", _("The server stopped sending in pages, so it is not known who is missing.")
                )
            if cookie and not entries:
                self.close()
                raise ServerError("search", _("The server sends pages without entries."))
            yield entries
            # A server that does not know the control sends everything at once, or as much as it sends anybody.
            cookie = (control.get("value") or {}).get("cookie") or b""

    def read(self, dn: str, *, attributes: Sequence[str], deadline: Deadline) -> Entry | None:
        """This entry; None where we may not see it."""
        result, entries = self._search(
            deadline, dn, "(objectClass=*)", ldap3.BASE, attributes=list(attributes), size_limit=1
        )
        if result["result"] not in {SUCCESS, REFERRAL, NO_SUCH_OBJECT, NO_ACCESS, UNWILLING}:
            self.close()
            raise ServerError(
                "search", _("The search was refused: %(result)s."), result=result["description"]
            )
        return next(iter(entries), None)

    def _search(
        self, deadline: Deadline, base: str, wanted: str, scope: str, *, room: int = MOST_BYTES, **limits: Any
    ) -> tuple[dict[str, Any], tuple[Entry, ...]]:
        with self._speaking("search", deadline, room=room):
            self._link.search(
                base,
                wanted,
                scope,
                dereference_aliases=ldap3.DEREF_NEVER,
                time_limit=math.ceil(deadline.patience()),
                **limits,
            )
            found = self._link.response or []
            entries = tuple(_entry(one) for one in found if one["type"] == "searchResEntry")
            return self._link.result, entries

    def change_password(self, current: str, new: str, deadline: Deadline) -> Answer:
        """Change the password of whom we are (RFC 3062)."""
        with self._speaking("change", deadline):
            change = ModifyPassword(
                self._link,
                old_password=current.encode(),
                new_password=new.encode(),
                controls=_ASK_FOR_POLICY,
            )
            try:
                change.send()
            finally:
                self._link.request = None
            return _answer(change.result)

    def close(self) -> None:
        """Take leave; on a connection that is closed it does nothing."""
        link, self._safe = self._link, False
        if link is None or link.closed:
            return
        self._socket.allow(Deadline.after(0.1))
        with suppress(OSError):
            self._socket.sendall(_UNBIND)
        link.strategy.close()

    @contextmanager
    def _speaking(self, step: str, deadline: Deadline, *, room: int = MOST_BYTES) -> Iterator[None]:
        self._socket.allow(deadline, room=room)
        try:
            yield
        except (
            Exception
        ) as error:  # ldap3 reads what a server says without a check, and stumbles in many ways
            self.close()
            host = self.address.host
            if deadline.left <= 0 or isinstance(error, TimeoutError):
                raise ServerError(step, _("%(host)s did not answer in time."), host=host) from None
            if isinstance(error, LDAPCommunicationError | OSError):
                raise ServerError(step, _("%(host)s ended the connection."), host=host) from None
            kind = type(error).__name__
            raise ServerError(
                step, _("%(host)s does not speak LDAP (%(kind)s)."), host=host, kind=kind
            ) from error


def _opened(host: str, port: int, patience: float) -> Any:
    """ldap3's connection to this address. Its Server is made anew each time, for ldap3 keeps in it which address is connected."""
    server = ldap3.Server(host, port=port, get_info=ldap3.NONE, connect_timeout=patience)
    link = ldap3.Connection(
        server,
        authentication=ldap3.SIMPLE,
        client_strategy=ldap3.SYNC,  # a connection is used by one thread at a time
        auto_referrals=False,
        auto_range=False,
        auto_escape=False,
        check_names=False,
        return_empty_attributes=False,
    )
    try:
        link.open(read_server_info=False)
    except (LDAPExceptionError, OSError):
        if link.socket is not None:
            link.socket.close()
        raise
    return link


def _tls_failure(error: OSError | ValueError, host: str) -> ServerError:
    flaw = tls.flaw_of(error)
    if flaw is not None:
        return ServerError("tls", FLAWS[flaw], flaw=flaw, host=host)
    if isinstance(error, TimeoutError):
        return ServerError("tls", _("%(host)s did not answer in time."), host=host)
    if isinstance(error, ssl.SSLError):
        return ServerError(
            "tls",
            _("No encrypted connection with %(host)s comes about (%(reason)s)."),
            host=host,
            reason=error.reason or "TLS",
        )
    if isinstance(error, OSError):
        return ServerError("tls", _("%(host)s ended the connection."), host=host)
    return ServerError("tls", FLAWS[tls.Flaw.NAME], host=host)


def _answer(result: dict[str, Any]) -> Answer:
    control = (result.get("controls") or {}).get(CONTROL) or {}
    return Answer(
        code=result["result"],
        name=result["description"],
        text=cleaned(result["message"], LONGEST_TEXT),
        control=control.get("value"),
    )


def _entry(found: dict[str, Any]) -> Entry:
    values = islice(found["raw_attributes"].items(), MOST_VALUES)
    return Entry(dn=found["dn"], values={name.lower(): held[0] for name, held in values if held})


def cleaned(text: str, longest: int) -> str:
    """What a server said, as one line of bounded length."""
    return "".join(one for one in text[:longest] if is_one_line(one)).strip()
