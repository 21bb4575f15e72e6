"""What still hangs on an older root key after a rotation: fingerprints and derived codes, which nobody can make anew, end with it."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Max

from accounts.housekeeping import BROWSERS_KEPT
from accounts.models import Browser, RefreshToken, Session, SessionKind
from audit.events import Event
from audit.models import AuditEvent
from core import crypto
from core.idempotency import KEPT
from core.models import IdempotentAnswer
from login.models import Attempt
from twofactor.models import Challenge


@dataclass(frozen=True, kw_only=True)
class Hanging:
    """Things of one kind that end with the older key, unless they end by themselves at `until`."""

    what: str
    count: int
    until: datetime


def rotated_at(*, now: datetime) -> datetime:
    """When the active key took over: whatever is younger was made under it. Now, if no rotation is written down yet."""
    newest = AuditEvent.objects.filter(event=Event.KEYS_ROTATED).order_by("-id").first()
    if newest is not None and newest.details.get("key") == crypto.live_key_ids()[0]:
        return min(newest.at, now)
    return now


def hanging(*, since: datetime, now: datetime) -> list[Hanging]:
    """What was made before `since` and still holds; nothing of it is lost while the older key is live."""
    live = Session.objects.filter(Session.live(now=now))
    # A confirmation gives a page's session another secret, and each refresh a program's.
    pages = live.filter(kind=SessionKind.PAGE, confirmed_at__lte=since)
    programs = RefreshToken.objects.filter(
        used_at=None, issued_at__lte=since, session__ended_at=None, session__expires_at__gt=now
    )
    # A key is kept under the active root key from its first use on.
    keys = live.filter(kind=SessionKind.KEY, seen_at__lte=since)
    attempts = Attempt.objects.filter(ended_at=None, expires_at__gt=now, created_at__lte=since)
    codes = Challenge.objects.filter(used_at=None, expires_at__gt=now, created_at__lte=since)
    answers = IdempotentAnswer.objects.filter(created_at__lte=since, created_at__gt=now - KEPT)
    found = [
        ("sessions of browsers", pages.aggregate(Max("expires_at")), pages.count()),
        ("sessions of programs", programs.aggregate(Max("session__expires_at")), programs.count()),
        ("API keys", keys.aggregate(Max("expires_at")), keys.count()),
        ("sign-ins under way", attempts.aggregate(Max("expires_at")), attempts.count()),
        ("codes sent", codes.aggregate(Max("expires_at")), codes.count()),
    ]
    told = [
        Hanging(what=what, count=count, until=max(until.values())) for what, until, count in found if count
    ]
    if newest := answers.aggregate(newest=Max("created_at"))["newest"]:
        told.append(
            Hanging(what="answers kept for an Idempotency-Key", count=answers.count(), until=newest + KEPT)
        )
    return told


def browsers(*, since: datetime, now: datetime) -> int:
    """How many browsers are known by a cookie made before `since`: they are strangers once the older key has gone."""
    return Browser.objects.filter(first_seen_at__lte=since, last_seen_at__gt=now - BROWSERS_KEPT).count()
