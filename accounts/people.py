"""The verbs on people. Each checks who asks, changes, writes down, and answers with a value."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.db import IntegrityError
from django.db.models import F
from django.utils.translation import gettext_lazy as _

from accounts.checks import refuse_password
from accounts.models import User
from accounts.names import Realm
from accounts.notices import notify
from accounts.principal import bounding_rights_of
from accounts.rising import end_unproved, noting_admin
from accounts.sessions import end_all
from audit.events import Event
from audit.record import record
from core import epoch
from core.contacts import checked_email, checked_phone, key_of
from core.db import unit
from core.draft import KEEP, given, line
from core.outcomes import FORBIDDEN, Denied
from tenants.actor import Actor
from tenants.models import Company, Role
from tenants.rights import Rights, exceeds
from tenants.rules import fits, may_touch, rights_given_by
from tenants.services.role import FULL_ADMINISTRATOR, is_full_administrator

NOT_FOUND = Denied(code="not_found", message=_("There is no such person."))
SHUT = Denied(
    code="own_account", message=_("The account of the person as whom you act is shut to you meanwhile.")
)
OWN_ACCOUNT = Denied(code="own_account", message=_("You cannot disable, lock or delete your own account."))
OWN_PROOF = Denied(
    code="own_account",
    message=_("Your own password, address and number change only on the pages of your account."),
)
NAME_TAKEN = Denied(
    code="name_taken", field="email", message=_("Somebody already signs in with this e-mail address.")
)
LAST_ADMINISTRATOR = Denied(
    code="last_administrator",
    message=_("This is the last administrator of the installation; name another one first."),
)
KEPT_ELSEWHERE = Denied(
    code="kept_elsewhere", message=_("This person is kept in a directory; change it there.")
)
ROLE_ELSEWHERE = Denied(
    code="role_of_other_company",
    field="roles",
    message=_("A role belongs to another company than the person."),
)
STANDS_ABOVE = _("This person may do or see more than you, so you cannot change the account.")


@dataclass(frozen=True, kw_only=True)
class UserDraft:
    """What can be given for a person; `KEEP` leaves a field as it is."""

    email: str = KEEP
    display_name: str = KEEP
    company: Company | None = KEEP
    roles: Sequence[Role] = KEEP
    phone: str = KEEP
    language: str = KEEP
    is_active: bool = KEEP
    must_change_password: bool = KEEP


def _checked(draft: UserDraft) -> dict[str, Any] | Denied:
    values = given(draft)
    if "email" in values:
        email = checked_email(values["email"])
        if isinstance(email, Denied):
            return email
        values["email"] = email
    if "display_name" in values:
        name = line(values["display_name"], field="display_name", longest=120)
        if isinstance(name, Denied):
            return name
        values["display_name"] = name
    if values.get("phone"):
        number = checked_phone(values["phone"])
        if isinstance(number, Denied):
            return number
        values["phone"] = number
    if values.get("language") and values["language"] not in dict(settings.LANGUAGES):
        return Denied(code="invalid", field="language", message=_("Choose one of the languages offered."))
    return values


def _given_rights(*, roles: Sequence[Role], company: Company | None, user: User | None) -> Rights:
    if user is not None and user.is_external:
        return bounding_rights_of(user)
    permissions = list(user.permissions.all()) if user is not None else []
    return rights_given_by(roles=roles, permissions=permissions, own=company.pk if company else None)


def _role_elsewhere(roles: Sequence[Role], company: Company | None) -> Denied | None:
    return None if all(fits(role, company=company) for role in roles) else ROLE_ELSEWHERE


def create_user(draft: UserDraft, *, password: str, by: Actor, now: datetime) -> User | Denied:
    """Make an internal person. The e-mail address is unverified until a code sent to it came back."""
    values = _checked(draft)
    if isinstance(values, Denied):
        return values
    company, roles = values.get("company"), list(values.get("roles", ()))
    if not values.get("email") or not values.get("display_name"):
        return Denied(
            code="invalid", field="email", message=_("A person needs an e-mail address and a name.")
        )
    if not may_touch(by.rights, "add", "user", company_id=company.pk if company else None):
        return FORBIDDEN
    refusal = _role_elsewhere(roles, company) or by.exceeded_by(
        _given_rights(roles=roles, company=company, user=None)
    )
    if refusal is not None:
        return refusal
    email = values["email"]
    refusal = refuse_password(
        password,
        company_id=company.pk if company else None,
        about=(email, email.split("@")[0], values["display_name"]),
        now=now,
    )
    if refusal is not None:
        return refusal
    if User.objects.filter(realm=Realm.INTERNAL, login_key=key_of(email)).exists():
        return NAME_TAKEN
    hashed = make_password(password)
    try:
        with unit():
            user = User(
                username=email,
                email=email,
                password=hashed,
                password_changed_at=now,
                **{name: value for name, value in values.items() if name not in {"email", "roles"}},
            )
            user.save(force_insert=True)
            user.roles.set(roles)
            user.used_passwords.create(password=hashed, at=now)
            record(
                Event.USER_CREATED,
                origin=by.origin,
                at=now,
                company_id=user.company_id,
                subject=user,
                roles=[role.name for role in roles],
            )
    except IntegrityError:
        return NAME_TAKEN
    return user


def _is_self(user: User, by: Actor) -> bool:
    return by.origin.actor is not None and by.origin.actor.uid == user.uid


def refuse_touch(user: User, *, verb: str, by: Actor) -> Denied | None:
    """Why this actor may not touch this person as he is now: out of reach, or above the actor."""
    if not may_touch(by.rights, "view", "user", company_id=user.company_id):
        return NOT_FOUND
    if by.acts_as(user.uid):
        return SHUT
    if not may_touch(by.rights, verb, "user", company_id=user.company_id):
        return FORBIDDEN
    exceeded = by.exceeded_by(bounding_rights_of(user))
    return None if exceeded is None else replace(exceeded, message=STANDS_ABOVE)


def _locked(user: User) -> User | None:
    # Locked before the rules are asked, so that what they were asked about is what changes.
    return User.objects.select_for_update(of=("self",)).select_related("company").filter(pk=user.pk).first()


def _is_last_administrator(user: User) -> bool:
    """Inside a unit: whether nobody else could repair what is wrong with the installation."""
    full = Role.objects.filter(FULL_ADMINISTRATOR)
    # Held until the end of the unit, so that two administrators who go at once do not each count on the other.
    held = [role.pk for role in full.select_for_update(no_key=True)]
    administrators = User.objects.filter(is_active=True, locked_at=None, company=None, roles__in=held)
    return administrators.filter(pk=user.pk).exists() and not administrators.exclude(pk=user.pk).exists()


def change_user(user: User, draft: UserDraft, *, by: Actor, now: datetime) -> User | Denied:
    """Change what is given. Refused when the person, as he was or as he would be, stands above the actor."""
    values = _checked(draft)
    if isinstance(values, Denied):
        return values
    try:
        with unit():
            found = _locked(user)
            if found is None:
                return NOT_FOUND
            held = list(found.roles.all())
            changed = {
                name: value
                for name, value in values.items()
                if (set(value) != set(held) if name == "roles" else value != getattr(found, name))
            }
            refusal = refuse_touch(found, verb="change", by=by)
            if refusal is None and changed:
                refusal = _refuse_change(found, changed, held=held, by=by)
            if refusal is not None:
                return refusal
            if changed:
                _apply(found, changed, by=by, now=now)
    except IntegrityError:
        return NAME_TAKEN
    return found


def _refuse_change(user: User, changed: dict[str, Any], *, held: Sequence[Role], by: Actor) -> Denied | None:
    if _is_self(user, by) and changed.get("is_active") is False:
        return OWN_ACCOUNT
    if user.is_external and changed.keys() - {"language", "is_active"}:
        return replace(KEPT_ELSEWHERE, field=min(changed.keys() - {"language", "is_active"}))
    if _is_self(user, by) and {"email", "phone"} & changed.keys():
        return OWN_PROOF  # else whoever holds the session for a moment keeps the account
    company, roles = changed.get("company", user.company), list(changed.get("roles", held))
    if not may_touch(by.rights, "change", "user", company_id=company.pk if company else None):
        return FORBIDDEN
    refusal = _role_elsewhere(roles, company)
    after = _given_rights(roles=roles, company=company, user=user)
    if refusal is None:
        refusal = by.exceeded_by(after)
    if refusal is None and _is_self(user, by):
        # A token of an integration may lend a role; nobody keeps it by giving it to himself.
        refusal = exceeds(_given_rights(roles=held, company=user.company, user=user), after)
    if refusal is not None:
        return refusal
    stays = (
        changed.get("is_active") is not False and company is None and any(map(is_full_administrator, roles))
    )
    if not stays and _is_last_administrator(user):
        return LAST_ADMINISTRATOR
    if "email" in changed:
        taken = User.objects.filter(realm=Realm.INTERNAL, login_key=key_of(changed["email"])).exclude(
            pk=user.pk
        )
        if taken.exists():
            return NAME_TAKEN
    return None


def _apply(user: User, changed: dict[str, Any], *, by: Actor, now: datetime) -> None:
    told = _told_of(user, changed)
    if "company" in changed:
        # Written while the person still is who the old company knows; the new name and roles are the new company's matter.
        _record_change(user, changed, by=by, now=now)
    for name, value in changed.items():
        if name != "roles":
            setattr(user, name, value)
    if "email" in changed:
        user.username, user.email_verified_at = changed["email"], None
    if "phone" in changed:
        user.phone_verified_at = None
    if {"email", "phone", "is_active", "company"} & changed.keys():
        user.security_version += 1
    user.save()
    if "roles" in changed:
        end_unproved(user, given=changed["roles"], origin=by.origin, now=now)
        with noting_admin(user, now=now):
            user.roles.set(changed["roles"])
    epoch.bump()
    details = {"roles": [role.name for role in changed["roles"]]} if "roles" in changed else {}
    _record_change(user, changed, by=by, now=now, **details)
    if "is_active" in changed:
        event = Event.USER_ENABLED if user.is_active else Event.USER_DISABLED
        record(event, origin=by.origin, at=now, company_id=user.company_id, subject=user)
        if not user.is_active:
            end_all(user, reason="disabled", origin=by.origin, now=now)
    elif {"company", "email"} & changed.keys():
        end_all(user, reason="changed", origin=by.origin, now=now)
    for sentence, to in told:
        notify(user, to=to, sentence=sentence, origin=by.origin, now=now)


def _told_of(user: User, changed: dict[str, Any]) -> list[tuple[str, list[str]]]:
    """What the person is told of a change that is about to be made, and where: at the verified address or number of until now."""
    address = [user.email] if user.email_verified_at else []
    told = [("email_changed", address)] if "email" in changed else []
    if "phone" in changed and user.phone_verified_at:
        told.append(("phone_changed", [user.phone, *address]))
    return told


def _record_change(
    user: User, changed: dict[str, Any], *, by: Actor, now: datetime, **details: list[str]
) -> None:
    record(
        Event.USER_CHANGED,
        origin=by.origin,
        at=now,
        company_id=user.company_id,
        subject=user,
        fields=sorted(changed),
        **details,
    )


def set_password(user: User, password: str, *, must_change: bool, by: Actor, now: datetime) -> Denied | None:
    """An administrator gives a new password; every session of the person ends."""
    refusal = refuse_touch(user, verb="change", by=by)
    if refusal is None and _is_self(user, by):
        refusal = OWN_PROOF
    if refusal is None and user.is_external:
        refusal = KEPT_ELSEWHERE
    if refusal is None:
        refusal = refuse_password(password, company_id=user.company_id, about=about(user), now=now, user=user)
    if refusal is not None:
        return refusal
    hashed = make_password(password)
    with unit():
        found = _locked(user)
        # Asked again: while the hash was computed, the person may have risen above the actor.
        refusal = NOT_FOUND if found is None else refuse_touch(found, verb="change", by=by)
        if refusal is not None:
            return refusal
        store_password(user, hashed, must_change=must_change, now=now)
        record(Event.PASSWORD_SET, origin=by.origin, at=now, company_id=user.company_id, subject=user)
        end_all(user, reason="password_changed", origin=by.origin, now=now)
    return None


def about(user: User) -> tuple[str, ...]:
    """Words of the person that no password may consist of."""
    return (user.username, user.username.partition("@")[0], user.display_name)


def store_password(user: User, hashed: str, *, must_change: bool, now: datetime) -> None:
    """Inside a unit: put the hash in place, remember it, and void what was granted under the old one."""
    User.objects.filter(pk=user.pk).update(
        password=hashed,
        password_changed_at=now,
        must_change_password=must_change,
        security_version=F("security_version") + 1,
    )
    user.used_passwords.create(password=hashed, at=now)
    epoch.bump()


def lock_user(user: User, *, reason: str, by: Actor, now: datetime) -> Denied | None:
    """Lock the account until an administrator unlocks it; its sessions end at once."""
    with unit():
        refusal = refuse_end(user, verb="change", by=by)
        if refusal is None:
            lock_account(user, reason=reason, by=by, now=now)
    return refusal


def refuse_end(user: User, *, verb: str, by: Actor) -> Denied | None:
    """Inside a unit: why this actor may not take the account from this person, whose row is locked from here on."""
    found = _locked(user)
    if found is None:
        return NOT_FOUND
    if _is_self(found, by):
        return OWN_ACCOUNT
    refusal = refuse_touch(found, verb=verb, by=by)
    return LAST_ADMINISTRATOR if refusal is None and _is_last_administrator(found) else refusal


def lock_account(user: User, *, reason: str, by: Actor, now: datetime) -> None:
    """Lock without asking who asks: for the rules of sign-in itself."""
    with unit():
        if not User.objects.filter(pk=user.pk, locked_at=None).update(
            locked_at=now, locked_reason=reason[:200], security_version=F("security_version") + 1
        ):
            return
        epoch.bump()
        record(
            Event.USER_LOCKED,
            origin=by.origin,
            at=now,
            company_id=user.company_id,
            subject=user,
            reason=reason[:200],
        )
        end_all(user, reason="locked", origin=by.origin, now=now)


def delete_user(user: User, *, by: Actor, now: datetime) -> Denied | None:
    """Delete the account; what it did stays in the audit trail."""
    with unit():
        refusal = refuse_end(user, verb="delete", by=by)
        if refusal is not None:
            return refusal
        end_all(user, reason="deleted", origin=by.origin, now=now)
        record(Event.USER_DELETED, origin=by.origin, at=now, company_id=user.company_id, subject=user)
        epoch.bump()
        user.delete()
    return None
