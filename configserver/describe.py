"""Who proves passwords, and why, in plain words for administrators."""

from collections.abc import Mapping, Sequence

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as __

from configserver.choice import INTERNAL, Choice, engine_of
from configserver.models import Directory
from configserver.tree import Link
from configserver.words import CHOSEN

UNNAMED = __("A directory")


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
    said = [link.said for link in links]
    # With an external id, a person meets the directory if there is one; without, only where it answers for everybody.
    choice = engine_of(own="", external_id="-", tenants=said)
    decides = next((link for link in links if link.said.library), None)
    above = "" if decides is None or decides is links[0] else _("said above")
    if choice.engine == INTERNAL:
        return _("Configuration Server"), above
    everybody = engine_of(own="", external_id="", tenants=said).engine != INTERNAL
    whom = _("for all persons") if everybody else _("for persons with an external id")
    return names.get(choice.engine, str(UNNAMED)), f"{whom}, {above}" if above else whom
