"""What people leave behind, removed when it can no longer matter."""

from datetime import datetime, timedelta

from accounts.mode import external_is_on
from accounts.models import Browser, JoinLink, Session, SessionKind, SpentToken, User
from accounts.names import Realm
from accounts.sessions import end_sessions
from audit.record import Origin
from configserver import where

SESSIONS_KEPT = timedelta(days=400)  # people see their sign-ins of the last year
TOKENS_KEPT = timedelta(days=30)  # one for each token of an integration, of which there may be one a minute
BROWSERS_KEPT = timedelta(days=365)  # as long as the cookie
LINKS_KEPT = timedelta(days=90)  # they hold the addresses of people who never came

BATCH = 500  # people at once


def prune(*, now: datetime) -> int:
    """Delete what can no longer matter: sessions long ended, with their tokens, join links long over, browsers long unseen, and what is
    spent past its end; the number of rows."""
    gone = Session.objects.filter(expires_at__lt=now - SESSIONS_KEPT).delete()[0]
    of_tokens = Session.objects.filter(kind=SessionKind.JWT, expires_at__lt=now - TOKENS_KEPT)
    gone += of_tokens.delete()[0]
    # The end has the leeway in it: from then on the token is refused for its time.
    gone += SpentToken.objects.filter(expires_at__lt=now).delete()[0]
    gone += JoinLink.objects.filter(expires_at__lt=now - LINKS_KEPT).delete()[0]
    return gone + Browser.objects.filter(last_seen_at__lt=now - BROWSERS_KEPT).delete()[0]


def end_voided(*, now: datetime) -> int:
    """End in the books what has ended in effect: sessions of external people who changed in the Configuration Server."""
    live = Session.objects.filter(Session.live(now=now), user__realm=Realm.EXTERNAL)
    ended, last, on = 0, 0, external_is_on()
    while people := list(
        User.objects.filter(pk__gt=last, pk__in=live.values("user"))
        .order_by("pk")
        .values_list("pk", "source_id", "source_version")[:BATCH]
    ):
        last = people[-1][0]
        versions = where.server().versions_of(
            [source for _pk, source, _version in people if source is not None]
        )
        voided = [
            pk
            for pk, source, version in people
            if not on or source is None or versions.get(source) != version
        ]
        # Looked at before somebody signed in anew, who then ended these sessions himself.
        sessions = live.filter(user__in=voided, created_at__lt=now).select_related("user")
        ended += end_sessions(sessions, reason="changed_in_directory", origin=Origin(), now=now)
    return ended
