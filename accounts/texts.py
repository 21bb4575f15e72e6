"""What text messages may cost: caps for each number, for each country and in all, asked before one is written."""

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum

from django.db import DatabaseError
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from audit.events import Event
from audit.record import Origin, record
from core.contacts import country_of, takes_texts
from core.db import after_commit, unit
from core.outcomes import Denied
from core.throttle import Limit, Taken, standing, take_all_or_none
from delivery.options import COUNTRIES, PER_COUNTRY, PER_DAY, PER_NUMBER
from tenants.settings import snapshot

logger = logging.getLogger(__name__)
DAY = timedelta(hours=24)
NUMBER_REFUSED = Denied(
    code="number_refused",
    message=_("Text messages are not sent to this number. Use another number or another way."),
)
USED_UP = _(
    "No further text message can be sent for now. Use another way, try again later, or ask your administrator."
)


class Use(StrEnum):
    """What a text message is for. A number is counted apart for each, so that a stranger who enters it shuts nobody out."""

    SIGN_IN = "sign-in"
    VERIFY = "verify"
    NOTICE = "notice"


def refuse_number(user: User, number: str, *, origin: Origin, now: datetime) -> Denied | None:
    """Inside a unit: why no text message goes to this number at all: its country is not listed, or its owner would earn by it."""
    country, kind_is_right = country_of(number), takes_texts(number)
    listed = {one.strip() for one in snapshot(None).text(COUNTRIES).split(",") if one.strip()}
    # A number of no country is that of a satellite phone: dear, and on no list.
    if kind_is_right and country and (not listed or country in listed):
        return None
    _note(user, "countries" if kind_is_right else "kind", country=country, origin=origin, now=now)
    return NUMBER_REFUSED


def caps_on(number: str, *, use: Use) -> list[tuple[Limit, str]]:
    """What one more text message to this number counts against."""
    settings = snapshot(None)
    of_number = Limit(name="texts-number", tries=settings.number(PER_NUMBER), window=DAY)
    of_country = Limit(name="texts-country", tries=settings.number(PER_COUNTRY), window=DAY)
    in_all = Limit(name="texts-all", tries=settings.number(PER_DAY), window=DAY)
    return [(of_number, f"{use}:{number}"), (of_country, country_of(number)), (in_all, "")]


def refuse_capped(
    user: User, number: str, taken: Sequence[Taken], *, origin: Origin, now: datetime
) -> Denied | None:
    """Inside a unit: the refusal where one of the caps is used up. The person is not told which; the trail is."""
    refused = [one for one in taken if one.refused]
    if not refused:
        return None
    _note(user, refused[0].limit, country=country_of(number), origin=origin, now=now)
    return Denied(code="texts_used_up", message=USED_UP, retry_after=max(one.reset for one in refused))


def may_tell(user: User, number: str, *, origin: Origin, now: datetime) -> bool:
    """Inside a unit: whether a notice may go to this number; it is counted once the unit is written.

    Looked at and not taken: a notice comes late in a unit, with the person's row in hand, and others who hold a cap wait for that row.
    """
    if refuse_number(user, number, origin=origin, now=now) is not None:
        return False
    stand = [standing(limit, key, now=now) for limit, key in caps_on(number, use=Use.NOTICE)]
    full = [one for one in stand if one is not None and (one.refused or not one.remaining)]
    if full:
        _note(user, full[0].limit, country=country_of(number), origin=origin, now=now)
        return False
    after_commit(_count_notice, number, now)
    return True


def _count_notice(number: str, now: datetime) -> None:
    try:
        with unit():
            take_all_or_none(caps_on(number, use=Use.NOTICE), now=now)
    except DatabaseError:  # what was asked for is done; one notice goes out uncounted
        logger.warning("a notice by text message could not be counted")


def _note(user: User, cap: Limit | str, *, country: str, origin: Origin, now: datetime) -> None:
    record(
        Event.TEXT_REFUSED,
        origin=origin,
        at=now,
        company_id=user.company_id,
        subject=user,
        cap=cap if isinstance(cap, str) else cap.name.removeprefix("texts-"),
        country=country,
    )
