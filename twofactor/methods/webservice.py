"""Codes that an organisation's own verification service judges. What it is asked and answers: docs/verification-service.md."""

import json
import logging
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache, lru_cache
from typing import Any

from django.conf import settings as installation

from accounts.models import User
from accounts.tokens.statement import signed_call
from core.deadline import Deadline
from core.options import Snapshot
from core.outbound import Silence, post
from core.slots import Slots
from twofactor.methods.base import Judged, Method, Right, Unavailable, Wrong
from twofactor.models import Challenge, FactorKind
from twofactor.options import SERVICE_MODE, SERVICE_TIMEOUT, URL_PRODUCTION, URL_TEST

logger = logging.getLogger(__name__)
MOST_WAYS = 5
MOST_BYTES = 16_384  # of an answer
LONGEST_LABEL = 60
LONGEST_CODE = 64
_ID = re.compile(r"[a-z0-9-]{1,30}")
_VERDICTS: Mapping[str, Judged] = {"accepted": Right(), "refused": Wrong()}


@cache
def slots() -> Slots:
    """At most a quarter of a process's threads wait for services at once: one that hangs slows nobody else."""
    return Slots(max(1, installation.HTTP_THREADS // 4))


@lru_cache(maxsize=1_000)
def slots_at(_address: str) -> Slots:
    """At most half of these for one service, so that one company's that hangs leaves room for the others'."""
    return Slots(max(1, installation.HTTP_THREADS // 8))


def url_of(settings: Snapshot) -> str:
    """Where the service is; empty where there is none."""
    return settings.text(URL_TEST if settings.text(SERVICE_MODE) == "test" else URL_PRODUCTION).rstrip("/")


def ways_for(user: User, settings: Snapshot, *, now: datetime) -> Sequence[tuple[str, str]] | Unavailable:
    """The ways that the service has for this person: ids and the names that people know them by. Asks the network."""
    told = _ask("methods", {**_named(user)}, settings=settings, now=now)
    if isinstance(told, Unavailable):
        return told
    ways = told.get("methods")
    if not isinstance(ways, list) or len(ways) > MOST_WAYS:
        return _unusable()
    found: dict[str, str] = {}
    for one in ways:
        way, label = (one.get("id"), one.get("label")) if isinstance(one, dict) else (None, None)
        if not isinstance(way, str) or not isinstance(label, str) or not _is_way(way, label) or way in found:
            return _unusable()
        found[way] = label.strip()
    return list(found.items())


def _is_way(way: str, label: str) -> bool:
    # Printable: a character that turns the direction of text round could make one name look like another.
    return bool(_ID.fullmatch(way) and 0 < len(label.strip()) <= LONGEST_LABEL and label.isprintable())


class WebService(Method):
    """A code that the person has by a way of the service: an app, a key fob, a call."""

    kind = FactorKind.WEBSERVICE
    asks_outside = True

    def judge(
        self, given: str, challenge: Challenge, user: User, *, settings: Snapshot, now: datetime
    ) -> Judged:
        """What the service says of the code; nothing but a plain yes lets anybody in."""
        if not 0 < len(given) <= LONGEST_CODE:
            return Wrong()
        asked = {**_named(user), "method": challenge.address, "code": given, "request": str(challenge.uid)}
        told = _ask("check", asked, settings=settings, now=now)
        if isinstance(told, Unavailable):
            return told
        verdict, about = told.get("result"), told.get("request", asked["request"])
        if not isinstance(verdict, str) or about != asked["request"]:
            return _unusable()
        return _VERDICTS.get(verdict) or _unusable()


def _named(user: User) -> dict[str, str]:
    return {"user": user.username, "realm": user.realm}


def _unusable() -> Unavailable:
    return _unavailable("the answer does not keep to the contract")


def _unavailable(reason: str) -> Unavailable:
    logger.warning("the verification service is of no use: %s", reason)
    return Unavailable(reason=reason)


def _ask(
    what: str, asked: Mapping[str, str], *, settings: Snapshot, now: datetime
) -> dict[str, Any] | Unavailable:
    """The object that the service answers, within the time of the settings, waiting for room included."""
    deadline = Deadline.after(settings.number(SERVICE_TIMEOUT) / 1_000)
    base = url_of(settings)
    if not base:
        return _unavailable("no address is set")
    body = json.dumps(asked).encode()
    headers = {
        "Content-Type": "application/json",
        "Accept": "application/json",
        "Authorization": f"Bearer {signed_call(body, audience=base, now=now)}",
    }
    with slots_at(base).one() as own, slots().one() as room:
        if not own or not room:
            return _unavailable("too many calls are under way")
        answer = post(f"{base}/{what}", body, headers=headers, deadline=deadline, most=MOST_BYTES)
    if isinstance(answer, Silence):
        return _unavailable(str(answer.why))
    if answer.status != 200:
        return _unavailable(f"status {answer.status}")
    try:
        told = json.loads(answer.body)
    except (ValueError, RecursionError):
        return _unusable()
    return told if isinstance(told, dict) else _unusable()
