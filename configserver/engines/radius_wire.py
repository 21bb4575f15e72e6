"""RADIUS over UDP (RFC 2865): one request, and the first answer to it that can be trusted.

An answer counts only with the right Message-Authenticator (RFC 3579, 3.2; CVE-2024-3596). Whatever else arrives is as if it had not,
and listening goes on. pyrad codes and verifies the packets. Sending and receiving is done here: its client takes answers from any
address, counts its ids up, and does not look at the code of an answer. It gets the numbers of attributes and no dictionary: by name
it reads octets that begin with "0x" as hexadecimal digits, which would change a State.
"""

import hashlib
import secrets
import socket
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum

from pyrad.packet import AuthPacket, PacketError

from core.addresses import Address

LONGEST_ATTRIBUTE = 253  # bytes (RFC 2865, 5)
LONGEST_HIDDEN = 128  # bytes of a User-Password (RFC 2865, 5.2)
LONGEST_PACKET = 4096  # bytes (RFC 2865, 3)
SHORTEST_PACKET = 20  # bytes (RFC 2865, 3)

_ACCESS_REQUEST, _STATUS_SERVER = 1, 12
_USER_NAME, _USER_PASSWORD, _CHAP_PASSWORD, _SERVICE_TYPE, _REPLY_MESSAGE = 1, 2, 3, 6, 18
_STATE, _NAS_IDENTIFIER, _CHAP_CHALLENGE, _PROMPT, _MESSAGE_AUTHENTICATOR = 24, 32, 60, 76, 80
_AUTHENTICATE_ONLY = (8).to_bytes(4)  # a value of Service-Type
_ECHO = (1).to_bytes(4)  # a value of Prompt (RFC 2869, 5.10)


class Said(IntEnum):
    """What a server answers to a request."""

    ACCEPT = 2
    REJECT = 3
    CHALLENGE = 11


_ANSWERS = frozenset(Said)


@dataclass(frozen=True, kw_only=True)
class Answer:
    """An answer that can be trusted. Only a challenge is read any further."""

    said: Said
    messages: tuple[bytes, ...] = ()
    state: bytes = b""
    echo: bool = False


class Why(StrEnum):
    """Why nothing that can be trusted was heard, from what tells least to what tells most."""

    NO_ADDRESS = "the name has no address"
    NOBODY = "nobody listens at this address and port"
    NO_ANSWER = "no answer"
    FORGED = "answers that do not fit the shared secret"
    UNSIGNED = "answers without a Message-Authenticator"


@dataclass(frozen=True, kw_only=True)
class Silence:
    """Nothing that can be trusted."""

    why: Why
    alive: bool = False  # the server answers, only not to this request


@dataclass(frozen=True, kw_only=True)
class Wire:
    """How requests to the servers of one directory are made and sent."""

    secret: bytes = field(repr=False)
    nas_identifier: bytes
    attempt_timeout: float  # seconds
    attempts: int

    def status(self, *, id: int | None = None) -> AuthPacket:
        """A question for a sign of life (Status-Server, RFC 5997)."""
        return self._packet(_STATUS_SERVER, id=id)

    def pap(self, name: bytes, password: bytes, *, state: bytes = b"") -> AuthPacket:
        """A request with the password hidden under the shared secret; with `state`, the answer to a question."""
        request = self._access(name)
        request[_USER_PASSWORD] = [request.PwCrypt(password)]
        if state:
            request[_STATE] = [state]
        return request

    def chap(self, name: bytes, password: bytes) -> AuthPacket:
        """A request with a proof of the password (RFC 2865, 2.2), over a challenge of its own."""
        request = self._access(name)
        id, challenge = secrets.token_bytes(1), secrets.token_bytes(16)
        proof = hashlib.md5(id + password + challenge, usedforsecurity=False).digest()
        request[_CHAP_CHALLENGE], request[_CHAP_PASSWORD] = [challenge], [id + proof]
        return request

    def _access(self, name: bytes) -> AuthPacket:
        request = self._packet(_ACCESS_REQUEST)
        request[_USER_NAME], request[_SERVICE_TYPE] = [name], [_AUTHENTICATE_ONLY]
        return request

    def _packet(self, code: int, *, id: int | None = None) -> AuthPacket:
        id = secrets.randbelow(256) if id is None else id
        packet = AuthPacket(code, id, self.secret, secrets.token_bytes(16), message_authenticator=True)
        packet[_NAS_IDENTIFIER] = [self.nas_identifier]
        return packet

    def ask(
        self, addresses: Sequence[Address], request: AuthPacket, *, give_up: float, attempts: int = 0
    ) -> Answer | Silence:
        """What is answered at the first of these addresses at which somebody listens, until `give_up` on the monotonic clock."""
        for address in addresses:
            try:
                with socket.socket(address.family, socket.SOCK_DGRAM) as line:
                    # Connected: what comes from another address or port is dropped, and that nobody listens is told at once.
                    line.connect(address.target)
                    return self._heard(line, request, attempts=attempts or self.attempts, give_up=give_up)
            except OSError:
                continue
        return Silence(why=Why.NOBODY)

    def _heard(
        self, line: socket.socket, request: AuthPacket, *, attempts: int, give_up: float
    ) -> Answer | Silence:
        why, alive = Why.NO_ANSWER, False
        # The same octets each time, so that the server takes them for one request (RFC 5080, 2.2.2): a code is used up once.
        datagram, sign_of_life = request.RequestPacket(), self.status(id=request.id ^ 1)
        for attempt in range(attempts):
            line.send(datagram)
            if attempt:
                line.send(sign_of_life.RequestPacket())
            until = min(time.monotonic() + self.attempt_timeout, give_up)
            for octets in _received(line, until=until):
                found = _trusted(octets, request)
                if isinstance(found, Answer):
                    return found
                if found is Why.UNSIGNED and request.code == _STATUS_SERVER:
                    return Silence(
                        why=found, alive=True
                    )  # it decides nothing, so there is no use in waiting for a better one
                why = max(why, found, key=list(Why).index)
                # Older servers do not sign this one; whoever forges it keeps a server in use, and no more.
                living = _trusted(octets, sign_of_life)
                alive = alive or living is Why.UNSIGNED or isinstance(living, Answer)
            if time.monotonic() >= give_up:
                break
        return Silence(why=why, alive=alive)


def _received(line: socket.socket, *, until: float) -> Iterator[bytes]:
    """Whatever arrives until then."""
    while (left := until - time.monotonic()) > 0:
        line.settimeout(left)
        try:
            octets = line.recv(LONGEST_PACKET)
        except TimeoutError:
            return
        yield octets


def _trusted(octets: bytes, request: AuthPacket) -> Answer | Why:
    """The answer to this request, if that is what these octets are."""
    if len(octets) < SHORTEST_PACKET or octets[0] not in _ANSWERS or octets[1] != request.id:
        return Why.NO_ANSWER
    try:
        reply = request.CreateReply(packet=octets)
        if not request.VerifyReply(reply, octets):
            return Why.FORGED
    except PacketError:
        return Why.NO_ANSWER
    signatures = len(reply.get(_MESSAGE_AUTHENTICATOR, []))
    if signatures != 1:
        return Why.FORGED if signatures else Why.UNSIGNED
    said = Said(reply.code)
    if said is not Said.CHALLENGE:
        return Answer(said=said)
    return Answer(
        said=said,
        messages=tuple(reply.get(_REPLY_MESSAGE, [])),
        state=next(iter(reply.get(_STATE, [])), b""),
        echo=_ECHO in reply.get(_PROMPT, []),
    )
