"""Sessions: begun at a sign-in, kept in use, locked when idle, ended. Ending one is seen everywhere within a second."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from operator import attrgetter
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from accounts.grants import is_bounded
from accounts.models import Browser, IntegrationKey, Session, SessionKind, User
from accounts.options import ABSOLUTE_HOURS, IDLE_LOCK
from audit.events import Event
from audit.record import Origin, record
from configserver.options import password_rules
from core import entropy, epoch
from core.db import unit
from core.outcomes import Denied
from core.prepared import Insert, Select, Slot, Update, Write
from tenants.settings import snapshot

SESSION = "session"
BROWSER = "browser"
CONFIRMED_FOR = timedelta(minutes=10)
CONFIRM_FIRST = Denied(code="confirm_first", message=_("Please confirm first that it is still you."))
IMPERSONATION_OVER = "impersonation_over"
SIGN_INS = (
    SessionKind.PAGE,
    SessionKind.API,
)  # of a person; keys and tokens of programs are counted by nobody
SEEN_EVERY = timedelta(seconds=60)  # so that an authenticated GET writes at most once a minute


@dataclass(frozen=True, kw_only=True)
class Client:
    """What is known of the program at the other end."""

    address: str
    user_agent: str
    browser_token: str = ""

    @property
    def browser_fingerprints(self) -> list[str]:
        """Under which its browser may be known."""
        return entropy.fingerprints(self.browser_token, purpose=BROWSER) if self.browser_token else []


@dataclass(frozen=True, kw_only=True)
class Vouched:
    """Who says so, where a sign-in goes back to the token of an integration: until when, and bounded to what (`accounts.grants`)."""

    key: IntegrationKey
    grant: dict[str, Any]
    until: datetime


@dataclass(frozen=True, kw_only=True)
class Lent:
    """What an application gets of a person's sign-in: until when, and bounded to what (`accounts.grants`)."""

    grant: dict[str, Any]
    until: datetime


_KNOWN_BROWSER = Select(lambda: Browser.objects.filter(user=Slot("user"), fingerprint=Slot("fingerprint")))
_SIGNED_IN = Update(
    # Only who is still what was proved: nobody locked the account or changed the password since `user` was read.
    lambda: User.objects.filter(pk=Slot("user"), security_version=Slot("version")),
    last_login=Slot("now"),
    last_login_address=Slot("address"),
    last_login_agent=Slot("agent"),
)


def known_browser(user: User | None, client: Client) -> Browser | None:
    """The browser in which this person has signed in before, if it is the one at the other end; for nobody the same look-up is made."""
    return _KNOWN_BROWSER.first_of(client.browser_fingerprints, user=user.pk if user else None)


_SEEN = ("last_seen_at", "user_agent", "address")  # what is noted of a browser each time


def note_browser(user: User, client: Client, *, known: Browser | None, now: datetime) -> Browser:
    """Inside a unit: remember that this person has signed in with this browser, `known` if it was before."""
    return _met_first(user, client, now=now) if known is None else _met_again(known, client, now=now)


def _met_first(user: User, client: Client, *, now: datetime) -> Browser:
    browser = Browser(
        user=user,
        fingerprint=entropy.fingerprint(client.browser_token, purpose=BROWSER),
        first_seen_at=now,
        last_seen_at=now,
        user_agent=client.user_agent,
        address=client.address,
    )
    # Two sign-ins at once may both be its first.
    unique = ("user", "fingerprint")
    Browser.objects.bulk_create([browser], update_conflicts=True, unique_fields=unique, update_fields=_SEEN)
    return browser


def _met_again(browser: Browser, client: Client, *, now: datetime) -> Browser:
    browser.last_seen_at, browser.user_agent, browser.address = now, client.user_agent, client.address
    Write(browser, *_SEEN).now()
    return browser


