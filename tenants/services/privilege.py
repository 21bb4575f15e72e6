"""The verbs on the catalogue of privileges; it is one for all companies, so only those who see every company change it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import IntegrityError
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy

from audit.events import Event
from audit.record import record
from core import epoch
from core.db import unit
from core.draft import KEEP, NOT_FOUND, given, line
from core.outcomes import FORBIDDEN, Denied
from tenants.actor import Actor
from tenants.models import Privilege, Role
from tenants.rights import APPLICATION, Rights
from tenants.rules import may_touch
from tenants.services.role import FULL_ADMINISTRATOR

NAME_TAKEN = Denied(
    code="name_taken", field="name", message=_("This application has a privilege of this name already.")
)
BUILT_IN = Denied(
    code="built_in",
    message=_(
        "The privileges of %(application)s are part of the product; only their description can be changed."
    )
    % {"application": APPLICATION},
)


@dataclass(frozen=True, kw_only=True)
class PrivilegeDraft:
    """What can be given for a privilege; `KEEP` leaves a field as it is."""

    application: str = KEEP
    name: str = KEEP
    description: str = KEEP


def _checked(draft: PrivilegeDraft) -> dict[str, Any] | Denied:
    values = given(draft)
    for name, longest in (("application", 80), ("name", 120), ("description", 300)):
        if name in values:
            tidy = line(values[name], field=name, longest=longest, empty=name == "description")
            if isinstance(tidy, Denied):
                return tidy
            values[name] = tidy
    return values


def _is_own(application: str) -> bool:
    # Compared without case: "gatehouse: Users - Manage" would read like ours in every list.
    return application.casefold() == APPLICATION.casefold()


def _is_taken(application: str, name: str, *, but: int | None = None) -> bool:
    return Privilege.objects.filter(application=application, name=name).exclude(pk=but or 0).exists()


def create_privilege(draft: PrivilegeDraft, *, by: Actor, now: datetime) -> Privilege | Denied:
    """Add a privilege to the catalogue. The Full Administrator gets it at once: what nobody has, nobody could give."""
    if not may_touch(by.rights, "add", "privilege", company_id=None):
        return FORBIDDEN
    values = _checked(PrivilegeDraft(**({"application": "", "name": ""} | given(draft))))
    if isinstance(values, Denied):
        return values
    if _is_own(values["application"]):
        return BUILT_IN
    if _is_taken(values["application"], values["name"]):
        return NAME_TAKEN
    try:
        with unit():
            privilege = Privilege.objects.create(**values)
            for role in Role.objects.filter(FULL_ADMINISTRATOR):
                role.privileges.add(privilege)
            epoch.bump()
            record(Event.PRIVILEGE_CREATED, origin=by.origin, at=now, subject=privilege)
    except IntegrityError:
        return NAME_TAKEN
    return privilege


def _refuse_touch(privilege: Privilege, *, verb: str, by: Actor) -> Denied | None:
    if not may_touch(by.rights, verb, "privilege", company_id=None):
        return FORBIDDEN
    return by.exceeded_by(Rights(privileges=frozenset([(privilege.application, privilege.name)])))


def _locked(privilege: Privilege) -> Privilege | None:
    return Privilege.objects.select_for_update().filter(pk=privilege.pk).first()


def change_privilege(
    privilege: Privilege, draft: PrivilegeDraft, *, by: Actor, now: datetime
) -> Privilege | Denied:
    """Change what is given; everyone who has the privilege has it under its new name."""
    values = _checked(draft)
    if isinstance(values, Denied):
        return values
    try:
        with unit():
            found = _locked(privilege)
            if found is None:
                return NOT_FOUND
            refusal = _refuse_touch(found, verb="change", by=by)
            if refusal is not None:
                return refusal
            changed = {name: value for name, value in values.items() if value != getattr(found, name)}
            renamed = bool({"application", "name"} & changed.keys())
            if renamed and (_is_own(found.application) or _is_own(changed.get("application", ""))):
                return BUILT_IN
            before = str(found)
            for name, value in changed.items():
                setattr(found, name, value)
            if renamed and _is_taken(found.application, found.name, but=found.pk):
                return NAME_TAKEN
            if changed:
                found.save(update_fields=sorted(changed))
                epoch.bump()
                record(
                    Event.PRIVILEGE_CHANGED,
                    origin=by.origin,
                    at=now,
                    subject=found,
                    fields=sorted(changed),
                    before=before,
                )
    except IntegrityError:
        return NAME_TAKEN
    return found


def delete_privilege(privilege: Privilege, *, by: Actor, now: datetime) -> Denied | None:
    """Take a privilege out of the catalogue; refused while a role gives it."""
    with unit():
        found = _locked(privilege)
        if found is None:
            return NOT_FOUND
        refusal = _refuse_touch(found, verb="delete", by=by)
        if refusal is not None:
            return refusal
        if _is_own(found.application):
            return BUILT_IN
        roles = Role.objects.filter(privileges=found).exclude(FULL_ADMINISTRATOR).count()
        if roles:
            return Denied(
                code="in_use",
                message=ngettext_lazy(
                    "%(count)d role gives this privilege. Take it from this role first.",
                    "%(count)d roles give this privilege. Take it from them first.",
                    roles,
                )
                % {"count": roles},
            )
        record(Event.PRIVILEGE_DELETED, origin=by.origin, at=now, subject=found)
        epoch.bump()
        found.delete()
    return None
