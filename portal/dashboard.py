"""What an administrator sees first: a few numbers and warnings, of the companies in his reach. Every query is bounded."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import QuerySet
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext as _

from accounts import signing_keys
from accounts.admin_signing_keys import STANDS_STILL
from accounts.models import Session, User
from accounts.principal import Principal
from audit.events import Event
from audit.groups import FAILURES
from audit.models import AuditEvent
from configserver.models import Directory
from core.admin_lists import bounded_count
from delivery.models import UNDER_WAY, Delivery, State
from login.help.asking import waiting
from login.models import HelpRequest
from portal.dashboard_cards import Card, Caution
from portal.dashboard_cobrowse import cobrowse_warnings, sessions_card
from portal.dashboard_directories import directories_card, directories_shown, directory_warnings
from portal.prerequisites import may_see
from tenants.rules import may_touch, visible_to
from twofactor.services.lost import waiting as recoveries

FAILED_WITHIN = timedelta(days=7)
OVERDUE_AFTER = timedelta(minutes=1)  # the clock looks for what is due every few seconds


def _list(model: str, **filters: str) -> str:
    url = reverse(f"admin:{model}_changelist")
    return f"{url}?{urlencode(filters)}" if filters else url


def directories_of(principal: Principal) -> list[Directory]:
    """The directories that are told of to this person."""
    return directories_shown() if may_see(principal.rights) else []


def cards(principal: Principal, *, directories: Sequence[Directory], now: datetime) -> list[Card]:
    """The numbers that this person may see."""
    may = principal.rights.may
    found: list[Card] = []
    if may("view", "audit"):
        found += _sign_ins(principal, now=now)
    if may("view", "user"):
        locked = bounded_count(visible_to(principal.rights, User).filter(locked_at__isnull=False))
        found.append(
            Card(
                label=_("People locked"),
                value=locked,
                hint=_("until somebody unlocks them"),
                url=_list("accounts_user", state="locked"),
                tone="warning" if locked else "",
            )
        )
        lost = bounded_count(
            visible_to(principal.rights, User).filter(pk__in=recoveries(now=now).values("user"))
        )
        found.append(
            Card(
                label=_("Lost second factors"),
                value=lost,
                hint=_("being replaced, unless somebody ends it"),
                url=_list("accounts_user", lost="waiting"),
                tone="warning" if lost else "",
            )
        )
    if may("view", "help"):
        asking = bounded_count(visible_to(principal.rights, HelpRequest).filter(waiting(now=now)))
        found.append(
            Card(
                label=_("People asking for help"),
                value=asking,
                hint=_("at the sign-in, right now"),
                url=_list("login_helprequest"),
                tone="warning" if asking else "",
            )
        )
    if may("view", "session"):
        live = visible_to(principal.rights, Session).filter(Session.live(now=now))
        found.append(
            Card(
                label=_("Live sessions"),
                value=bounded_count(live),
                hint=_("right now"),
                url=_list("accounts_session"),
            )
        )
    if may("view", "cobrowse"):
        found.append(sessions_card(principal, now=now))
    if may("view", "delivery"):
        found += _deliveries(principal, now=now)
    if may_see(principal.rights):
        found.append(directories_card(directories, now=now))
    return found


def _sign_ins(principal: Principal, *, now: datetime) -> list[Card]:
    midnight = timezone.localtime(now).replace(hour=0, minute=0, second=0, microsecond=0)
    # Numbers grow with time, so the last one of yesterday bounds today, and the index on events answers the rest.
    before = (
        AuditEvent.objects.filter(at__lt=midnight).order_by("-id").values_list("id", flat=True).first() or 0
    )
    today = visible_to(principal.rights, AuditEvent).filter(id__gt=before)
    failures = bounded_count(today.filter(event__in=FAILURES))
    since = midnight.isoformat()
    return [
        Card(
            label=_("Sign-ins today"),
            value=bounded_count(today.filter(event=Event.LOGIN_SUCCEEDED)),
            hint=_("finished with success"),
            url=_list("audit_auditevent", event__exact=Event.LOGIN_SUCCEEDED, at__gte=since),
        ),
        Card(
            label=_("Failures today"),
            value=failures,
            hint=_("wrong passwords and codes, refusals"),
            url=_list("audit_auditevent", group="failures", at__gte=since),
            tone="warning" if failures else "",
        ),
    ]


def _failed(principal: Principal, *, now: datetime) -> QuerySet[Delivery]:
    return visible_to(principal.rights, Delivery).filter(
        created_at__gte=now - FAILED_WITHIN, state=State.FAILED
    )


def _overdue(principal: Principal, *, now: datetime) -> QuerySet[Delivery]:
    return visible_to(principal.rights, Delivery).filter(
        state__in=UNDER_WAY, next_try_at__lt=now - OVERDUE_AFTER
    )


def _deliveries(principal: Principal, *, now: datetime) -> list[Card]:
    waiting = bounded_count(visible_to(principal.rights, Delivery).filter(state__in=UNDER_WAY))
    failed = bounded_count(_failed(principal, now=now))
    return [
        Card(
            label=_("Messages waiting"),
            value=waiting,
            hint=_("mails on their way"),
            url=_list("delivery_delivery", state__exact=State.QUEUED),
        ),
        Card(
            label=_("Messages failed"),
            value=failed,
            hint=_("in the last 7 days"),
            url=_list("delivery_delivery", state__exact=State.FAILED),
            tone="danger" if failed else "",
        ),
    ]


def warnings(principal: Principal, *, directories: Sequence[Directory], now: datetime) -> list[Caution]:
    """What somebody should look after, as far as this person may see it."""
    found: list[Caution] = []
    if settings.DEMO:
        found.append(
            Caution(
                sentence=_(
                    "This is a demo: its people share one password, and every mail can be read on this machine."
                )
            )
        )
    elif not settings.EMAIL_URL:
        found.append(
            Caution(
                sentence=_(
                    "No mail server is configured (EMAIL_URL), so no code reaches anybody: mails become files."
                )
            )
        )
    if principal.rights.may("view", "delivery") and _overdue(principal, now=now).exists():
        found.append(
            Caution(
                sentence=_("Messages are due and nobody sends them. Do the worker and the clock run?"),
                url=_list("delivery_delivery", state__exact=State.QUEUED),
                label=_("See which"),
            )
        )
    if principal.rights.may("view", "delivery") and _failed(principal, now=now).exists():
        found.append(
            Caution(
                sentence=_("Messages could not be delivered."),
                url=_list("delivery_delivery", state__exact=State.FAILED),
                label=_("See why"),
            )
        )
    if may_see(principal.rights):
        found += directory_warnings(directories, now=now)
    if principal.rights.may("view", "application"):
        found += cobrowse_warnings(principal)
    if may_touch(principal.rights, "view", signing_keys.KIND, company_id=None) and signing_keys.stands_still(
        now=now
    ):
        found.append(
            Caution(sentence=STANDS_STILL, url=_list("accounts_signingkey"), label=_("See the keys"))
        )
    return found
