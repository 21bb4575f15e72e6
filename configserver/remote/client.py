"""The client of a remote Configuration Server: the calls of `configserver.contract`, over HTTPS, at the server that answers.

A server that does not answer rests for a few seconds, and the other one is asked; both silent is `Unreachable`, and nothing is counted
against anybody. What a call may take in all is bounded, and so is how many threads of a process wait for one.
"""

import base64
import json
import logging
import ssl
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from http.client import HTTPException
from typing import Any, TypeVar
from uuid import UUID

from django.utils.translation import get_language

from configserver.contract import About, Answer, PasswordSet, Summary
from configserver.engines.base import Refused, Unreachable
from configserver.engines.servers import Servers
from configserver.engines.slots import slots
from configserver.remote import wire
from configserver.remote.config import Config
from configserver.remote.lines import Lines, NotAskedError
from configserver.remote.watch import Watch
from core import epoch
from core.deadline import Deadline
from core.errors import Unavailable
from core.exchange import Answer as Said
from core.exchange import Asking, TooLargeError
from core.options import Snapshot, Value
from core.outcomes import Denied

logger = logging.getLogger(__name__)
PATH = "/scim/v2/"
MOST = 4_000_000  # bytes of one answer
Heard = TypeVar("Heard")
FORWARD_SECONDS = 20.0  # as long as the server over there works on one request
QUICK_SECONDS = 1.0  # for what a request waits for on its way, and not at a sign-in
MOST_REMEMBERED = 10_000
# What a broken connection looks like; a certificate that is wrong stays wrong.
_BROKEN = (OSError, HTTPException, ValueError, TooLargeError)
APPLICATION_HEADER = "X-Gatehouse-Application"


