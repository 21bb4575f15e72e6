"""What the dashboard tells of co-browse, to who may see its applications and sessions."""

from collections.abc import Iterator
from datetime import datetime

from django.db.models import Count, Q
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.principal import Principal
from cobrowse.models import Application, CobrowseSession
from cobrowse.options import REFUSE_WHEN_UNSET
from cobrowse.sessions.life import live
from cobrowse.tokens import without_token
from cobrowse.validity import TROUBLES
from core.admin_lists import COUNTED, bounded_count
from portal.dashboard_cards import Card, Caution
from tenants.rules import visible_to


def sessions_card(principal: Principal, *, now: datetime) -> Card:
    """How many sessions are live."""
    found = visible_to(principal.rights, CobrowseSession).filter(live(now=now))
    return Card(
        label=_("Co-browse sessions"),
        value=bounded_count(found),
        hint=_("right now"),
        url=reverse("admin:cobrowse_cobrowsesession_changelist"),
    )


def cobrowse_warnings(principal: Principal) -> Iterator[Caution]:
    """Where agents do not have to authenticate, and where the tokens of the two applications are amiss. One statement."""
    visible = visible_to(principal.rights, Application)
    is_off = Q(pk__in=without_token(visible).values("pk"))
    counted = visible.order_by("pk")[:COUNTED].aggregate(
        off=Count("pk", filter=is_off),
        amiss=Count("company", filter=Q(validity__in=TROUBLES), distinct=True),
    )
    if off := counted["off"]:
        sentence = ngettext(
            "Agent authentication is off for %(number)s company: any desktop may work with its sessions, "
            "unless %(setting)s refuses it.",
            "Agent authentication is off for %(number)s companies: any desktop may work with their sessions, "
            "unless %(setting)s refuses it.",
            off,
        )
        yield Caution(
            sentence=sentence % {"number": off, "setting": REFUSE_WHEN_UNSET.name},
            url=_list(tokens="off"),
            label=_("See which"),
        )
    if amiss := counted["amiss"]:
        sentence = ngettext(
            "The agent tokens of %(number)s company do not fit each other.",
            "The agent tokens of %(number)s companies do not fit each other.",
            amiss,
        )
        yield Caution(sentence=sentence % {"number": amiss}, url=_list(tokens="amiss"), label=_("See which"))


def _list(**filters: str) -> str:
    return f"{reverse('admin:cobrowse_application_changelist')}?{urlencode(filters)}"
