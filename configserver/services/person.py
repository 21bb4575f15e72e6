"""The verbs on external persons. Each checks who asks, changes, writes down, and answers with a value."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.contrib.auth.hashers import make_password
from django.db import IntegrityError
from django.utils.translation import gettext_lazy as _

from audit.events import Event
from audit.record import record
from configserver.access import Administrator
from configserver.choice import INTERNAL
from configserver.directory import BRINGING, PROVING
from configserver.granting import granted_by, own_of, roles_held
from configserver.models import Directory, Group, Person, Role, Tenant
from configserver.service import choice_of, refuse_new_password, store_password
from configserver.services.above import NO_PROOF, refuse_groups
from configserver.services.voiding import void
from core import epoch
from core.contacts import NAME_LENGTH, checked_email, checked_phone, key_of
from core.db import unit
from core.draft import KEEP, given, line
from core.options import Snapshot
from core.outcomes import FORBIDDEN, Denied

KIND = "user"
NOT_FOUND = Denied(code="not_found", message=_("There is no such person."))
NAME_TAKEN = Denied(
    code="name_taken", field="name", message=_("There is a person of this user name already.")
)
OWN_ACCOUNT = Denied(code="own_account", message=_("You cannot disable or delete your own account."))
OWN_PROOF = Denied(
    code="own_account", message=_("Your own password changes only on the pages of your account.")
)
PROVED_ELSEWHERE = Denied(
    code="kept_elsewhere", message=_("A directory proves this person's password; change it there.")
)
OWN_SIGN_IN = Denied(
    code="own_account",
    message=_(
        "Your own user name, e-mail address, phone number, tenant and directory are for another administrator to change."
    ),
)
NO_BRINGING = Denied(
    code="invalid", field="source", message=_("This directory brings nobody here; it only proves passwords.")
)
REF_TAKEN = Denied(
    code="name_taken", field="source_ref", message=_("The directory has brought a person of this id already.")
)
STANDS_ABOVE = _("This person may do or see more than you, so you cannot change the account.")
MEANWHILE = Denied(
    code="conflict", message=_("The person was changed in the meantime. Nothing was changed now.")
)
# What does not change who the person is or what he may do.
HARMLESS = frozenset({"display_name", "given_name", "family_name", "phone", "source_ref"})
# What decides who signs in as the person: whoever holds a session for a moment must not make the account his own by it.
PROVES = frozenset({"name", "email", "phone", "tenant", "external_id", "directory", "source"})


LINES = {
    "name": NAME_LENGTH,
    "display_name": 120,
    "external_id": NAME_LENGTH,
    "source_ref": 255,
    "given_name": 120,
    "family_name": 120,
}
NEEDED = frozenset({"name", "display_name"})


@dataclass(frozen=True, kw_only=True)
class PersonDraft:
    """What can be given for a person; `KEEP` leaves a field as it is."""

    name: str = KEEP
    tenant: Tenant = KEEP
    display_name: str = KEEP
    email: str = KEEP
    phone: str = KEEP
    external_id: str = KEEP
    directory: Directory | None = KEEP
    source: Directory | None = KEEP
    source_ref: str = KEEP
    given_name: str = KEEP
    family_name: str = KEEP
    roles: Sequence[Role] = KEEP
    is_active: bool = KEEP
    must_change_password: bool = KEEP


def _checked(draft: PersonDraft) -> dict[str, Any] | Denied:
    values = given(draft)
    for name, longest in LINES.items():
        if name in values:
            text = line(values[name], field=name, longest=longest, empty=name not in NEEDED)
            if isinstance(text, Denied):
                return text
            values[name] = text
    for name, check in (("email", checked_email), ("phone", checked_phone)):
        if values.get(name):
            checked = check(values[name])
            if isinstance(checked, Denied):
                return checked
            values[name] = checked
    if "roles" in values:
        values["roles"] = list(dict.fromkeys(values["roles"]))
    return values


def _refuse_grants(
    roles: Sequence[Role], person: Person | None, *, dbid: int, by: Administrator
) -> Denied | None:
    own = [own_of(person)] if person is not None and person.pk is not None else []
    return by.exceeded_by_grants(*map(granted_by, roles), *own, dbid=dbid)


def refuse_touch(person: Person, *, verb: str, by: Administrator) -> Denied | None:
    """Why this actor may not touch this person as he is now: out of reach, or above the actor."""
    dbid, source = person.tenant.dbid, person.source.uid if person.source is not None else None
    if not by.may_touch_tenant("view", KIND, dbid=dbid) or not by.may_touch_people_of(source):
        return NOT_FOUND
    if not by.may_touch_tenant(verb, KIND, dbid=dbid):
        return FORBIDDEN
    held = list(roles_held(Person.objects.filter(pk=person.pk)))
    exceeded = _refuse_grants(held, person, dbid=dbid, by=by)
    return None if exceeded is None else replace(exceeded, message=STANDS_ABOVE)


def _refuse_directory(
    directory: Directory | None, *, by: Administrator, field: str = "directory"
) -> Denied | None:
    # Who proves a password, and who keeps a person, are matters of the installation, not of one company.
    if not by.may_touch_tenant("change", "directory", dbid=None):
        return replace(FORBIDDEN, field=field)
    if field == "directory" and directory is not None and directory.protocol not in PROVING:
        return NO_PROOF
    refusal = refuse_groups(directory, by=by)
    return None if refusal is None else replace(refusal, field=field)


def _refuse_source(values: dict[str, Any], person: Person | None, *, by: Administrator) -> Denied | None:
    """A directory keeps those whom it brings; who else it keeps, an administrator decides."""
    source = values.get("source", person.source if person is not None else None)
    ref = values.get("source_ref", person.source_ref if person is not None else "")
    if "source" in values and not (source is not None and person is None and by.is_directory(source.uid)):
        refusal = _refuse_directory(source, by=by, field="source")
        if refusal is None and source is not None and source.protocol not in BRINGING:
            refusal = NO_BRINGING
        if refusal is not None:
            return refusal
    if source is None or not ref or not {"source", "source_ref"} & values.keys():
        return None
    same = Person.objects.filter(source=source, source_ref=ref)
    if person is not None:
        same = same.exclude(pk=person.pk)
    return REF_TAKEN if same.exists() else None


def create_person(
    draft: PersonDraft, *, password: str, environment: Snapshot, by: Administrator, now: datetime
) -> Person | Denied:
    """Make an external person; without a password nobody signs in until one is given, or a directory proves it."""
    values = _checked(PersonDraft(**({"name": "", "display_name": "", "roles": ()} | given(draft))))
    if isinstance(values, Denied):
        return values
    roles, tenant = values.pop("roles"), values.get("tenant")
    if tenant is None:
        return Denied(code="invalid", field="tenant", message=_("Choose the tenant of the person."))
    if not by.may_touch_tenant("add", KIND, dbid=tenant.dbid):
        return FORBIDDEN
    directory = values.get("directory")
    refusal = _refuse_directory(directory, by=by) if directory is not None else None
    if refusal is None:
        refusal = _refuse_source(values, None, by=by)
    if refusal is None and (above := _refuse_grants(roles, None, dbid=tenant.dbid, by=by)) is not None:
        refusal = replace(above, field="roles")
    if refusal is not None:
        return refusal
    if Person.objects.filter(name_key=key_of(values["name"])).exists():
        return NAME_TAKEN
    person = Person(**values)
    if password:
        refusal = refuse_new_password(password, person, environment=environment, now=now)
        if refusal is not None:
            return refusal
        person.password, person.password_changed_at = make_password(password), now
    try:
        with unit():
            person.save(force_insert=True)
            person.roles.set(roles)
            if person.password:
                person.used_passwords.create(password=person.password, at=now)
            epoch.bump()
            _record(Event.PERSON_CREATED, person, by=by, now=now, roles=[role.name for role in roles])
    except IntegrityError:
        return NAME_TAKEN
    return person


def _locked(person: Person) -> Person | None:
    rows = Person.objects.select_for_update(of=("self",)).select_related("tenant", "directory", "source")
    return rows.filter(pk=person.pk).first()


def change_person(
    person: Person, draft: PersonDraft, *, by: Administrator, now: datetime, seen: datetime | None = None
) -> Person | Denied:
    """Change what is given. Refused when the person, as he was or as he would be, stands above the actor.

    With `seen`, refused when it is not as it was when it was last changed at that time.
    """
    values = _checked(draft)
    if isinstance(values, Denied):
        return values
    try:
        with unit():
            _hold_groups(person)
            found = _locked(person)
            if found is None:
                return NOT_FOUND
            if seen not in {None, found.changed_at}:
                return MEANWHILE
            held = list(found.roles.all())
            changed = {
                name: value
                for name, value in values.items()
                if (set(value) != set(held) if name == "roles" else value != getattr(found, name))
            }
            refusal = _refuse(found, changed, held=held, by=by)
            if refusal is not None:
                return refusal
            if changed:
                _apply(found, changed, by=by, now=now)
    except IntegrityError:
        return NAME_TAKEN
    return found


def _refuse(person: Person, changed: dict[str, Any], *, held: list[Role], by: Administrator) -> Denied | None:
    # Who has left the organisation is switched off by its directory whatever rights he was given here: that gives nobody anything.
    leaves = (
        changed == {"is_active": False} and person.source is not None and by.is_directory(person.source.uid)
    )
    if leaves:
        return None
    return refuse_touch(person, verb="change", by=by) or _refuse_change(person, changed, held=held, by=by)


def _refuse_change(
    person: Person, changed: dict[str, Any], *, held: list[Role], by: Administrator
) -> Denied | None:
    if by.is_person(person.uid) and changed.get("is_active") is False:
        return OWN_ACCOUNT
    if by.is_person(person.uid) and PROVES & changed.keys():
        return replace(OWN_SIGN_IN, field=min(PROVES & changed.keys()))
    if "directory" in changed and (refused := _refuse_directory(changed["directory"], by=by)) is not None:
        return refused
    if (refused := _refuse_source(changed, person, by=by)) is not None:
        return refused
    dbid = changed.get("tenant", person.tenant).dbid
    if not by.may_touch_tenant("change", KIND, dbid=dbid):
        return replace(FORBIDDEN, field="tenant")
    refusal = _refuse_grants(changed.get("roles", held), person, dbid=dbid, by=by)
    if refusal is not None:
        return replace(refusal, field=next((name for name in ("roles", "tenant") if name in changed), None))
    taken = Person.objects.filter(name_key=key_of(changed.get("name", person.name))).exclude(pk=person.pk)
    return NAME_TAKEN if taken.exists() else None


def _apply(person: Person, changed: dict[str, Any], *, by: Administrator, now: datetime) -> None:
    if "tenant" in changed:
        # Written while the person still is who the old company knows.
        _record(Event.PERSON_CHANGED, person, by=by, now=now, fields=sorted(changed))
    for name, value in changed.items():
        if name != "roles":
            setattr(person, name, value)
    if {"external_id", "directory", "tenant"} & changed.keys():
        person.entry = ""  # another directory, or another name in it, has another entry
    if {"is_active", "source"} & changed.keys():
        person.gone_at = None  # whoever decides this now is no import
    if {"display_name", "source"} & changed.keys():
        _touch_groups(person, now=now)
    if "source" in changed:
        person.group_set.clear()  # those of the directory that kept the person before
        person.source_ref = changed.get("source_ref", "")
    person.save()
    if "roles" in changed:
        person.roles.set(changed["roles"])
    if changed.keys() - HARMLESS:
        void(Person.objects.filter(pk=person.pk))
    epoch.bump()
    details = {"roles": [role.name for role in changed["roles"]]} if "roles" in changed else {}
    _record(Event.PERSON_CHANGED, person, by=by, now=now, fields=sorted(changed), **details)


def _hold_groups(person: Person) -> None:
    """Inside a unit: hold the person's groups before the person, as the verbs on groups do."""
    if person.source_id is not None:
        list(Group.objects.select_for_update().filter(members=person).order_by("pk").values_list("pk"))


