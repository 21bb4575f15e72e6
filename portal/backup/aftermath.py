"""What a restored database must not bring back to life: whatever was ended, used or sent after the backup was made."""

from dataclasses import dataclass
from datetime import datetime

from accounts import signing_keys
from accounts.models import Browser, Integration, JoinLink, Session
from audit.events import Event
from audit.record import Origin, record
from cobrowse.sessions.life import end_every
from cobrowse.sessions.states import Ended as EndedBecause
from core import epoch
from core.db import unit
from delivery.models import UNDER_WAY, Delivery, State
from login.models import Attempt
from twofactor.models import Challenge

REASON = "restored"


@dataclass(frozen=True, kw_only=True)
class Replaced:
    """What was known of the database that was replaced."""

    version: int = 0
    audit_events: int = 0
    audit_head: str = ""


@dataclass(frozen=True, kw_only=True)
class Ended:
    """How much was ended."""

    sessions: int
    sign_ins: int
    codes: int
    browsers: int
    deliveries: int
    signing_keys: int
    join_links: int
    cobrowse_sessions: int


def end_what_was_under_way(*, made_at: str, replaced: Replaced, now: datetime) -> Ended:
    """End sessions with their tokens, co-browse sessions, sign-ins, links and codes under way, signing keys; forget remembered browsers;
    send nothing again."""
    with unit():
        ended = Ended(
            sessions=Session.objects.filter(ended_at=None).update(ended_at=now, ended_reason=REASON),
            sign_ins=Attempt.objects.filter(ended_at=None).update(
                ended_at=now, outcome=REASON, link_due=False
            ),
            codes=Challenge.objects.filter(used_at=None).update(used_at=now),
            browsers=Browser.objects.exclude(remembered_until=None).update(
                remembered_until=None, remembered_version=None
            ),
            deliveries=Delivery.objects.filter(state__in=UNDER_WAY).update(
                state=State.CANCELLED, error="The database was restored from a backup."
            ),
            # One of them may have been revoked since, and would sign again.
            signing_keys=signing_keys.begin_anew(now=now),
            # One of them may have been accepted since, and its row does not know.
            join_links=JoinLink.objects.filter(used_at=None, revoked_at=None).update(revoked_at=now),
            cobrowse_sessions=end_every(EndedBecause.RESTORED, now=now),
        )
        # Which tokens of integrations were used or ended since, nobody knows any more.
        Integration.objects.update(tokens_from=now)
        # No cache may hold what it read before under a version that comes again.
        epoch.outrun(max(replaced.version, int(now.timestamp() * 1_000)))
        record(
            Event.BACKUP_RESTORED,
            origin=Origin(),
            at=now,
            made_at=made_at,
            sessions_ended=ended.sessions,
            deliveries_dropped=ended.deliveries,
            replaced_events=replaced.audit_events,
            replaced_head=replaced.audit_head,
        )
    return ended
