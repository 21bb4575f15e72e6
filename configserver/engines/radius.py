"""The engine for directories that speak RADIUS: a password by PAP or CHAP, and any questions that the server has beyond it."""

import base64
import json
import logging
import re
import secrets
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from django.utils.translation import gettext as _

from configserver.engines.base import (
    Challenge,
    Changed,
    Check,
    NotTaken,
    Outcome,
    Refused,
    Tested,
    Unreachable,
    Verified,
)
from configserver.engines.radius_wire import (
    LONGEST_ATTRIBUTE,
    LONGEST_HIDDEN,
    Answer,
    Said,
    Silence,
    Why,
    Wire,
)
from configserver.engines.servers import Servers
from configserver.engines.slots import slots
from core import crypto
from core.addresses import Address, addresses_of
from core.errors import PortalError

logger = logging.getLogger(__name__)

PORT = 1812
LONGEST_PROMPT = 500  # characters
MOST_QUESTIONS = 10
NOT_SET_UP = "no shared secret"
TESTER = b"gatehouse-connection-test"  # a name that nobody has
PURPOSE = "configserver.radius.question"

_SERVER = re.compile(r"(?:\[([0-9A-Fa-f:.]+(?:%[\w.-]+)?)\]|([A-Za-z0-9._-]{1,253}))(?::([0-9]{1,5}))?")


def server_address(server: str) -> tuple[str, int]:
    """Host and port of `host`, `host:1812`, `[2001:db8::1]` or `[2001:db8::1]:1812`. Raises ValueError."""
    found = _SERVER.fullmatch(server)
    port = int(found[3] or PORT) if found else 0
    if found is None or not 0 < port < 65536:
        raise ValueError("A RADIUS server is written as host or host:port, an IPv6 address in brackets.")
    return found[1] or found[2], port


@dataclass(frozen=True, kw_only=True)
class RadiusConfig:
    """A directory that speaks RADIUS. Raises ValueError where a part of it can be of no use at all."""

    id: str  # of the directory
    servers: tuple[str, ...]  # as `server_address` reads them, in the order in which they are asked
    secret: str = field(repr=False)
    protocol: str = "pap"  # or "chap"
    nas_identifier: str = "gatehouse"
    attempt_timeout: float = 2.0  # seconds for one datagram
    attempts: int = 2  # per server
    timeout: float = 5.0  # seconds for a whole call, over all servers

    def __post_init__(self) -> None:
        for server in self.servers:
            server_address(server)
        if self.protocol not in {"pap", "chap"}:
            raise ValueError("The protocol is pap or chap.")
        if not 0 < len(_octets(self.nas_identifier)) <= LONGEST_ATTRIBUTE:
            raise ValueError("The NAS identifier has 1 to 253 bytes.")
        if self.attempts < 1 or self.attempt_timeout <= 0 or self.timeout <= 0:
            raise ValueError("There is at least one attempt, and time for it.")


