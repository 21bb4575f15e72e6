"""The verbs on directories. The secret is written and never read back, and goes only to servers that it was given for."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from django.db import IntegrityError
from django.utils.translation import gettext_lazy as _

from audit.events import Event
from audit.record import record
from configserver.access import Administrator
from configserver.directory import Coding, Directory, DirectoryGroup, DirectoryTenant, Protocol
from configserver.engines.radius import server_address
from configserver.granting import granted_by
from configserver.models import Role, Tenant
from configserver.services.above import refuse_over
from configserver.services.importing import drop_imports
from configserver.services.voiding import of_directory, void_directory
from core import entropy, epoch, sealed
from core.db import unit
from core.draft import KEEP, NOT_FOUND, given, line
from core.outcomes import FORBIDDEN, Denied
from core.sealed import NOTHING

KIND = "directory"
NAME_TAKEN = Denied(code="name_taken", field="name", message=_("There is a directory of this name already."))
IN_USE = Denied(
    code="in_use",
    message=_(
        "Tenants or persons name this directory, or it has brought persons. Give them another one first."
    ),
)
NO_TOKEN = Denied(code="invalid", message=_("Only an identity provider that speaks SCIM has a token."))
SECRET_AGAIN = Denied(
    code="secret_needed",
    field="secret",
    message=_(
        "The servers, the way to them or the account changed: enter the secret again. It is not sent to a place that it was not given for."
    ),
)
SECRET_MISSING = Denied(
    code="secret_needed", field="secret", message=_("Enter the shared secret of the RADIUS servers.")
)
TOKEN_PREFIX, TOKEN_PURPOSE = "scim", "scim"
MOST_SERVERS = 10
SERVER_LENGTH = 300
MOST_MAPPED = 500
SECRET_LENGTH = 500
HARMLESS = frozenset({"name"})  # says nothing of who is let in
# By what an import goes: it ends no session, but it may rename everybody, or switch them off.
OF_IMPORTS = frozenset({"login_attribute", "import_filter", "import_percent", "people_tenant"})
ACCOUNT_WITHOUT_PASSWORD = Denied(
    code="secret_needed",
    field="secret",
    message=_(
        "Enter the password of the service account. After an error it has to be entered again, for no page shows it."
    ),
)
# A change of one of these could lead the secret to somebody else.
LEADS = frozenset({"servers", "start_tls", "ca_certificates", "bind_dn"})
BOUNDS = {
    "connect_timeout_ms": (100, 10_000),
    "timeout_ms": (500, 20_000),
    "cache_seconds": (0, 65_536),
    "negative_cache_seconds": (0, 65_536),
    "attempts": (1, 5),
    "import_percent": (1, 100),
}
LINES = {
    "bind_dn": 500, "base_dn": 500, "user_filter": 500, "direct_dn": 500, "entry_attribute": 80, "name_attribute": 80,
    "email_attribute": 80, "phone_attribute": 80, "tenant_attribute": 80, "group_base": 500, "group_filter": 500,
    "nas_identifier": 60, "login_attribute": 80, "import_filter": 500,
}  # fmt: skip
NEEDED = frozenset({"name", "entry_attribute", "login_attribute", "nas_identifier"})
ATTRIBUTE = re.compile(r"[A-Za-z][A-Za-z0-9;-]*|[0-9]+(\.[0-9]+)*")


@dataclass(frozen=True, kw_only=True)
class DirectoryDraft:
    """What can be given for a directory; `KEEP` leaves a field as it is. `groups` and `tenant_values` hold the whole mapping."""

    name: str = KEEP
    protocol: str = KEEP
    is_active: bool = KEEP
    servers: str = KEEP
    secret: str = KEEP
    connect_timeout_ms: int = KEEP
    timeout_ms: int = KEEP
    start_tls: bool = KEEP
    ca_certificates: str = KEEP
    bind_dn: str = KEEP
    base_dn: str = KEEP
    user_filter: str = KEEP
    direct_dn: str = KEEP
    entry_attribute: str = KEEP
    name_attribute: str = KEEP
    email_attribute: str = KEEP
    phone_attribute: str = KEEP
    tenant_attribute: str = KEEP
    group_base: str = KEEP
    group_filter: str = KEEP
    login_attribute: str = KEEP
    import_filter: str = KEEP
    import_percent: int = KEEP
    nested_groups: bool = KEEP
    change_password: bool = KEEP
    cache_seconds: int = KEEP
    negative_cache_seconds: int = KEEP
    coding: str = KEEP
    attempts: int = KEEP
    nas_identifier: str = KEEP
    rounds_are_factor: bool = KEEP
    groups: Sequence[tuple[str, Role]] = KEEP
    tenant_values: Sequence[tuple[str, Tenant]] = KEEP
    people_tenant: Tenant | None = KEEP


def _invalid(field: str, message: Any) -> Denied:
    return Denied(code="invalid", field=field, message=message)


def _checked(draft: DirectoryDraft, *, protocol: str) -> dict[str, Any] | Denied:
    values = given(draft)
    checks = (_checked_lines, _checked_numbers, _checked_mapping)
    for check in checks:
        refused = check(values)
        if refused is not None:
            return refused
    if "servers" in values:
        servers = _servers(values["servers"], protocol=protocol)
        if isinstance(servers, Denied):
            return servers
        values["servers"] = servers
    if "ca_certificates" in values:
        values["ca_certificates"] = _plain_lines(values["ca_certificates"])
    if len(values.get("ca_certificates", "")) > 100_000:
        return _invalid("ca_certificates", _("These are too many certificates."))
    if values.get("coding", Coding.PAP) not in Coding.values:
        return _invalid("coding", _("Choose one of those that are offered."))
    secret = values.get("secret", "")
    if secret and protocol == Protocol.SCIM:
        return _invalid("secret", _("An identity provider has a token instead, which is made here."))
    if len(secret) > SECRET_LENGTH or "\0" in secret:
        return _invalid("secret", _("Use at most %(number)s characters.") % {"number": SECRET_LENGTH})
    return values


def _plain_lines(text: str) -> str:
    """The text with one kind of line end: a browser sends another one than a program, and neither means a change."""
    return "\n".join(line.rstrip() for line in text.strip().splitlines())


def _checked_lines(values: dict[str, Any]) -> Denied | None:
    for name, longest in {"name": 120, **LINES}.items():
        if name not in values:
            continue
        text = line(values[name], field=name, longest=longest, empty=name not in NEEDED)
        if isinstance(text, Denied):
            return text
        values[name] = text
        if name.endswith("_attribute") and text and not ATTRIBUTE.fullmatch(text):
            return _invalid(name, _("This is no name of an attribute."))
    return None


def _checked_numbers(values: dict[str, Any]) -> Denied | None:
    for name, (low, high) in BOUNDS.items():
        if name in values and not low <= values[name] <= high:
            return _invalid(
                name, _("Enter a whole number from %(low)s to %(high)s.") % {"low": low, "high": high}
            )
    return None


def _checked_mapping(values: dict[str, Any]) -> Denied | None:
    for name, longest in (("groups", 500), ("tenant_values", 200)):
        if name not in values:
            continue
        pairs = list(dict.fromkeys((str(text).strip(), row) for text, row in values[name]))
        if len(pairs) > MOST_MAPPED or any(
            not 0 < len(text) <= longest or "\0" in text for text, _row in pairs
        ):
            return _invalid(name, _("This mapping is too long, or has an empty line."))
        values[name] = pairs
    if "tenant_values" in values and len({text for text, _row in values["tenant_values"]}) < len(
        values["tenant_values"]
    ):
        return _invalid("tenant_values", _("One value names two tenants."))
    return None


def _servers(text: str, *, protocol: str) -> str | Denied:
    found = text.split()
    if protocol == Protocol.SCIM:
        return _invalid("servers", _("Nobody is asked; the identity provider calls.")) if found else ""
    if not 0 < len(found) <= MOST_SERVERS or len(text) > 3_000:
        return _invalid(
            "servers", _("Name one to %(most)s servers, each in a line.") % {"most": MOST_SERVERS}
        )
    if len(set(found)) < len(found):
        return _invalid("servers", _("A server is named twice."))
    for one in found:
        if len(one) > SERVER_LENGTH or not (_is_ldap(one) if protocol == Protocol.LDAP else _is_radius(one)):
            example = "ldaps://ldap.example:636" if protocol == Protocol.LDAP else "radius.example:1812"
            return _invalid("servers", _("Write each server such as %(example)s.") % {"example": example})
    return "\n".join(found)


def _is_ldap(text: str) -> bool:
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        return False
    plain = not (parts.path or parts.query or parts.fragment or parts.username or parts.password)
    return parts.scheme in {"ldap", "ldaps"} and bool(parts.hostname) and plain and port != 0


def _is_radius(text: str) -> bool:
    try:
        server_address(text)
    except ValueError:
        return False
    return True


def _malformed(directory: Directory) -> Denied | None:
    if directory.protocol == Protocol.SCIM:
        missing = directory.people_tenant is None
        return _invalid("people_tenant", _("Choose the tenant of its people.")) if missing else None
    if directory.protocol == Protocol.RADIUS:
        return None if directory.secret.text else SECRET_MISSING
    if directory.bind_dn and not directory.secret.text:
        return ACCOUNT_WITHOUT_PASSWORD
    if (refused := _malformed_import(directory)) is not None:
        return refused
    if directory.direct_dn:
        return (
            None
            if "{login}" in directory.direct_dn
            else _invalid("direct_dn", _("Write {login} where the name belongs."))
        )
    if not directory.base_dn:
        return _invalid("base_dn", _("Say where people are searched, or how their DN is made."))
    if "{login}" not in directory.user_filter or not directory.user_filter.startswith("("):
        return _invalid("user_filter", _("Write a filter such as (uid={login})."))
    if directory.group_filter and "{dn}" not in directory.group_filter:
        return _invalid("group_filter", _("Write a filter such as (member={dn})."))
    return None


def _malformed_import(directory: Directory) -> Denied | None:
    if not directory.import_filter:
        return None
    from configserver.engines.ldap import (
        is_filter,  # the library costs 20 MiB: only where there is a filter to look at
    )

    if not is_filter(directory.import_filter):
        return _invalid("import_filter", _("Write a filter such as (objectClass=inetOrgPerson)."))
    if directory.direct_dn or not directory.base_dn:
        return _invalid("import_filter", _("An import needs a service account and a base DN."))
    missing = directory.people_tenant is None
    return _invalid("people_tenant", _("Choose the tenant of its people.")) if missing else None


def _refuse(by: Administrator, verb: str, *, roles: Sequence[Role]) -> Denied | None:
    if not by.may_touch_tenant(verb, KIND, dbid=None):
        return FORBIDDEN
    # A group could give any of its people this role.
    exceeded = by.exceeded_by_grants(*map(granted_by, dict.fromkeys(roles)), dbid=None)
    return None if exceeded is None else replace(exceeded, field="groups")


def _split(values: dict[str, Any]) -> tuple[str, dict[str, list[Any]]]:
    """The secret and the mapping, which are no plain columns."""
    secret = values.pop("secret", "") or ""
    return secret, {name: values.pop(name) for name in ("groups", "tenant_values") if name in values}


def create_directory(draft: DirectoryDraft, *, by: Administrator, now: datetime) -> Directory | Denied:
    """Add a directory."""
    wanted = given(draft)
    protocol = wanted.get("protocol", "")
    if protocol not in Protocol.values:
        return _invalid("protocol", _("Choose LDAP, RADIUS or SCIM."))
    values = _checked(DirectoryDraft(**({"name": "", "servers": ""} | wanted)), protocol=protocol)
    if isinstance(values, Denied):
        return values
    secret, mapping = _split(values)
    refusal = _refuse(by, "add", roles=[role for _group, role in mapping.get("groups", ())])
    if refusal is not None:
        return refusal
    directory = Directory(**values)
    if secret:
        directory.secret = sealed.seal(directory, "secret", secret.encode())
    refusal = _malformed(directory)
    if refusal is not None:
        return refusal
    if Directory.objects.filter(name=directory.name).exists():
        return NAME_TAKEN
    try:
        with unit():
            directory.save(force_insert=True)
            _map(directory, mapping)
            epoch.bump()
            _record(Event.DIRECTORY_CREATED, directory, by=by, now=now, servers=list(directory.server_names))
    except IntegrityError:
        return NAME_TAKEN
    return directory


def _map(directory: Directory, mapping: dict[str, list[Any]]) -> None:
    if "groups" in mapping:
        directory.groups.all().delete()
        rows = [
            DirectoryGroup(directory=directory, group=group, role=role) for group, role in mapping["groups"]
        ]
        DirectoryGroup.objects.bulk_create(rows)
    if "tenant_values" in mapping:
        directory.tenant_values.all().delete()
        values = [
            DirectoryTenant(directory=directory, value=value, tenant=tenant)
            for value, tenant in mapping["tenant_values"]
        ]
        DirectoryTenant.objects.bulk_create(values)


def _mapped(directory: Directory) -> dict[str, list[tuple[str, Any]]]:
    return {
        "groups": [(one.group, one.role) for one in directory.groups.select_related("role")],
        "tenant_values": [
            (one.value, one.tenant) for one in directory.tenant_values.select_related("tenant")
        ],
    }


def _locked(directory: Directory) -> Directory | None:
    return Directory.objects.select_for_update().filter(pk=directory.pk).first()


def change_directory(
    directory: Directory, draft: DirectoryDraft, *, by: Administrator, now: datetime
) -> Directory | Denied:
    """Change what is given. Other servers, or another way to them, want the secret again; sessions of its persons end."""
    values = _checked(draft, protocol=directory.protocol)
    if isinstance(values, Denied):
        return values
    secret, mapping = _split(values)
    try:
        with unit():
            found = _locked(directory)
            if found is None:
                return NOT_FOUND
            before = _mapped(found)
            found.ca_certificates = _plain_lines(found.ca_certificates)
            changed = {name: value for name, value in values.items() if value != getattr(found, name)}
            mapping = {name: pairs for name, pairs in mapping.items() if set(pairs) != set(before[name])}
            roles = [role for _group, role in (*before["groups"], *mapping.get("groups", ()))]
            refusal = _refuse(by, "change", roles=roles)
            if refusal is None and (secret or mapping or changed.keys() - HARMLESS):
                refusal = refuse_over(of_directory(found), by=by)
            if refusal is not None:
                return refusal
            if "protocol" in changed:
                return Denied(
                    code="fixed",
                    field="protocol",
                    message=_("A directory keeps its protocol; add another one."),
                )
            had_secret = bool(found.secret.text)
            _set(found, changed, secret=secret)
            if LEADS & changed.keys() and had_secret and found.secret.text and not secret:
                return SECRET_AGAIN
            refusal = _malformed(found)
            if refusal is not None:
                return refusal
            fields = sorted({*changed, *mapping, *(["secret"] if secret else [])})
            if fields:
                found.save()
                _map(found, mapping)
                if set(fields) - HARMLESS - OF_IMPORTS - {"secret"}:
                    void_directory(found)
                if set(fields) - {"name", "secret", "import_percent"}:
                    drop_imports(found, now=now)
                epoch.bump()
                _record(Event.DIRECTORY_CHANGED, found, by=by, now=now, fields=fields)
    except IntegrityError:
        return NAME_TAKEN
    return found


def _set(directory: Directory, changed: dict[str, Any], *, secret: str) -> None:
    for name, value in changed.items():
        setattr(directory, name, value)
    if directory.protocol == Protocol.LDAP and not directory.bind_dn:
        directory.secret = NOTHING  # nobody binds with it any more
    elif secret:
        directory.secret = sealed.seal(directory, "secret", secret.encode())


def delete_directory(directory: Directory, *, by: Administrator, now: datetime) -> Denied | None:
    """Delete a directory that neither a tenant nor a person names."""
    with unit():
        found = _locked(directory)
        if found is None:
            return NOT_FOUND
        refusal = _refuse(by, "delete", roles=[role for _group, role in _mapped(found)["groups"]])
        if refusal is not None:
            return refusal
        if found.tenants.exists() or found.persons.exists() or found.brought.exists():
            return IN_USE
        _record(Event.DIRECTORY_DELETED, found, by=by, now=now)
        epoch.bump()
        found.delete()
    return None


def make_token(directory: Directory, *, by: Administrator, now: datetime) -> str | Denied:
    """Make the bearer credential of the identity provider, to be shown once; the one before does not hold any more."""
    token = entropy.token(TOKEN_PREFIX)
    with unit():
        found = _locked(directory)
        if found is None:
            return NOT_FOUND
        refusal = _refuse(by, "change", roles=[role for _group, role in _mapped(found)["groups"]])
        if refusal is None:
            # Whoever knows the token can do to its people what the identity provider can.
            refusal = refuse_over(of_directory(found), by=by)
        if refusal is None and found.protocol != Protocol.SCIM:
            refusal = NO_TOKEN
        if refusal is not None:
            return refusal
        found.token = entropy.fingerprint(token, purpose=TOKEN_PURPOSE)
        found.token_made_at, found.token_used_at = now, None
        found.save(update_fields=["token", "token_made_at", "token_used_at"])
        epoch.bump()
        _record(Event.DIRECTORY_TOKEN_MADE, found, by=by, now=now)
    return token


def _record(event: Event, directory: Directory, *, by: Administrator, now: datetime, **details: Any) -> None:
    record(event, origin=by.origin, at=now, subject=directory, **details)
