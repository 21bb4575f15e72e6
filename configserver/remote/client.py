"""The client of a remote Configuration Server: the calls of `configserver.contract`, over HTTPS, at the server that answers.

A server that does not answer rests for a few seconds, and the other one is asked; both silent is `Unreachable`, and nothing is counted
against anybody. What a call may take in all is bounded, and so is how many threads of a process wait for long ones.
"""

import base64
import json
import logging
import ssl
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from http.client import HTTPException
from typing import Any, TypeVar
from urllib.parse import quote
from uuid import UUID

from django.utils.translation import get_language

from configserver.contract import About, Answer, PasswordSet, Summary
from configserver.engines.base import Refused, Unreachable
from configserver.engines.servers import Servers
from configserver.engines.slots import slots
from configserver.options import tenant_rules
from configserver.remote import wire
from configserver.remote.config import Config
from configserver.remote.lines import Lines, NotAskedError
from configserver.remote.watch import Watch
from core import epoch
from core.db import current_unit
from core.deadline import Deadline
from core.errors import Unavailable
from core.exchange import Answer as Said
from core.exchange import Asking, TooLargeError
from core.options import Snapshot, Value
from core.outcomes import Denied

logger = logging.getLogger(__name__)
PATH = "/scim/v2/"
MOST = 4_000_000  # bytes of one answer
FORWARD_SECONDS = 18.0  # less than whoever asked the portal waits for it
QUICK_SECONDS = 1.0  # for what a request waits for on its way, and not at a sign-in
MOST_REMEMBERED = 10_000
LOOKED_EVERY = 5.0  # seconds
TOO_MANY = Unreachable(reason="too many calls at once")
Heard = TypeVar("Heard")


@dataclass(frozen=True)
class _Silent:
    """A server said nothing, or nothing of use; `was_asked` unless it certainly heard nothing."""

    why: str
    was_asked: bool = True