class Remote:
    """The remote server that a configuration names, as this process knows it."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self._servers = Servers(config.servers)
        self._lines = {url: Lines(url, authorities=config.authorities or "") for url in config.servers}
        pair = f"{config.username}:{config.password}".encode()
        self._headers = {
            "Authorization": f"Basic {base64.b64encode(pair).decode()}",
            APPLICATION_HEADER: config.application.encode("ascii", "replace").decode(),
            "Accept": "application/json",
        }
        self._watch = Watch(self._changes)
        self._versions = epoch.Cached[UUID, int | None](self._version, version=lambda: self.generation)
        self._rules = epoch.Cached[str, dict[int, dict[str, Value]]](
            lambda _one: self._all_rules(), version=lambda: self.generation
        )
        # What was last heard, for the moment in which nobody answers.
        self._last_versions: dict[UUID, int] = {}
        self._last_rules: dict[int, dict[str, Value]] = {}

    def end(self) -> None:
        """Ask no more."""
        self._watch.end()
        for lines in self._lines.values():
            lines.end()

    @property
    def generation(self) -> int:
        """Counts the changes over there that were heard of here. Waits for nobody."""
        return self._watch.generation

    # --- the contract --------------------------------------------------------------------------------------------------

    def authenticate(self, name: str, password: str, *, environment: Snapshot, now: datetime) -> Answer:
        """As the contract says; which rules hold for ENVIRONMENT the other side knows."""
        return self._proof({"userName": name, "password": password})

    def answer(
        self, person_uid: UUID, state: str, given: str, *, environment: Snapshot, now: datetime
    ) -> Answer:
        """As the contract says."""
        return self._proof({"id": str(person_uid), "state": state, "answer": given})

    def set_password(
        self, person_uid: UUID, *, version: int, current: str, new: str, environment: Snapshot, now: datetime
    ) -> PasswordSet | Denied | Refused | Unreachable:
        """As the contract says."""
        body = {"id": str(person_uid), "version": version, "currentPassword": current, "newPassword": new}
        said = self._asked("POST", wire.PASSWORD, body)
        if isinstance(said, Unreachable):
            return said
        try:
            return wire.set_read(said)
        except ValueError as error:
            return _malformed(error)

    def about(self, person_uid: UUID, *, environment: Snapshot) -> About | Unreachable | None:
        """As the contract says."""
        said = self._asked("GET", f"{wire.PERSON}/{person_uid}")
        if isinstance(said, Unreachable):
            return said
        try:
            return wire.about_read(said) if said else None
        except ValueError as error:
            return _malformed(error)

    def version_of(self, uid: UUID) -> int | None:
        """As the contract says: while nobody answers, what was last heard stands for a while."""
        if not self._watch.knows():
            return None
        try:
            return self._versions(uid)
        except Unavailable:
            return self._last_versions.get(uid)

    def versions_of(self, uids: Sequence[UUID]) -> dict[UUID, int]:
        """As the contract says."""
        found: dict[UUID, int] = {}
        for start in range(0, len(uids), wire.MOST_VERSIONS):
            asked = uids[start : start + wire.MOST_VERSIONS]
            said = self._said("POST", wire.VERSIONS, {"ids": [str(one) for one in asked]})
            versions = said.get("versions")
            if not isinstance(versions, dict):
                raise Unavailable("The Configuration Server answers in another form.")
            found |= {UUID(uid): int(version) for uid, version in versions.items()}
        return found

    def rules_above(self, dbid: int | None) -> dict[str, Value]:
        """As the contract says; while nobody answers, what was last heard."""
        try:
            found = self._rules("")
        except Unavailable:
            found = self._last_rules
        return found.get(dbid, {}) if dbid is not None else {}

    def summary(self) -> Summary | Unreachable:
        """As the contract says."""
        said = self._asked("GET", wire.SUMMARY, within=QUICK_SECONDS)
        if isinstance(said, Unreachable):
            return said
        try:
            return wire.summary_read(said)
        except ValueError as error:
            return _malformed(error)

    def roles(self) -> list[tuple[str, str]]:
        """Every role that can be given: its name, and what its people do. Raises Unavailable."""
        found = self._said("GET", wire.ROLES).get("roles")
        if not isinstance(found, list):
            raise Unavailable("The Configuration Server answers in another form.")
        return [(str(one["name"]), str(one["description"])) for one in found]

    # --- what is kept --------------------------------------------------------------------------------------------------

    def _version(self, uid: UUID) -> int | None:
        version = self.versions_of([uid]).get(uid)
        if len(self._last_versions) >= MOST_REMEMBERED:
            self._last_versions.clear()
        if version is not None:
            self._last_versions[uid] = version
        else:
            self._last_versions.pop(uid, None)
        return version

    def _all_rules(self) -> dict[int, dict[str, Value]]:
        tenants = self._said("GET", wire.TENANTS).get("tenants")
        if not isinstance(tenants, list):
            raise Unavailable("The Configuration Server answers in another form.")
        self._last_rules = {int(one["dbid"]): dict(one["rules"]) for one in tenants}
        return self._last_rules

    def _changes(self) -> tuple[str, int] | None:
        said = self._asked("GET", wire.CHANGES, within=QUICK_SECONDS)
        if isinstance(said, Unreachable) or not isinstance(said.get("counter"), int):
            return None
        return str(said.get("installation")), said["counter"]

    def _said(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        said = self._asked(method, path, body, within=QUICK_SECONDS)
        if isinstance(said, Unreachable):
            raise Unavailable("The Configuration Server does not answer.")
        return said

    # --- asking --------------------------------------------------------------------------------------------------------

    def _proof(self, body: Mapping[str, Any]) -> Answer:
        with slots().one() as room:
            if not room:
                return Unreachable(reason="too many calls at once")
            said = self._asked("POST", wire.AUTHENTICATE, body)
        if isinstance(said, Unreachable):
            return said
        try:
            return wire.answer_read(said)
        except (ValueError, TypeError) as error:
            return _malformed(error)

    def _asked(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, *, within: float | None = None
    ) -> dict[str, Any] | Unreachable:
        """The body of the answer of whichever server gives one; empty for 404."""
        headers = {**self._headers, "Accept-Language": get_language() or "en"}
        sent = None
        if body is not None:
            sent = json.dumps(body).encode()
            headers["Content-Type"] = "application/json"
        asking = _Question(method=method, path=PATH + path, body=sent, headers=headers)
        return self._over_servers(asking, _read, within=within or self.config.timeout)

    def forward(
        self, method: str, path: str, body: bytes, *, headers: Mapping[str, str]
    ) -> Said | Unreachable:
        """What the server that answers says to a request of somebody else's, whatever its status. What may have been heard is not repeated
        at the other server, unless it only reads."""
        asking = _Question(
            method=method,
            path=path,
            body=body or None,
            headers={**headers, "Accept-Language": get_language() or "en"},
            repeats=method in {"GET", "HEAD"},
        )
        return self._over_servers(asking, _any, within=max(self.config.timeout, FORWARD_SECONDS))

    def as_portal(self) -> dict[str, str]:
        """The headers by which this portal is known over there."""
        return dict(self._headers)

    def _over_servers(
        self, asking: "_Question", read: Callable[[Said], Heard | str], *, within: float
    ) -> Heard | Unreachable:
        if self.config.authorities is None:
            return Unreachable(reason="the file of authorities cannot be read")
        deadline = Deadline.after(within)
        why = "every server rests after a failure"
        for url in self._servers.candidates():
            others = len(self._servers.awake(but={url}))
            mine = deadline.within(max(deadline.left, 0) / (2 if others else 1))
            since = time.monotonic()
            said = self._from(url, asking, read, mine)
            if not isinstance(said, _Silent):
                self._servers.answered(url)
                return said
            why = said.why
            logger.warning("configserver: %s does not answer: %s", self._lines[url].name, why)
            self._servers.failed(url, since=since)
            if deadline.left <= 0 or (said.was_asked and not asking.repeats):
                break
        return Unreachable(reason=why)

    def _from(
        self, url: str, question: "_Question", read: Callable[[Said], Heard | str], deadline: Deadline
    ) -> "Heard | _Silent":
        """What this server says, or in words why it said nothing of use."""
        lines, why = self._lines[url], "it took too long"
        asking = Asking(
            method=question.method,
            path=question.path,
            body=question.body,
            headers={"Host": lines.name, **question.headers},
            deadline=deadline,
            most=MOST,
        )
        # A connection that was kept may have been closed over there: that costs none of the retries, and what must not be repeated
        # takes a new one.
        tries = self.config.retries + 2 if question.repeats else 1
        for tried in range(tries):
            if deadline.left <= 0:
                break
            connect = deadline.within(self.config.connect_timeout)
            try:
                said = read(lines.ask(asking, connect=connect, anew=tried > 0 or not question.repeats))
            except NotAskedError as error:
                cause = error.__cause__
                why = _in_words(cause)
                if isinstance(cause, TimeoutError | ssl.SSLCertVerificationError | ConnectionRefusedError):
                    return _Silent(why, was_asked=False)
                if tried + 1 == tries:
                    return _Silent(why, was_asked=False)
            except TimeoutError as error:
                return _Silent(_in_words(error))
            except _BROKEN as error:
                why = _in_words(error)
            else:
                return _Silent(said) if isinstance(said, str) else said
        return _Silent(why)


@dataclass(frozen=True, kw_only=True)
class _Question:
    """What is asked, of whichever server; one that `repeats` may be heard twice."""

    method: str
    path: str
    body: bytes | None
    headers: Mapping[str, str]
    repeats: bool = True


@dataclass(frozen=True)
class _Silent:
    """A server said nothing of use."""

    why: str
    was_asked: bool = True


def _in_words(error: BaseException | None) -> str:
    if isinstance(error, TimeoutError):
        return "it took too long"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted: {error.verify_message}"
    if isinstance(error, ConnectionRefusedError):
        return "nobody listens there"
    return f"the connection broke: {type(error).__name__}"


def _any(answer: Said) -> Said | str:
    # What the server could not do itself, the other one may.
    return f"it answered {answer.status}" if answer.status in {502, 503, 504} else answer


def _read(answer: Said) -> dict[str, Any] | str:
    if answer.status == 404:
        return {}
    if answer.status in {401, 403}:
        return "it does not take the user name and password"
    if answer.status != 200:
        return f"it answered {answer.status}"
    try:
        body = json.loads(answer.body)
    except ValueError:
        return "its answer is no JSON"
    return body if isinstance(body, dict) else "its answer is no object"


def _malformed(error: Exception) -> Unreachable:
    logger.error("configserver: an answer of another form: %s", error)
    return Unreachable(reason="an answer of another form")
