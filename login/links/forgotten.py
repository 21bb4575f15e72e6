"""Forgotten password (mission L7): a mailed link takes the place of the password; asking gets one answer for every name.

Opening the link changes nothing (mail scanners open links, run scripts and wait). It is used up by a button pressed in the browser
that asked, or in another one by the short code of the same mail.
"""

import uuid
from datetime import datetime, timedelta

from django.conf import settings
from django.utils import translation
from django.utils.translation import gettext as _

from accounts.limits import name_key
from accounts.models import User
from accounts.names import Realm, realm_of
from accounts.notices import language_of, notify
from accounts.principal import roles_of
from accounts.sessions import Client
from audit.events import Event
from audit.record import Origin, record
from core import entropy, epoch
from core.db import after_commit, unit
from core.http import network_of
from core.outcomes import Denied
from core.throttle import Limit, take, take_all
from delivery import wake
from delivery.derived import PLACEHOLDER, Derived
from delivery.services import enqueue
from login.advance import advance
from login.case import LIFE, Case
from login.flow import Purpose
from login.models import Attempt
from login.refusals import LINK_CODE_WRONG, LINK_USED
from login.service import HANDLE, Answer, open_attempt, settled
from tenants.settings import snapshot
from twofactor.models import FactorKind
from twofactor.services.asked import Provided, asked_of
from twofactor.services.provided import kept_form, known_of

PURPOSE = "forgotten"
LINK_LIFE = timedelta(minutes=10)
CODE_DIGITS = 8
CODE_CHECKS = 5
BATCH = 100
ASK_BY_NETWORK = Limit(name="forgotten-network", tries=60, window=timedelta(minutes=10))
ASK_BY_NAME = Limit(name="forgotten-name", tries=5, window=timedelta(hours=1))


def ask(username: str, *, by_page: bool, client: Client, now: datetime) -> tuple[Attempt, str] | Denied:
    """Ask for a link. Neither the answer nor its time tells whether anybody has the name: the worker decides who is mailed."""
    if (refused := take(ASK_BY_NETWORK, network_of(client.address), now=now)) is not None:
        return refused
    realm = realm_of(username)
    user = User.objects.find(username, realm=realm)
    # Counted for every name alike; one mail more is left out without a word, for a word would tell that the name is asked for often.
    [taken] = take_all([(ASK_BY_NAME, name_key(username, realm=realm))], now=now)
    with unit():
        attempt, handle = open_attempt(
            purpose=Purpose.FORGOTTEN,
            name=username,
            realm=realm,
            user=user,
            by_page=by_page,
            client=client,
            now=now,
            life=LINK_LIFE,
        )
        attempt.link_due, attempt.language = not taken.refused, translation.get_language() or ""
        attempt.save(update_fields=["link_due", "language"])
        after_commit(wake.worker)
    return attempt, handle


def mail_due(now: datetime) -> None:
    """Decide for every link that was asked for whether anybody is mailed, and put the mail into the outbox."""
    due = Attempt.objects.filter(link_due=True, expires_at__gt=now).values_list("pk", flat=True)
    for pk in list(due[:BATCH]):
        with unit():
            attempt = (
                Attempt.objects.select_for_update(of=("self",), skip_locked=True)
                .select_related("user", "user__company")
                .filter(pk=pk, link_due=True)
                .first()
            )
            if attempt is not None:
                _decide(attempt, now=now)


def _decide(attempt: Attempt, *, now: datetime) -> None:
    user = attempt.user
    attempt.link_due = False
    attempt.save(update_fields=["link_due"])
    mailed = user is not None and _can_be_told(user)
    if user is not None and mailed:
        with translation.override(user.language or attempt.language or "en"):
            _mail(user, attempt, now=now)
    record(
        Event.FORGOTTEN_ASKED,
        origin=Origin(address=attempt.address),
        at=now,
        company_id=user.company_id if user else None,
        subject=user,
        mailed=mailed,
        **({} if user else {"name": attempt.name_key[:16]}),
    )


def _can_be_told(user: User) -> bool:
    return user.may_sign_in and bool(user.email and user.email_verified_at)


def _can_reset(user: User) -> bool:
    return user.realm == Realm.INTERNAL and _can_be_told(user)


def _mailbox_is_factor(user: User) -> bool:
    # The worker asks no service: one that hangs would hold up the mails of everybody. Whether it knows the person, the link will show.
    provided = known_of(snapshot(user.company_id), user)
    asked = asked_of(user, roles=roles_of(user), provided=provided)
    return asked.needed and not provided.unknown and all(one == FactorKind.EMAIL for one in asked.methods)


