"""What values of the Configuration Server are called on pages, and who proves passwords, in plain words for administrators."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from django.utils.functional import Promise
from django.utils.timesince import timesince
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as __
from django.utils.translation import ngettext

from configserver.choice import INTERNAL, Choice, Why, of_tenant
from configserver.health import Certificate, Health, State, certificate_at, days_left
from configserver.models import Directory
from configserver.tree import Link

# The tone of a badge, and its word.
STATES: Mapping[State, tuple[str, Promise]] = {
    State.OFF: ("", __("Off")),
    State.UNSEEN: ("", __("Not looked at")),
    State.ANSWERS: ("ok", __("Answers")),
    State.PARTLY: ("warning", __("Answers in part")),
    State.SILENT: ("danger", __("Does not answer")),
}
STEPS: Mapping[str, Promise] = {
    "resolve": __("Name of the server"),
    "connect": __("Connection"),
    "tls": __("Encryption (TLS)"),
    "bind": __("Service account (bind)"),
    "search": __("Search"),
    "map": __("Mapping"),
    "answer": __("Answer"),
}
CHOSEN: Mapping[Why, Promise] = {
    Why.OWN: __("The person names it."),
    Why.ENFORCED: __("The tenant, or one above it, names it for all its persons."),
    Why.EXTERNAL_ID: __("The tenant, or one above it, names it, and the person has an external id."),
    Why.TURNED_OFF: __("The tenant, or one above it, says so (library=internal)."),
    Why.NO_EXTERNAL_ID: __(
        "The tenant, or one above it, names a directory for persons with an external id, and this one has none."
    ),
    Why.NO_DIRECTORY: __("No directory is named by the person, the tenant, or one above it."),
}


def age_of(at: datetime, *, now: datetime) -> str:
    """How long ago that was."""
    return timesince(at, now) if now - at >= timedelta(minutes=1) else _("less than a minute")


def step_of(name: str) -> str:
    """A step of a test, in words."""
    return str(STEPS.get(name, name))


def certificate_in_words(expires_at: datetime | None, *, now: datetime) -> tuple[str, str]:
    """The tone of a badge and what it says of a certificate; both empty where nobody has seen one."""
    which = certificate_at(expires_at, now=now)
    if expires_at is None or which is Certificate.NONE:
        return "", ""
    if which is Certificate.OVER:
        return "danger", _("Certificate has expired")
    left = days_left(expires_at, now=now)
    told = ngettext("Certificate: %(days)s day", "Certificate: %(days)s days", left) % {"days": left}
    return ("warning" if which is Certificate.SOON else "ok"), told


def answering_in_words(health: Health) -> str:
    """How many of the servers answer."""
    return _("%(answering)s of %(servers)s answer") % {
        "answering": health.answering,
        "servers": health.servers,
    }


def directory_names() -> dict[str, str]:
    """The names of all directories by their ids, as a choice holds them."""
    return {str(uid): name for uid, name in Directory.objects.values_list("uid", "name")}


def choice_in_words(choice: Choice, names: Mapping[str, str]) -> str:
    """Which engine answers for a person, and why; a directory that is not among `names` is neither named nor explained."""
    why = {"why": CHOSEN[choice.why]}
    if choice.engine == INTERNAL:
        return _("The Configuration Server itself proves the password. %(why)s") % why
    name = names.get(choice.engine)
    if name is None:
        return _("A directory proves the password.")
    return _("The directory “%(name)s” proves the password. %(why)s") % {"name": name, **why}


def proof_of(links: Sequence[Link], names: Mapping[str, str]) -> tuple[str, str]:
    """Who proves the passwords of a tenant, in two short lines; `links` go from it up to ENVIRONMENT."""
    engine, for_everybody = of_tenant(link.said for link in links)
    decides = next((link for link in links if link.said.library), None)
    above = "" if decides is None or decides is links[0] else _("said above")
    if engine == INTERNAL:
        return _("Configuration Server"), above
    whom = _("for all persons") if for_everybody else _("for persons with an external id")
    return names.get(engine, _("A directory")), f"{whom}, {above}" if above else whom
