"""Where a new person can be kept: here, or in the Configuration Server. Asked at the top of the form of either."""

from dataclasses import dataclass
from typing import Any

from django.contrib.admin import AdminSite
from django.http import HttpRequest
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as __

from accounts.mode import external_is_on
from accounts.models import User
from accounts.options import MODE
from configserver.models import Person
from core.admin_pages import Note

NO_TENANT = __("No company in your reach is linked to a tenant of the Configuration Server.")

KEPT_OUT = __("Nobody of the Configuration Server can sign in while the setting %(name)s is None.")


@dataclass(frozen=True, kw_only=True)
class Place:
    """One of the places; without an address it cannot be chosen, and `explains` says why."""

    name: str | Promise
    explains: str | Promise
    url: str
    is_current: bool


def places(site: AdminSite, request: HttpRequest, *, current: type[Any]) -> list[Place]:
    """The choice, on the form of `current`; none where people of the Configuration Server cannot sign in."""
    if not external_is_on():
        return []
    found = []
    for model, name, words in (
        (User, _("Here"), _("Signs in with the e-mail address. Company, roles and password are kept here.")),
        (
            Person,
            _("In the Configuration Server"),
            _("Signs in with a user name. The password is proved there, or by a directory."),
        ),
    ):
        may = site.get_model_admin(model).has_add_permission(request)
        found.append(
            Place(
                name=name,
                explains=words if may or model is User else NO_TENANT,
                url=reverse(f"admin:{model._meta.label_lower.replace('.', '_')}_add") if may else "",
                is_current=model is current,
            )
        )
    return found


def switched_off(settings_url: str | None) -> list[Note]:
    """How the choice is switched on, for those who may; said to nobody else."""
    if external_is_on() or settings_url is None:
        return []
    words = _(
        "Once the setting %(name)s is ConfigServer, people can also be kept in the Configuration Server and be proved by a directory."
    )
    return [
        Note(
            sentence=words % {"name": MODE.name},
            url=f"{settings_url}#id_{MODE.name}",
            label=_("To the setting"),
        )
    ]