def _mail(user: User, attempt: Attempt, *, now: datetime) -> None:
    sentence = ""
    if user.is_external:
        sentence = "kept_in_directory"
    elif _mailbox_is_factor(user):
        sentence = "mailbox_is_factor"
    if sentence:
        notify(user, to=[user.email], sentence=sentence, origin=Origin(address=attempt.address), now=now)
        return
    enqueue(
        to=user.email,
        template="link",
        language=language_of(user),
        subject=_("Set a new password"),
        context={
            "display_name": user.display_name,
            "sentence": _("Somebody, we hope you, asked to set a new password for your account."),
            "url": f"{settings.PUBLIC_URL}/login/forgotten/{attempt.uid}.{PLACEHOLDER}/",
            "expires_minutes": round(LINK_LIFE.total_seconds() / 60),
            "address": attempt.address,
            "at": attempt.created_at.isoformat(),
        },
        secret=Derived(kind="link", purpose=PURPOSE, id=str(attempt.uid), digits=CODE_DIGITS),
        company_id=user.company_id,
        company_uid=user.company.uid if user.company else None,
        user_uid=user.uid,
        now=now,
        expires_at=attempt.expires_at,
    )


def parse_token(token: str) -> tuple[uuid.UUID, str] | None:
    """The attempt and the secret that a link names."""
    name, _dot, secret = token.partition(".")
    if len(token) > 120 or not secret:
        return None
    try:
        return uuid.UUID(name), secret
    except ValueError:
        return None


def is_of_this_browser(token: str, *, handle: str) -> bool:
    """Whether the link was asked for by the holder of this handle, who then needs no code."""
    parsed = parse_token(token)
    if parsed is None or not handle or len(handle) > 200:
        return False
    prints = entropy.fingerprints(handle, purpose=HANDLE)
    return Attempt.objects.filter(uid=parsed[0], purpose=Purpose.FORGOTTEN, fingerprint__in=prints).exists()


def _provided_before(uid: uuid.UUID, *, client: Client, since: int, now: datetime) -> Provided:
    """What the organisation has for the person of a link that can be used; asked for before the unit that uses it up."""
    usable = Attempt.objects.select_related("user__company").filter(
        uid=uid,
        purpose=Purpose.FORGOTTEN,
        link_at=None,
        ended_at=None,
        expires_at__gt=now,
        link_checks__lt=CODE_CHECKS,
    )
    attempt = usable.first()
    if attempt is None or attempt.user is None or not _can_reset(attempt.user):
        return Provided()
    case = Case(attempt=attempt, client=client, now=now, since=since)
    case.look_for_provided()
    return case.provided


def consume(
    token: str, *, handle: str = "", code: str = "", by_page: bool, client: Client, now: datetime
) -> tuple[Answer, str]:
    """Use the link up: with the handle of who asked, or with the short code of the mail. The answer, and a new handle."""
    parsed = parse_token(token)
    if parsed is None or not entropy.is_derived_secret(parsed[1], purpose=PURPOSE, id=str(parsed[0])):
        return Answer(case=None, denied=LINK_USED), ""
    since = epoch.current()
    provided = _provided_before(parsed[0], client=client, since=since, now=now)
    with unit():
        attempt = (
            Attempt.objects.select_for_update(of=("self",))
            .select_related("user", "user__company")
            .filter(uid=parsed[0], purpose=Purpose.FORGOTTEN)
            .first()
        )
        user = attempt.user if attempt else None
        if (
            attempt is None
            or user is None
            or attempt.link_at is not None
            or attempt.ended_at is not None
            or now >= attempt.expires_at
            or attempt.link_checks >= CODE_CHECKS
            or user.security_version != attempt.version
            or not _can_reset(user)
        ):
            return Answer(case=None, denied=LINK_USED), ""
        mine = bool(handle) and attempt.fingerprint in entropy.fingerprints(handle[:200], purpose=HANDLE)
        if not mine and not entropy.is_derived_code(
            code, purpose=PURPOSE, id=str(attempt.uid), digits=CODE_DIGITS
        ):
            attempt.link_checks += 1
            attempt.save(update_fields=["link_checks"])
            return Answer(case=None, denied=LINK_CODE_WRONG), ""
        new_handle = entropy.token(HANDLE)
        attempt.fingerprint = entropy.fingerprint(new_handle, purpose=HANDLE)
        attempt.link_at, attempt.by_page, attempt.provided = now, by_page, kept_form(provided)
        attempt.expires_at = now + LIFE
        case = Case(attempt=attempt, client=client, now=now, since=since)
        record(Event.FORGOTTEN_OPENED, origin=case.origin, at=now, company_id=user.company_id, subject=user)
        denied = advance(case)
        attempt.save()
    return settled(case, denied), new_handle
