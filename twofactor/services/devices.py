"""Browsers that stand for the second factor: forgotten by the person or by an administrator."""

import uuid
from datetime import datetime

from accounts.models import Browser, User
from audit.events import Event
from audit.record import Origin, record
from core.db import unit


def remembered(user: User, *, now: datetime) -> list[Browser]:
    """The browsers that stand for this person's second factor, the one used last first."""
    rows = user.browsers.filter(remembered_until__gt=now).order_by("-last_seen_at")
    return [one for one in rows if one.is_remembered(user=user, now=now)]


def own_browser(user: User, uid: uuid.UUID) -> Browser | None:
    """One of this person's browsers."""
    return Browser.objects.select_related("user").filter(user=user.pk, uid=uid).first()


def forget_browser(browser: Browser, *, origin: Origin, now: datetime) -> None:
    """The browser no longer stands for the second factor."""
    with unit():
        Browser.objects.filter(pk=browser.pk).update(remembered_until=None, remembered_version=None)
        record(
            Event.DEVICE_FORGOTTEN,
            origin=origin,
            at=now,
            company_id=browser.user.company_id,
            subject=browser.user,
        )