def _touch_groups(person: Person, *, now: datetime) -> None:
    """Groups show their members, so they are others now."""
    if person.source_id is not None:
        Group.objects.filter(members=person).update(changed_at=now)


def give_password(
    person: Person,
    password: str,
    *,
    must_change: bool,
    environment: Snapshot,
    by: Administrator,
    now: datetime,
) -> Denied | None:
    """An administrator gives a new password; every session of the person ends."""
    refusal = refuse_touch(person, verb="change", by=by)
    if refusal is None and by.is_person(person.uid):
        refusal = OWN_PROOF
    if refusal is None and choice_of(person).engine != INTERNAL:
        refusal = PROVED_ELSEWHERE
    if refusal is None:
        refusal = refuse_new_password(password, person, environment=environment, now=now)
    if refusal is not None:
        return refusal
    hashed = make_password(password)
    with unit():
        found = _locked(person)
        # Asked again: while the hash was computed, the person may have risen above the actor.
        refusal = NOT_FOUND if found is None else refuse_touch(found, verb="change", by=by)
        if refusal is not None or found is None:
            return refusal
        if not store_password(found, hashed, must_change=must_change, now=now):
            return MEANWHILE
        _record(Event.PERSON_PASSWORD_SET, found, by=by, now=now)
    return None