class RadiusEngine:
    """The engine of one directory. It is cheap to make; what is known of its servers is kept for the process."""

    def __init__(self, config: RadiusConfig) -> None:
        self._config = config
        self._servers = _servers_of((config.id, config.servers))
        self._wire = Wire(
            secret=config.secret.encode(),
            nas_identifier=config.nas_identifier.encode(),
            attempt_timeout=config.attempt_timeout,
            attempts=config.attempts,
        )

    def verify(self, login: str, password: str) -> Outcome:
        """Whether this is the password of whom the servers know as `login`; one may ask something more first."""
        give_up = time.monotonic() + self._config.timeout
        name, plain = _octets(login), _octets(password)
        too_long = self._config.protocol == "pap" and len(plain) > LONGEST_HIDDEN
        if not 0 < len(name) <= LONGEST_ATTRIBUTE or not plain or too_long:
            return Refused(reason="unsendable")
        if not self._config.secret:
            return Unreachable(reason=NOT_SET_UP)
        with slots().one() as room:
            if not room:
                return Unreachable(reason="busy")
            return self._asked_in_order(login, name, plain, give_up=give_up)

    def answer(self, login: str, state: str, answer: str) -> Outcome:
        """What follows on the answer; it goes to the server that asked, for no other knows of the question."""
        give_up = time.monotonic() + self._config.timeout
        name, plain = _octets(login), _octets(answer)
        if not name or not 0 < len(plain) <= LONGEST_HIDDEN:
            return Refused(reason="unsendable")
        question = self._opened(login, state)
        if question is None or question.server not in self._config.servers:
            return Refused(reason="bad_state")
        if not self._config.secret:
            return Unreachable(reason=NOT_SET_UP)
        with slots().one() as room:
            if not room:
                return Unreachable(reason="busy")
            heard = self._ask(question.server, self._wire.pap(name, plain, state=question.state), give_up)
        if isinstance(heard, Silence):
            if not heard.alive:
                self._servers.failed(question.server)
            return Unreachable(reason=f"{question.server}: {heard.why}")
        self._servers.answered(question.server)
        return self._outcome(heard, login, question.server, answered=question.number)

    def decoy(self, login: str) -> Unreachable | Challenge | None:
        """Ask as for a wrong password. Not for this name: it may be a password that was typed into the wrong box."""
        outcome = self.verify(secrets.token_hex(8), secrets.token_urlsafe(12))
        return outcome if isinstance(outcome, Unreachable | Challenge) else None

    def change_password(
        self, login: str, current: str, new: str
    ) -> Changed | NotTaken | Refused | Unreachable:
        """There is no such thing in RADIUS."""
        return Refused(reason="not_supported")

    def test(self, server: str, *, login: str = "") -> Tested:
        """Whether sign-ins can work with this server. `login` is not sent: RADIUS looks nobody up, and it would be a failed attempt."""
        began = time.monotonic()
        give_up = began + self._config.timeout
        try:
            addresses = _addresses(server, give_up)
        except (OSError, ValueError) as error:
            seen = str(error) or _("The name was not resolved in time.")
            return Tested(server=server, checks=(_check("resolve", began, ok=False, seen=seen),))
        numbers = ", ".join(dict.fromkeys(address.host for address in addresses))
        resolved = _check("resolve", began, ok=True, seen=numbers)
        began = time.monotonic()
        ok, seen = self._tried(addresses, give_up)
        return Tested(server=server, checks=(resolved, _check("answer", began, ok=ok, seen=seen)))

    def _asked_in_order(self, login: str, name: bytes, password: bytes, *, give_up: float) -> Outcome:
        """The outcome at the first server that says something."""
        silent: dict[str, Silence] = {}
        make = self._wire.chap if self._config.protocol == "chap" else self._wire.pap
        for server in self._servers.candidates():
            heard = self._ask(server, make(name, password), give_up)
            if isinstance(heard, Answer):
                self._servers.answered(server)
                # Another one knew what to say, so those before it are to blame, whatever sign of life they gave.
                for other, silence in silent.items():
                    if silence.alive:
                        self._servers.failed(other)
                return self._outcome(heard, login, server, answered=0)
            silent[server] = heard
            # Anybody can type a name that every server passes over in silence: none must rest because of it.
            if not heard.alive:
                self._servers.failed(server)
            if time.monotonic() >= give_up:
                break
        reasons = [f"{server}: {silence.why}" for server, silence in silent.items()]
        return Unreachable(reason="; ".join(reasons) or "every server rests after a failure")

    def _ask(self, server: str, request: object, give_up: float) -> Answer | Silence:
        """What one server answers within its attempts."""
        heard: Answer | Silence
        try:
            heard = self._wire.ask(_addresses(server, give_up), request, give_up=give_up)
        except OSError:
            heard = Silence(why=Why.NO_ADDRESS)
        if isinstance(heard, Silence):
            logger.warning("RADIUS server %s: %s", server, heard.why)
        return heard

    def _outcome(self, heard: Answer, login: str, server: str, *, answered: int) -> Outcome:
        if heard.said is Said.ACCEPT:
            return Verified(rounds=answered)
        if heard.said is Said.REJECT:
            return Refused(reason="rejected")
        if answered >= MOST_QUESTIONS:
            return Refused(reason="too_many_questions")
        question = _Question(server=server, state=heard.state, number=answered + 1)
        return Challenge(
            prompt=_plain(heard.messages) or _("One more answer is needed, such as a code."),
            state=crypto.seal(question.packed, purpose=PURPOSE, uid=self._uid(login)).text,
            echo=heard.echo,
        )

    def _opened(self, login: str, state: str) -> "_Question | None":
        """The question under way, if this directory asked it of this name."""
        try:
            return _unpacked(crypto.unseal(crypto.Sealed(state), purpose=PURPOSE, uid=self._uid(login)))
        except PortalError:
            return None

    def _uid(self, login: str) -> str:
        return f"{self._config.id}:{login}"

    def _tried(self, addresses: Sequence[Address], give_up: float) -> tuple[bool, str]:
        """Whether one of these addresses gives an answer that sign-ins could trust, and what there is to say of it."""
        if not self._config.secret:
            return False, _("There is no shared secret.")
        with slots().one() as room:
            if not room:
                return False, _("Too many calls to directories are under way. Try again in a moment.")
            life = self._wire.ask(addresses, self._wire.status(), give_up=give_up, attempts=1)
            heard = life
            if isinstance(life, Silence) and life.why is not Why.NOBODY:
                # Not every server knows Status-Server, or signs its answer to it. A Reject of somebody made up proves as much.
                made_up = self._wire.pap(TESTER, secrets.token_urlsafe(12).encode())
                heard = self._wire.ask(addresses, made_up, give_up=give_up)
        if isinstance(heard, Answer):
            return True, _("It answers, and its answer is signed with the shared secret.")
        knows_us = heard.alive or (isinstance(life, Silence) and life.alive)
        return False, _told(heard.why, knows_us=knows_us)


