"""Mailed links: asked for with one answer for every address, decided and sent by the worker, brought back by whoever has the mailbox."""

import logging
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import InterfaceError, OperationalError
from django.utils import translation

from accounts.limits import browser_key, name_key
from accounts.models import JoinLink, Session, User
from accounts.names import Realm
from accounts.notices import language_of, notify
from accounts.sessions import Client, known_browser
from accounts.tokens.links import described, read_link
from audit.events import Event
from audit.record import Origin, record
from core import entropy, epoch
from core.contacts import mailbox_of
from core.db import after_commit, unit
from core.errors import Unavailable
from core.http import network_of
from core.outcomes import Denied
from core.prepared import Select, Slot
from core.throttle import Limit, take, take_all
from delivery import wake
from delivery.derived import PLACEHOLDER, Derived
from delivery.services import enqueue
from login.case import Case
from login.flow import Purpose
from login.links import deciding
from login.links.deciding import Letter
from login.links.opening import CODE_DIGITS, SCOPES, Opener, is_usable, open_link
from login.models import Attempt
from login.refusals import LINK_USED
from login.service import HANDLE, Answer, open_attempt, settled
from tenants.models import Company

logger = logging.getLogger(__name__)
LINK_LIFE = timedelta(minutes=10)
BATCH = 100
ASK_BY_NETWORK = Limit(name="link-network", tries=60, window=timedelta(minutes=10))
# One counter for links of every kind: a mailbox is not flooded by asking in turn.
ASK_BY_NAME = Limit(name="link-name", tries=5, window=timedelta(hours=1))
# Counters that strangers cannot use up: of a browser that the person has used, and of whoever is signed in and confirms.
ASK_BY_BROWSER = Limit(name="link-browser", tries=5, window=timedelta(hours=1))
ASK_TO_CONFIRM = Limit(name="link-confirm", tries=10, window=timedelta(hours=1))
PATHS = {Purpose.FORGOTTEN: "login/forgotten", Purpose.LINK: "login/link"}
_OF_LINK = Select(
    lambda: Attempt.objects.select_related("user__company").filter(uid=Slot("uid"), purpose=Slot("purpose"))
)
_DECIDE: Mapping[Purpose, Callable[..., Letter | str]] = {
    Purpose.FORGOTTEN: deciding.forgotten,
    Purpose.LINK: deciding.magic,
    Purpose.CONFIRM: deciding.confirming,
}


def ask(
    purpose: Purpose,
    name: str,
    *,
    realm: Realm = Realm.INTERNAL,
    by_page: bool,
    client: Client,
    now: datetime,
    target: str = "",
    display_name: str = "",
    join_link: JoinLink | None = None,
    signs_up: bool = False,
    company: Company | None = None,
) -> tuple[Attempt, str] | Denied:
    """Ask for a link. Neither the answer nor its time tells whether anybody has the name: the worker decides who is mailed."""
    if (refused := take(ASK_BY_NETWORK, network_of(client.address), now=now)) is not None:
        return refused
    user = User.objects.find(name, realm=realm)
    browser = known_browser(user, client)
    counter = (
        (ASK_BY_NAME, name_key(mailbox_of(name), realm=realm))
        if browser is None
        else (ASK_BY_BROWSER, browser_key(browser))
    )
    # Counted for every name alike; one mail more is left out without a word, for a word would tell that the name is asked for often.
    [taken] = take_all([counter], now=now)
    if taken.refused:
        # Such an attempt leads nowhere: its code would be right although it was sent to nobody, and each allows some guesses.
        # It reads like the others: `signs_up` alone, without a company, makes nobody.
        signs_up = signs_up or join_link is not None
        user, join_link, company = None, None, None
    return _open(
        purpose=purpose,
        name=name,
        realm=realm,
        user=user,
        by_page=by_page,
        client=client,
        now=now,
        target=target,
        link_due=not taken.refused,
        display_name=display_name,
        join_link=join_link,
        signs_up=signs_up,
        sign_up=company,
    )


def ask_to_confirm(
    session: Session, *, by_page: bool, client: Client, now: datetime, target: str = ""
) -> tuple[Attempt, str] | Denied:
    """Have a code mailed by which somebody without a password confirms that it is still him."""
    user = session.user
    if (refused := take(ASK_TO_CONFIRM, str(user.uid), now=now)) is not None:
        return refused
    return _open(
        purpose=Purpose.CONFIRM,
        name=user.username,
        realm=Realm(user.realm),
        user=user,
        by_page=by_page,
        client=client,
        now=now,
        target=target,
        session=session,
        link_due=True,
    )


def _open(**how: Any) -> tuple[Attempt, str]:
    """An attempt that waits for a mailed link, of which the worker is told."""
    with unit():
        after_commit(wake.worker)
        return open_attempt(by_link=True, language=translation.get_language() or "", life=LINK_LIFE, **how)


def mail_due(now: datetime) -> None:
    """Decide for every link that was asked for whether anybody is mailed, and put the mail into the outbox."""
    due = Attempt.objects.filter(link_due=True, expires_at__gt=now).values_list("pk", flat=True)
    for pk in list(due[:BATCH]):
        try:
            _decide_held(pk, now=now)
        except (Unavailable, InterfaceError, OperationalError):
            raise
        except (
            Exception
        ):  # one that cannot be decided must not hold up the others, nor the outbox behind them
            logger.exception("whether sign-in %s is mailed a link cannot be decided", pk)
            Attempt.objects.filter(pk=pk).update(link_due=False)


