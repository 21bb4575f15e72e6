"""Passwords that an LDAP directory proves: the entry of a name is searched for by a service account, or its DN is made of the name, and
then the directory is asked to let its owner in.
"""

import logging
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import partial
from typing import TypeVar

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from configserver.engines.base import Changed, NotTaken, Outcome, Refused, Tested, Unreachable, Verified
from configserver.engines.ldap.config import Address, LdapConfig, fault_of
from configserver.engines.ldap.entries import Mapped, attributes_of, groups_of, mapped, verified
from configserver.engines.ldap.names import filled
from configserver.engines.ldap.search import let_service_in, only, search_for, why_nobody
from configserver.engines.ldap.state import state_of
from configserver.engines.ldap.walk import walk
from configserver.engines.ldap.wire import Entry, Found, Line, ServerError
from configserver.engines.ppolicy import Accepted, judged, taken
from configserver.engines.slots import slots
from core.deadline import Deadline

logger = logging.getLogger(__name__)

LONGEST = 1000  # characters of a name or of a password
LEAST_SECONDS = 0.1  # with less left than this nobody is asked
T = TypeVar("T")


class LdapEngine:
    """One directory."""

    def __init__(self, config: LdapConfig) -> None:
        self._config, self._state = config, state_of(config)

    def verify(self, login: str, password: str) -> Outcome:
        """Whether this is the password of whom the directory knows as `login`."""
        if not _may_be_sent(login, password):
            return Refused(reason="not_sent")
        began, kept = time.monotonic(), self._state.answers.get(login, password)
        outcome = self._ask(partial(self._verify_at, login, password)) if kept is None else kept
        if isinstance(outcome, Unreachable):
            return outcome
        if kept is None:
            self._state.answers.put(login, password, outcome, asked_at=began)
        took = time.monotonic() - began
        if kept is None and outcome == Refused():
            self._state.pace.note(took)
        elif isinstance(outcome, Refused):
            self._state.pace.hold(took)
        return outcome

    def answer(self, login: str, state: str, answer: str) -> Outcome:
        """A directory asks no questions, so there is nothing to answer."""
        return Refused(reason="not_asked")

    def decoy(self, login: str) -> Unreachable | None:
        """As much as `verify` does for a wrong password. Not with this name: whoever has it in the directory could be locked there."""
        began = time.monotonic()
        outcome = self._ask(partial(self._verify_at, secrets.token_hex(8), secrets.token_hex(8)))
        if isinstance(outcome, Unreachable):
            return outcome
        self._state.pace.hold(time.monotonic() - began)
        return None

    def change_password(
        self, login: str, current: str, new: str
    ) -> Changed | NotTaken | Refused | Unreachable:
        """Put a new password in the place of the current one, as the person, so that the directory's own rules hold."""
        if not self._config.change_password:
            return NotTaken(sentence=_("The passwords of this directory cannot be changed here."))
        if not _may_be_sent(login, current):
            return Refused(reason="not_sent")
        if not _may_be_sent(login, new):
            return NotTaken(sentence=_("This password cannot be used."))
        outcome = self._ask(partial(self._change_at, login, current, new))
        self._state.answers.forget(login)
        return outcome

    def test(self, server: str, *, login: str = "") -> Tested:
        """Walk the steps of a sign-in at one server, with `login` up to what the mapping makes of the entry; no password is checked."""
        return walk(self._config, server, login=login)

    def _ask(self, call: Callable[[Address, Deadline], T]) -> T | Unreachable:
        """Ask one server after the other, until one says something that can be trusted, or the time is over."""
        if (fault := fault_of(self._config)) is not None:
            logger.warning("directory %s cannot be asked: %s", self._config.id, fault)
            return Unreachable(reason=fault)
        deadline = Deadline.after(self._config.timeout)
        with slots().one() as room:
            return self._ask_in_turn(call, deadline) if room else Unreachable(reason="busy")

    def _ask_in_turn(self, call: Callable[[Address, Deadline], T], deadline: Deadline) -> T | Unreachable:
        servers, asked, reason = self._state.servers, set[str](), "every server rests after a failure"
        candidates = servers.candidates()
        while deadline.left > LEAST_SECONDS and (name := next(candidates, None)) is not None:
            asked.add(name)
            since = time.monotonic()
            share = deadline.within(deadline.left / (1 + len(servers.awake(but=asked))))
            try:
                outcome = call(self._state.addresses[name], share)
            except ServerError as failed:
                logger.warning("directory %s: the server %s failed: %s", self._config.id, name, failed)
                servers.failed(name, since=since)
                reason = f"{name}: {failed}"
                if failed.step == "change":
                    break  # the change may have been made: asked anew with the old password, it would look wrong
            else:
                servers.answered(name)
                return outcome
        return Unreachable(reason=reason)

    def _verify_at(
        self, login: str, password: str, address: Address, deadline: Deadline
    ) -> Verified | Refused:
        if self._config.direct_dn:
            return self._verify_directly(login, password, address, deadline)
        with self._found(login, address, deadline) as (line, found):
            entry = only(found)
            # Where there is nobody, as much is done for a name and a password that nobody has.
            dn = entry.dn if entry else f"uid={secrets.token_hex(8)},{self._config.base_dn}"
            sent = password if entry else secrets.token_hex(8)
            with closing(Line.opened(self._config, address, deadline)) as own:
                verdict = _bound(own, dn, sent, deadline)
            if entry is None:
                return Refused(reason=why_nobody(found))
            if isinstance(verdict, Refused):
                return verdict
            return self._verified(entry, verdict, login=login, line=line, deadline=deadline)

    def _verify_directly(
        self, login: str, password: str, address: Address, deadline: Deadline
    ) -> Verified | Refused:
        dn = filled(self._config.direct_dn, login=login)
        with closing(Line.opened(self._config, address, deadline)) as line:
            verdict = _bound(line, dn, password, deadline)
            if isinstance(verdict, Refused):
                return verdict
            entry = line.read(dn, attributes=attributes_of(self._config), deadline=deadline)
            if entry is None:
                # Whoever must change the password may do nothing else before.
                return verified(Mapped(), groups=frozenset(), accepted=verdict)
            return self._verified(entry, verdict, login=login, line=line, deadline=deadline)

    def _verified(
        self, entry: Entry, accepted: Accepted, *, login: str, line: Line, deadline: Deadline
    ) -> Verified:
        config = self._config
        groups = groups_of(entry.dn, login=login, config=config, line=line, deadline=deadline)
        return verified(mapped(entry, config), groups=groups, accepted=accepted)

    def _change_at(
        self, login: str, current: str, new: str, address: Address, deadline: Deadline
    ) -> Changed | NotTaken | Refused:
        if self._config.direct_dn:
            dn = filled(self._config.direct_dn, login=login)
        else:
            with self._found(login, address, deadline) as (_line, found):
                entry = only(found)
            if entry is None:
                return Refused(reason=why_nobody(found))
            dn = entry.dn
        with closing(Line.opened(self._config, address, deadline)) as own:
            verdict = _bound(own, dn, current, deadline)
            if isinstance(verdict, Refused):
                return verdict
            answer = own.change_password(current, new, deadline)
        outcome = taken(answer)
        if outcome is None:
            raise ServerError(
                "change", gettext_noop("The change was refused: %(result)s."), result=answer.name
            )
        return outcome

    @contextmanager
    def _found(self, login: str, address: Address, deadline: Deadline) -> Iterator[tuple[Line, Found]]:
        """What the service account finds for this name, and its connection, which may be used until the end of the block."""
        line, found = self._search(login, address, deadline)
        try:
            yield line, found
        except BaseException:
            line.close()
            raise
        self._state.lines.give(line)

    def _search(self, login: str, address: Address, deadline: Deadline) -> tuple[Line, Found]:
        line = self._state.lines.take(address.name)
        if line is not None:
            try:
                # The server may have ended it, or something between may have forgotten it, without our hearing of it.
                return line, search_for(login, self._config, line, deadline.within(deadline.left / 2))
            except ServerError:
                line.close()
        line = Line.opened(self._config, address, deadline)
        let_service_in(line, self._config, deadline)
        return line, search_for(login, self._config, line, deadline)


def _bound(line: Line, dn: str, password: str, deadline: Deadline) -> Accepted | Refused:
    answer = line.bind(dn, password, deadline)
    verdict = judged(answer)
    if verdict is None:
        line.close()
        raise ServerError("bind", gettext_noop("The sign-in was refused: %(result)s."), result=answer.name)
    return verdict


def _may_be_sent(login: str, password: str) -> bool:
    """An empty password would let anybody in (RFC 4513, 5.1.2), and a server that reads up to a NUL may find one in what follows it."""
    return all(
        0 < len(text) <= LONGEST and "\0" not in text and _is_unicode(text) for text in (login, password)
    )


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:  # half of a surrogate pair
        return False
    return True