class Remote:
    """The remote server that a configuration names, as this process knows it."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self._servers = Servers(config.servers)
        self._lines = {url: Lines(url, authorities=config.authorities or "") for url in config.servers}
        pair = f"{config.username}:{config.password}".encode()
        self._headers = {
            "Authorization": f"Basic {base64.b64encode(pair).decode()}",
            wire.APPLICATION: quote(config.application),
            "Accept": "application/json",
        }
        self._watch = Watch(self._changes)
        self._versions = epoch.Cached[UUID, int | None](self._version, version=lambda: self.generation)
        self._rules = epoch.Cached[str, dict[int, dict[str, Value]]](
            lambda _one: self._all_rules(), version=lambda: self.generation
        )
        # What was last heard and when, for the moment in which nobody answers.
        self._last_versions: dict[UUID, tuple[int, float, int]] = {}  # with the generation then
        self._last_rules: dict[int, dict[str, Value]] = {}
        self._looked_until, self._silent = float("-inf"), dict[str, str]()

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
        body = {"userName": name, "password": password}
        return self._long("POST", wire.AUTHENTICATE, body, read=wire.answer_read)

    def answer(
        self, person_uid: UUID, state: str, given: str, *, environment: Snapshot, now: datetime
    ) -> Answer:
        """As the contract says. It may be a code that works once, so it is never sent twice."""
        body = {"id": str(person_uid), "state": state, "answer": given}
        return self._long("POST", wire.AUTHENTICATE, body, read=wire.answer_read, repeats=False)

    def set_password(
        self, person_uid: UUID, *, version: int, current: str, new: str, environment: Snapshot, now: datetime
    ) -> PasswordSet | Denied | Refused | Unreachable:
        """As the contract says. It is never sent twice; Unreachable: whether it was done is not known."""
        body = {"id": str(person_uid), "version": version, "currentPassword": current, "newPassword": new}
        return self._long("POST", wire.PASSWORD, body, read=wire.set_read, repeats=False)

    def about(self, person_uid: UUID, *, environment: Snapshot) -> About | Unreachable | None:
        """As the contract says."""
        return self._asked("GET", f"{wire.PERSON}/{person_uid}", read=wire.about_read, within=QUICK_SECONDS)

    def version_of(self, uid: UUID) -> int | None:
        """As the contract says: while nobody answers, what was last heard stands for a while; so it does inside a unit, which no call may
        hold up: whoever needs it there asks beforehand."""
        if current_unit() is not None or not self._watch.knows():
            return self._last_version(uid)
        try:
            return self._versions(uid)
        except Unavailable:
            self._watch.doubt()
            return self._last_version(uid)

    def versions_of(self, uids: Sequence[UUID]) -> dict[UUID, int]:
        """As the contract says."""
        found: dict[UUID, int] = {}
        for start in range(0, len(uids), wire.MOST_VERSIONS):
            asked = {"ids": [str(one) for one in uids[start : start + wire.MOST_VERSIONS]]}
            found |= self._heard("POST", wire.VERSIONS, asked, read=wire.versions_read)
        return found

    def rules_above(self, dbid: int | None) -> dict[str, Value]:
        """As the contract says; while nobody answers, and inside a unit, what was last heard."""
        if dbid is None:
            return {}
        if current_unit() is not None:
            return self._last_rules.get(dbid, {})
        try:
            return self._rules("").get(dbid, {})
        except Unavailable:
            self._watch.doubt()
            return self._last_rules.get(dbid, {})

    def summary(self) -> Summary | Unreachable:
        """As the contract says."""
        return self._asked("GET", wire.SUMMARY, read=wire.summary_read, within=QUICK_SECONDS)

    def silent(self) -> dict[str, str]:
        """The servers that do not answer now, by host and port, each with the reason; asked anew at most every few seconds."""
        now = time.monotonic()
        if now >= self._looked_until:
            self._looked_until, found = now + LOOKED_EVERY, {}
            for url in self.config.servers:
                asking = self._asking("GET", wire.CHANGES, within=QUICK_SECONDS / 2)
                said = self._from(url, asking, _body, repeats=False)
                if isinstance(said, _Silent | Unreachable):
                    found[self._lines[url].name] = said.why if isinstance(said, _Silent) else said.reason
            self._silent = found
        return dict(self._silent)

    # --- beside the contract -------------------------------------------------------------------------------------------

    def roles(self) -> list[tuple[str, str]]:
        """Every role that can be given: its name, and what its people do. Raises Unavailable."""
        return self._heard("GET", wire.ROLES, read=wire.roles_read)

    def forward(
        self, method: str, path: str, body: bytes, *, headers: Mapping[str, str]
    ) -> Said | Unreachable:
        """What the server that answers says to a request of somebody else's, whatever its status. What may have been heard is not repeated
        at the other server, unless it only reads."""
        within = max(self.config.timeout, FORWARD_SECONDS)
        sent = {**headers, "Accept-Language": get_language() or "en"}
        asking = Asking(
            method=method,
            path=path,
            body=body or None,
            headers=sent,
            deadline=Deadline.after(within),
            most=MOST,
        )
        with slots().one() as room:
            return self._over_servers(asking, _any, repeats=method in {"GET", "HEAD"}) if room else TOO_MANY

    def as_portal(self) -> dict[str, str]:
        """The headers by which this portal is known over there."""
        return dict(self._headers)

    # --- what is kept --------------------------------------------------------------------------------------------------

    def _version(self, uid: UUID) -> int | None:
        heard_at, generation = time.monotonic(), self._watch.count
        version = self.versions_of([uid]).get(uid)
        if len(self._last_versions) >= MOST_REMEMBERED:
            self._last_versions.clear()
        if version is not None:
            self._last_versions[uid] = (version, heard_at, generation)
        else:
            self._last_versions.pop(uid, None)
        return version

    def _last_version(self, uid: UUID) -> int | None:
        version, heard_at, generation = self._last_versions.get(uid, (None, float("-inf"), -1))
        if generation == self._watch.count:
            heard_at = (
                self._watch.heard_at
            )  # nothing has changed since, so what was heard then is as good as new
        return version if self._watch.stands(heard_at) else None

    def _all_rules(self) -> dict[int, dict[str, Value]]:
        found = self._heard("GET", wire.TENANTS, read=wire.rules_read)
        self._last_rules = {dbid: _only_rules(rules) for dbid, rules in found.items()}
        return self._last_rules

    def _changes(self) -> tuple[str, int] | None:
        said = self._asked("GET", wire.CHANGES, read=wire.changes_read, within=QUICK_SECONDS)
        return None if isinstance(said, Unreachable) else said

    # --- asking --------------------------------------------------------------------------------------------------------

    def _long(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any],
        *,
        read: Callable[[Mapping[str, Any]], Heard],
        repeats: bool = True,
    ) -> Heard | Unreachable:
        """What somebody waits for, for as long as the settings say: at most half of the threads do."""
        with slots().one() as room:
            if not room:
                return TOO_MANY
            return self._asked(method, path, body, read=read, within=self.config.timeout, repeats=repeats)

    def _heard(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        read: Callable[[Mapping[str, Any]], Heard],
    ) -> Heard:
        said = self._asked(method, path, body, read=read, within=QUICK_SECONDS)
        if isinstance(said, Unreachable):
            raise Unavailable("The Configuration Server does not answer.")
        return said

    def _asked(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        read: Callable[[Mapping[str, Any]], Heard],
        within: float,
        repeats: bool = True,
    ) -> Heard | Unreachable:
        """What is read in the answer of whichever server gives one."""
        asking = self._asking(method, path, body, within=within)
        said = self._over_servers(asking, _body, repeats=repeats)
        if isinstance(said, Unreachable):
            return said
        try:
            return read(said)
        except ValueError as error:
            logger.error("configserver: an answer of another form: %s", error)
            return Unreachable(reason="an answer of another form")

    def _asking(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, *, within: float
    ) -> Asking:
        headers = {**self._headers, "Accept-Language": get_language() or "en"}
        if body is not None:
            headers["Content-Type"] = "application/json"
        return Asking(
            method=method,
            path=PATH + path,
            body=None if body is None else json.dumps(body).encode(),
            headers=headers,
            deadline=Deadline.after(within),
            most=MOST,
        )

    def _over_servers(
        self, asking: Asking, read: Callable[[Said], Heard | Unreachable | _Silent], *, repeats: bool
    ) -> Heard | Unreachable:
        if self.config.authorities is None:
            return Unreachable(reason="the file of authorities cannot be read")
        why = "every server rests after a failure"
        for url in self._servers.candidates():
            # One that hangs leaves time for the other one; but not of what the other one must not be asked after it.
            others = repeats and self._servers.awake(but={url})
            mine = asking.deadline.within(max(asking.deadline.left, 0) / (2 if others else 1))
            since = time.monotonic()
            said = self._from(url, replace(asking, deadline=mine), read, repeats=repeats)
            if not isinstance(said, _Silent):
                self._servers.answered(url)
                return said
            why = said.why
            logger.warning("configserver: %s does not answer: %s", self._lines[url].name, why)
            self._servers.failed(url, since=since)
            if asking.deadline.left <= 0 or (said.was_asked and not repeats):
                break
        return Unreachable(reason=why)

    def _from(
        self,
        url: str,
        asking: Asking,
        read: Callable[[Said], Heard | Unreachable | _Silent],
        *,
        repeats: bool,
    ) -> Heard | Unreachable | _Silent:
        """What this server says, or in words why it said nothing."""
        lines = self._lines[url]
        asking = replace(asking, headers={"Host": lines.name, **asking.headers})
        silent = _Silent("it took too long", was_asked=False)
        for _try in range(1 + self.config.retries if repeats else 1):
            if asking.deadline.left <= 0:
                break
            connect = asking.deadline.within(self.config.connect_timeout)
            try:
                return read(lines.ask(asking, connect=connect, repeats=repeats))
            except TooLargeError:
                return Unreachable(reason="its answer is too large")
            except NotAskedError as error:
                silent = _Silent(_in_words(error.__cause__), was_asked=False)
                if isinstance(
                    error.__cause__, TimeoutError | ssl.SSLCertVerificationError | ConnectionRefusedError
                ):
                    break
            except TimeoutError as error:
                silent = _Silent(_in_words(error))
                break
            except (OSError, HTTPException, ValueError) as error:
                silent = _Silent(_in_words(error))
        return silent


def _only_rules(said: Mapping[str, Any]) -> dict[str, Value]:
    """What a tenant can decide at all, where it fits: other settings are not for the other side to say."""
    known = tenant_rules()
    parsed = {name: known[name].parse(value) for name, value in said.items() if name in known}
    return {name: value for name, value in parsed.items() if not isinstance(value, Denied)}


def _in_words(error: BaseException | None) -> str:
    if isinstance(error, TimeoutError):
        return "it took too long"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted: {error.verify_message}"
    if isinstance(error, ConnectionRefusedError):
        return "nobody listens there"
    return f"the connection broke: {type(error).__name__}"


def _any(answer: Said) -> Said | _Silent:
    # Something between us and the server says that it is not there.
    return _Silent(f"it answered {answer.status}") if answer.status in {502, 504} else answer


def _body(answer: Said) -> Mapping[str, Any] | Unreachable | _Silent:
    if answer.status in {401, 403}:
        return _Silent("it does not take the application name, user name and password")
    if answer.status == 400:
        return Unreachable(reason="it does not understand the question")  # and would not the next time either
    if answer.status != 200:
        return _Silent(f"it answered {answer.status}")
    try:
        body = json.loads(answer.body)
    except (ValueError, RecursionError):
        return _Silent("its answer is no JSON")
    return body if isinstance(body, dict) else _Silent("its answer is no object")