def _decide_held(pk: int, *, now: datetime) -> None:
    with unit():
        attempt = (
            Attempt.objects.select_for_update(of=("self",), skip_locked=True)
            .select_related("user__company", "join_link", "sign_up")
            .filter(pk=pk, link_due=True)
            .first()
        )
        if attempt is not None:
            _decide(attempt, now=now)


def _decide(attempt: Attempt, *, now: datetime) -> None:
    user, purpose = attempt.user, Purpose(attempt.purpose)
    attempt.link_due = False
    with translation.override((user.language if user is not None else "") or attempt.language or "en"):
        letter = _DECIDE[purpose](attempt, now=now)
        if isinstance(letter, Letter):
            _mail(letter, attempt, now=now)
    attempt.save(update_fields=["link_due", "sign_up"])
    mailed = isinstance(letter, Letter)
    record(
        Event.FORGOTTEN_ASKED if purpose is Purpose.FORGOTTEN else Event.LINK_ASKED,
        origin=Origin(address=attempt.address),
        at=now,
        company_id=user.company_id if user else _company_of(attempt),
        subject=user,
        mailed=mailed,
        **({} if isinstance(letter, Letter) else {"reason": letter}),
        **({} if user else {"name": attempt.name_key[:16]}),
    )


def _company_of(attempt: Attempt) -> int | None:
    return attempt.join_link.company_id if attempt.join_link is not None else attempt.sign_up_id


def _mail(letter: Letter, attempt: Attempt, *, now: datetime) -> None:
    user, purpose = attempt.user, Purpose(attempt.purpose)
    if letter.notice and user is not None:
        notify(user, to=[letter.to], sentence=letter.notice, origin=Origin(address=attempt.address), now=now)
        return
    company = user.company if user is not None else letter.company
    scope = SCOPES[purpose]
    context = {
        # What a stranger calls himself is nothing to mail to an address that may be somebody else's.
        "display_name": user.display_name if user is not None else "",
        "sentence": letter.sentence,
        "expires_minutes": round(LINK_LIFE.total_seconds() / 60),
        "address": attempt.address,
        "at": attempt.created_at.isoformat(),
    }
    if purpose in PATHS:
        secret = described(
            scope=scope,
            id=attempt.uid,
            digits=CODE_DIGITS,
            issued_at=attempt.created_at,
            expires_at=attempt.expires_at,
        )
        context["url"] = f"{settings.PUBLIC_URL}/{PATHS[purpose]}/{PLACEHOLDER}/"
    else:
        secret = Derived(kind="code", purpose=scope, id=str(attempt.uid), digits=CODE_DIGITS)
    enqueue(
        to=letter.to,
        template="link" if purpose in PATHS else "confirm",
        language=language_of(user) if user is not None else translation.get_language() or "en",
        subject=letter.subject,
        context=context,
        secret=secret,
        company_id=company.pk if company else None,
        company_uid=company.uid if company else None,
        user_uid=user.uid if user is not None else None,
        now=now,
        expires_at=attempt.expires_at,
    )


def _attempt_of(token: str, *, purpose: Purpose, now: datetime) -> Attempt | None:
    id = read_link(token, scope=SCOPES[purpose], now=now)
    return _OF_LINK.first(uid=id, purpose=purpose.value) if id is not None else None


def may_be_opened(token: str, *, purpose: Purpose, now: datetime) -> bool:
    """Whether this is the token of a link that can still be opened, as far as can be seen before the person does."""
    attempt = _attempt_of(token, purpose=purpose, now=now)
    return attempt is not None and is_usable(attempt, now=now)


def is_of_this_browser(token: str, *, purpose: Purpose, handle: str, now: datetime) -> bool:
    """Whether the link was asked for by the holder of this handle, who then needs no code."""
    id = read_link(token, scope=SCOPES[purpose], now=now)
    if id is None or not handle or len(handle) > 200:
        return False
    prints = entropy.fingerprints(handle, purpose=HANDLE)
    return Attempt.objects.filter(uid=id, purpose=purpose, fingerprint__in=prints).exists()


def consume(
    token: str,
    *,
    purpose: Purpose,
    handle: str = "",
    code: str = "",
    by_page: bool,
    client: Client,
    now: datetime,
) -> tuple[Answer, str]:
    """Use the link up: with the handle of who asked, or with the short code of the mail. The answer, and a new handle."""
    since = epoch.current()
    attempt = _attempt_of(token, purpose=purpose, now=now)
    if attempt is None:
        return Answer(case=None, denied=LINK_USED), ""
    mine = bool(handle) and attempt.fingerprint in entropy.fingerprints(handle[:200], purpose=HANDLE)
    case = Case(attempt=attempt, client=client, now=now, since=since)
    new_handle = entropy.token(HANDLE)
    opener = Opener(fingerprint=entropy.fingerprint(new_handle, purpose=HANDLE), by_page=by_page)
    denied = open_link(case, code=None if mine else code, opener=opener)
    if not case.opened:
        return Answer(case=None, denied=denied), ""
    return settled(case, denied), new_handle