@dataclass(frozen=True, kw_only=True)
class _Question:
    """A question under way: who asked it, what the server wants back with the answer, and the how many-th it is."""

    server: str
    state: bytes
    number: int

    @property
    def packed(self) -> bytes:
        return json.dumps([self.server, base64.b64encode(self.state).decode(), self.number]).encode()


def _unpacked(packed: bytes) -> _Question:
    server, state, number = json.loads(packed)
    return _Question(server=server, state=base64.b64decode(state), number=number)


@lru_cache(maxsize=256)
def _servers_of(directory: tuple[str, tuple[str, ...]]) -> Servers:
    """Those of a directory (its id and their names) in this process; a list that was changed begins anew."""
    return Servers(directory[1])


def _addresses(server: str, give_up: float) -> list[Address]:
    host, port = server_address(server)
    return addresses_of(host, port, kind=socket.SOCK_DGRAM, within=give_up - time.monotonic())


def _octets(text: str) -> bytes:
    """The text as it travels; nothing where it cannot. A NUL cannot: by PAP it would end the text, and another one would be checked."""
    try:
        return b"" if "\0" in text else text.encode()
    except UnicodeEncodeError:
        return b""


def _plain(messages: Sequence[bytes]) -> str:
    """The server's words on one line, bounded and printable. What fills its attribute goes on in the next one."""
    joined = b"".join(one if len(one) == LONGEST_ATTRIBUTE else one + b"\n" for one in messages)
    text = "".join(c if c.isprintable() else " " for c in joined.decode("utf-8", "replace"))
    return " ".join(text.split())[:LONGEST_PROMPT]


def _check(step: str, began: float, *, ok: bool, seen: str) -> Check:
    return Check(step=step, ok=ok, seen=seen, milliseconds=round((time.monotonic() - began) * 1000))


def _told(why: Why, *, knows_us: bool) -> str:
    """The sentence for an administrator."""
    if why is Why.NOBODY:
        return _("Nobody listens at this address and port.")
    if why is Why.UNSIGNED:
        return _(
            "The address, the port and the shared secret are right, but the answer has no Message-Authenticator, so it cannot be "
            "trusted. Let the server send one in every answer."
        )
    if why is Why.FORGED:
        return _("An answer came that does not fit the shared secret.")
    if knows_us:
        return _(
            "The address, the port and the shared secret are right: the server tells its status. But it does not answer when "
            "somebody signs in."
        )
    return _(
        "No answer. The address, the port or the shared secret may be wrong, the server may not know this machine as a client, or it "
        "may not accept a Message-Authenticator."
    )