def forget_entry(person: Person, *, by: Administrator, now: datetime) -> Denied | None:
    """Let the next sign-in keep another entry of the directory: the organisation has made the account anew there."""
    with unit():
        found = _locked(person)
        refusal = NOT_FOUND if found is None else refuse_touch(found, verb="change", by=by)
        if refusal is not None or found is None:
            return refusal
        if by.is_person(found.uid):
            return OWN_SIGN_IN
        if not found.entry:
            return Denied(code="nothing_changed", message=_("No entry is kept for this person."))
        found.entry = ""
        found.save(update_fields=["entry"])
        void(Person.objects.filter(pk=found.pk))
        _record(Event.PERSON_CHANGED, found, by=by, now=now, fields=["entry"])
    return None


def delete_person(
    person: Person, *, by: Administrator, now: datetime, seen: datetime | None = None
) -> Denied | None:
    """Delete the person, with `seen` only as it was then.

    The account in the portal can never be signed in to again, and what it did stays in the audit trail.
    """
    with unit():
        _hold_groups(person)
        found = _locked(person)
        if found is None:
            return NOT_FOUND
        if seen not in {None, found.changed_at}:
            return MEANWHILE
        if by.is_person(found.uid):
            return OWN_ACCOUNT
        refusal = refuse_touch(found, verb="delete", by=by)
        if refusal is not None:
            return refusal
        _record(Event.PERSON_DELETED, found, by=by, now=now)
        _touch_groups(found, now=now)
        epoch.bump()
        found.delete()
    return None


def _record(event: Event, person: Person, *, by: Administrator, now: datetime, **details: Any) -> None:
    company = by.company_of_tenant(person.tenant.dbid)
    record(event, origin=by.origin, at=now, company_id=company, subject=person, **details)