def renew_browser(client: Client) -> str:
    """Inside a unit: a new token for the browser at the other end, for all who use it; whoever knew the old one knows nothing now."""
    token = entropy.token(BROWSER)
    Browser.objects.filter(fingerprint__in=client.browser_fingerprints).update(
        fingerprint=entropy.fingerprint(token, purpose=BROWSER)
    )
    return token


def start_session(
    user: User,
    *,
    kind: SessionKind,
    methods: list[str],
    client: Client,
    browser: Browser | None,
    now: datetime,
    vouched: Vouched | None = None,
    lent: Lent | None = None,
    secret: str = "",
) -> tuple[Session, str] | None:
    """Begin a session; the secret beside it is shown to the client once and kept only as a fingerprint.

    None when the account is not any more what was proved: locked, disabled, or with another password since `user` was read. `vouched`
    says by whose token it begins, and bounds it; `lent` to which application the person lends it. `secret` is what the client holds
    already, where it is no session's own secret.
    """
    settings = snapshot(user.company_id)
    secret = secret or entropy.token(SESSION)
    ends = now + timedelta(hours=settings.number(ABSOLUTE_HOURS))
    if vouched is not None:
        # A bearer token says itself how long it lives; on a page, the settings bound that.
        ends = vouched.until if kind == SessionKind.JWT else min(ends, vouched.until)
    if lent is not None:
        ends = min(ends, lent.until)
    bounds = vouched or lent
    with unit():
        # Holds the person's row to the end: who locks the account or changes the password meanwhile came first and shows here, or waits
        # and then ends this session too. And two sign-ins at once do not both find room for one more.
        if not _SIGNED_IN.now(
            user=user.pk,
            version=user.security_version,
            now=now,
            address=client.address,
            agent=client.user_agent,
        ):
            return None
        limit = password_rules(settings).max_sessions
        if limit and kind in SIGN_INS:
            oldest_first = live_sessions(user, now=now).filter(kind__in=SIGN_INS)
            oldest_first = oldest_first.select_related("user").order_by("id")
            surplus = oldest_first.count() - limit + 1
            if surplus > 0:
                end_sessions(
                    oldest_first[:surplus],
                    reason="too_many",
                    origin=Origin(actor=user, address=client.address),
                    now=now,
                )
        session = Session(
            user=user,
            kind=kind,
            fingerprint=entropy.fingerprint(secret, purpose=SESSION),
            browser=browser,
            methods=methods,
            created_at=now,
            seen_at=now,
            confirmed_at=now,
            expires_at=ends,
            address=client.address,
            user_agent=client.user_agent,
            integration=vouched.key.integration if vouched is not None else None,
            integration_key=vouched.key if vouched is not None else None,
            grant=bounds.grant if bounds is not None else None,
        )
        Insert(session).now()
        record(
            Event.SESSION_STARTED,
            origin=Origin(actor=user, address=client.address),
            at=now,
            company_id=user.company_id,
            subject=session,
            kind=str(kind),
            methods=methods,
        )
    return session, secret


def live_sessions(user: User, *, now: datetime) -> QuerySet[Session]:
    """The sessions of this person that still hold."""
    return Session.objects.filter(Session.live(now=now), user=user)


_followers: list[Callable[[list[Session]], Iterable[Session]]] = []
_watchers: list[Callable[[list[Session]], None]] = []


def end_with(
    followers: Callable[[list[Session]], Iterable[Session]], *, told: Callable[[list[Session]], None]
) -> None:
    """Let an app above name sessions that end with others, and be told, in the same unit, of all that have ended."""
    _followers.append(followers)
    _watchers.append(told)


