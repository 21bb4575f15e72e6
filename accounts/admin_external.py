"""What the page of an external person among People shows: the account is only a shadow, so most of it is to be read."""

from collections.abc import Sequence
from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as __
from django.utils.translation import ngettext

from accounts.loaded import permissions_loaded, roles_loaded
from accounts.models import User
from configserver.choice import INTERNAL
from configserver.directory import Protocol
from configserver.models import Person, Tenant
from core.admin import VerbAdmin
from core.admin_pages import Note, Panel, Words
from tenants.models import Permission, SecondFactorPolicy
from tenants.roles import RoleGiven

SHOWN_PRIVILEGES = 12
FIELDSETS: Any = (
    (None, {"fields": ("username", "display_name", "email", "phone", "language")}),
    (__("Loaded at the last sign-in"), {"fields": ("company", "tenant_loaded", "proved_by")}),
    (__("Access"), {"fields": ("is_active", "lock_state", "tries")}),
    (
        __("Last sign-in and proofs"),
        {"fields": ("last_login", "last_login_from", "email_verified_at", "phone_verified_at", "created_at")},
    ),
)
CHANGEABLE = ("language", "is_active")
HELP: dict[str, Words] = {
    "username": __("The name typed at sign-in. It is kept in the Configuration Server."),
    "display_name": __("As the Configuration Server, or the directory, said at the last sign-in."),
    "email": __("For codes and notices; never a sign-in name."),
    "company": __(
        "The company of the tenant, or the one in the settings where the tenant is linked to none."
    ),
    "tenant_loaded": __("The tenant of the Configuration Server that the person belongs to."),
    "proved_by": __("Who proved the password at the last sign-in."),
    "is_active": __(
        "When off, the person cannot sign in here and open sessions end at once. In the Configuration Server nothing changes."
    ),
}


def tenant_in_words(user: User) -> str:
    """The tenant that was loaded, by name where it is still there."""
    if user.tenant_dbid is None:
        return _("None: the directory named one that there is not.")
    found = Tenant.objects.filter(dbid=user.tenant_dbid).first()
    return str(found) if found is not None else _("DBID %(dbid)s") % {"dbid": user.tenant_dbid}


def engine_in_words(user: User) -> str:
    """Who proves the password."""
    if user.engine == INTERNAL:
        return _("The Configuration Server itself")
    return _("A directory, by %(protocol)s") % {
        "protocol": dict(Protocol.choices).get(user.engine, user.engine)
    }


def notes(model_admin: VerbAdmin, request: HttpRequest, user: User) -> Sequence[Note]:
    """Where the person is kept, with the way there for those who may see it."""
    person = model_admin.choices(request, Person).filter(uid=user.source_id).first()
    url = reverse("admin:configserver_person_change", args=(person.pk,)) if person is not None else ""
    words = _("This person is kept in the Configuration Server: name, roles and password are changed there.")
    return [Note(sentence=words, url=url, label=_("To the person there"))]


def panels(model_admin: VerbAdmin, request: HttpRequest, user: User) -> Sequence[Panel]:
    """The roles and permissions that were loaded."""
    roles = roles_loaded(user)
    held = [
        *((one, role.name) for role in roles for one in role.permissions),
        *((one, _("the person alone")) for one in permissions_loaded(user)),
    ]
    names = model_admin.gate.owners(request, [one.company_id for one, _to in held if one.company_id])
    return (
        Panel(
            title=_("Roles loaded at the last sign-in"),
            headers=(_("Role"), _("Rank"), _("Second factor"), _("Privileges")),
            rows=[
                (
                    role.name,
                    role.rank,
                    dict(SecondFactorPolicy.choices).get(role.twofactor_policy, "–"),
                    _privileges(role),
                )
                for role in roles
            ],
            empty=_("None: the person may do nothing here."),
        ),
        Panel(
            title=_("Permissions loaded at the last sign-in"),
            headers=(_("Kind of object"), _("Reach"), _("Company"), _("Given to")),
            rows=[
                (one.get_kind_display(), one.get_reach_display(), _company(one, names), holder)
                for one, holder in held
            ],
            empty=_("None: the person sees nothing here but the own account."),
        ),
    )


def _privileges(role: RoleGiven) -> str:
    lines = sorted(f"{application}: {name}" for application, name in role.privileges)
    more = len(lines) - SHOWN_PRIVILEGES
    if more > 0:
        told = ngettext("and %(number)s more", "and %(number)s more", more) % {"number": more}
        lines = [*lines[:SHOWN_PRIVILEGES], told]
    return format_html('<span class="gh-lines">{}</span>', "\n".join(lines) or "–")


def _company(permission: Permission, names: dict[int, str]) -> str:
    return "–" if permission.company_id is None else names.get(permission.company_id, _("another company"))
