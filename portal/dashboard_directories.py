"""What the dashboard tells of directories and of the people in them, to who may see the directories of the installation."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from configserver import where
from configserver.health import (
    Certificate,
    Health,
    State,
    certificate_at,
    days_left,
    directories_with_health,
    health_of,
)
from configserver.models import Directory
from configserver.words import step_of
from portal.dashboard_cards import Card, Caution
from portal.prerequisites import names_no_company, prerequisites

DIRECTORIES = 50


def directories_shown() -> list[Directory]:
    """The directories that the dashboard tells of: the first fifty, read once for the card and the warnings."""
    return list(directories_with_health()[:DIRECTORIES])


def directories_card(found: Sequence[Directory], *, now: datetime) -> Card:
    """How many directories there are, and whether they answer."""
    states = [health_of(one, one.seen.all(), now=now).state for one in found if one.is_active]
    bad = sum(state in {State.SILENT, State.PARTLY} for state in states)
    if bad:
        hint = ngettext("%(number)s does not answer well", "%(number)s do not answer well", bad) % {
            "number": bad
        }
    elif State.UNSEEN in states:
        hint = _("not looked at lately")
    else:
        hint = _("all servers answer") if states else _("none is asked")
    tone = "danger" if State.SILENT in states else "warning" if bad else ""
    url = reverse("admin:configserver_directory_changelist")
    return Card(label=_("Directories"), value=len(found), hint=hint, url=url, tone=tone)


def directory_warnings(found: Sequence[Directory], *, now: datetime) -> Iterator[Caution]:
    """What somebody should do about directories and the prerequisites of their people."""
    for directory in (one for one in found if one.is_active):
        health = health_of(directory, directory.seen.all(), now=now)
        url = reverse("admin:configserver_directory_change", args=(directory.pk,))
        for sentence in _about(directory, health, now=now):
            yield Caution(sentence=sentence, url=url, label=_("Look at it"))
    url = reverse("admin:configserver_prerequisites")
    for sentence in _missing():
        yield Caution(sentence=sentence, url=url, label=_("See what is missing"))


def _about(directory: Directory, health: Health, *, now: datetime) -> Iterator[str]:
    if health.state is State.SILENT and health.since is not None:
        names = directory.server_names
        first = next(row for row in directory.seen.all() if not row.ok and row.server in names)
        yield _("The directory “%(name)s” has not answered since %(since)s. %(step)s: %(reason)s") % {
            "name": directory.name,
            "since": date_format(timezone.localtime(health.since), "DATETIME_FORMAT"),
            "step": step_of(first.failed_step),
            "reason": first.reason,
        }
    elif health.state is State.PARTLY:
        yield _("Of the directory “%(name)s”, only %(answering)s of %(servers)s servers answer.") % {
            "name": directory.name,
            "answering": health.answering,
            "servers": health.servers,
        }
    ends = health.certificate_expires_at
    which = certificate_at(ends, now=now)
    if ends is not None and which is Certificate.OVER:
        yield _("A certificate of the directory “%(name)s” has expired.") % {"name": directory.name}
    elif ends is not None and which is Certificate.SOON:
        left = days_left(ends, now=now)
        sentence = ngettext(
            "A certificate of the directory “%(name)s” expires in %(days)s day.",
            "A certificate of the directory “%(name)s” expires in %(days)s days.",
            left,
        )
        yield sentence % {"name": directory.name, "days": left}


def _missing() -> Iterator[str]:
    if names_no_company():
        yield _("The default company for directory accounts is none that is there and active.")
    now = prerequisites()
    if not now.answers:
        yield _("The Configuration Server at %(address)s does not answer.") % {"address": where.address()}
    elif now.silent:
        silent = ", ".join(now.silent)
        yield _("The Configuration Server answers, but not all of its servers do: %(silent)s.") % {
            "silent": silent
        }
    if not now.has_persons:
        return
    if not now.mode_on:
        yield _("There are persons in the Configuration Server, and the settings keep them out.")
        return
    if now.turned_away:
        names = ", ".join(map(str, now.turned_away))
        yield _("Persons of these tenants are turned away, for no company is linked to them: %(names)s.") % {
            "names": names
        }
    if not now.package and not now.has_roles:
        yield _(
            "No role package has been imported: persons of the Configuration Server sign in and may do nothing."
        )