def end_sessions(sessions: Iterable[Session], *, reason: str, origin: Origin, now: datetime) -> int:
    """End these sessions and all their tokens, everywhere within a second; the number that were still live."""
    over = list[Session]()
    with unit():
        # In one order, so that two who end the same ones do not wait for each other.
        for session in sorted(sessions, key=attrgetter("pk")):
            if not Session.objects.filter(pk=session.pk, ended_at=None).update(
                ended_at=now, ended_reason=reason
            ):
                continue
            note = partial(record, origin=origin, at=now, company_id=session.user.company_id)
            note(Event.SESSION_ENDED, subject=session, reason=reason)
            if session.kind == SessionKind.IMPERSONATION:
                note(Event.IMPERSONATION_ENDED, subject=session.user, session=str(session.uid))
            over.append(session)
        if over:
            # Whoever has signed out acts as nobody else any more.
            through = Session.objects.select_related("user").filter(through__in=over, ended_at=None)
            end_sessions(through, reason=IMPERSONATION_OVER, origin=origin, now=now)
            for followers in _followers:
                end_sessions(followers(over), reason=reason, origin=origin, now=now)
            for told in _watchers:
                told(over)
            epoch.bump()
    return len(over)


def end_all(user: User, *, reason: str, origin: Origin, now: datetime, but: Session | None = None) -> int:
    """End every session of this person, except one."""
    sessions = live_sessions(user, now=now).select_related("user")
    if but is not None:
        sessions = sessions.exclude(pk=but.pk)
    return end_sessions(sessions, reason=reason, origin=origin, now=now)


def idle_lock_due(session: Session, *, now: datetime) -> bool:
    """Whether a page session has been idle for too long, by what this process knows of it."""
    minutes = snapshot(session.user.company_id).number(IDLE_LOCK)
    return (
        session.kind == SessionKind.PAGE
        and bool(minutes)
        and now - session.seen_at >= timedelta(minutes=minutes)
    )


def is_locked_now(session: Session, *, now: datetime) -> bool:
    """Whether the session is locked, or would be at its next use."""
    return session.locked_at is not None or idle_lock_due(session, now=now)


def lock_if_idle(session: Session, *, now: datetime) -> bool:
    """Lock an idle session; asks the database, because another process may have seen it in use."""
    current = Session.objects.select_related("user").filter(pk=session.pk).first()
    if current is None or current.locked_at is not None:
        return True
    if not idle_lock_due(current, now=now):
        return False
    with unit():
        # Unless it was used since it was read.
        if Session.objects.filter(pk=session.pk, locked_at=None, seen_at=current.seen_at).update(
            locked_at=now
        ):
            epoch.bump()
            record(
                Event.SESSION_LOCKED,
                origin=Origin(actor=current.user),
                at=now,
                company_id=current.user.company_id,
                subject=current,
            )
    return True


def confirm_session(session: Session, *, methods: list[str], client: Client, now: datetime) -> str | None:
    """The person has proved again who they are: the session is open again, under a new secret (its rights rise). None: it has ended."""
    secret = entropy.token(SESSION)
    with unit():
        if not Session.objects.filter(pk=session.pk, ended_at=None).update(
            locked_at=None,
            seen_at=now,
            confirmed_at=now,
            methods=methods,
            fingerprint=entropy.fingerprint(secret, purpose=SESSION),
        ):
            return None
        epoch.bump()
        record(
            Event.LOGIN_CONFIRMED,
            origin=Origin(actor=session.user, address=client.address),
            at=now,
            company_id=session.user.company_id,
            subject=session,
        )
    return secret


def note_use(session: Session, *, now: datetime) -> None:
    """Keep `seen_at` true to a minute. The shared row in memory follows, so the next requests need no write."""
    never_used = session.kind == SessionKind.KEY and session.seen_at == session.created_at
    if never_used or now - session.seen_at >= SEEN_EVERY:
        Session.objects.filter(pk=session.pk, ended_at=None).update(seen_at=now)
        session.seen_at = now


def refuse_unconfirmed(session: Session, *, now: datetime) -> Denied | None:
    """`confirm_first` when the person has not proved recently who he is: asked before every sensitive change.

    No key and no token of an integration ever has: behind it may stand a program, and it must not make another one.
    """
    if is_bounded(session):
        return CONFIRM_FIRST
    return None if now - session.confirmed_at <= CONFIRMED_FOR else CONFIRM_FIRST
