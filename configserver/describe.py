"""Who proves passwords, and why, in plain words for administrators."""

from collections.abc import Mapping, Sequence

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as __

from configserver.choice import INTERNAL, Choice, Why, engine_of
from configserver.models import Directory
from configserver.tree import Link

UNNAMED = __("A directory")
_WHY: dict[Why, str | Promise] = {
    Why.OWN: __("%(engine)s proves the password, because this person names it."),
    Why.EXTERNAL_ID: __(
        "%(engine)s proves the password: the tenant names it, and the person has an external id."
    ),
    Why.ENFORCED: __("%(engine)s proves the password: the tenant names it for all its persons."),
    Why.TURNED_OFF: __(
        "The Configuration Server itself proves the password, because the tenant, or one above it, says so."
    ),
    Why.NO_EXTERNAL_ID: __(
        "The Configuration Server itself proves the password: the tenant names a directory only for persons with an external id, "
        "and this one has none."
    ),
    Why.NO_DIRECTORY: __(
        "The Configuration Server itself proves the password, because neither the person nor a tenant names a directory."
    ),
}


def directory_names() -> dict[str, str]:
    """The names of all directories by their ids, as a choice holds them."""
    return {str(uid): name for uid, name in Directory.objects.values_list("uid", "name")}


def choice_in_words(choice: Choice, names: Mapping[str, str]) -> str:
    """Which engine answers for a person, and why; a directory that is not among `names` is not named."""
    engine = names.get(choice.engine)
    words = str(UNNAMED) if engine is None else _("The directory “%(name)s”") % {"name": engine}
    return str(_WHY[choice.why]) % {"engine": words}


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
