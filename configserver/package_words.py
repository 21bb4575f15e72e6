"""What is said of role packages: why a file is not taken, and what one would change."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as __

from configserver.models import Reach
from configserver.spd import Difference, Fault, Malformed, PermissionSpec, PrivilegeSpec, RoleSpec

_REASONS: Mapping[Fault, Promise] = {
    Fault.TOO_LARGE: __("The file is larger than %(limit)s bytes."),
    Fault.NOT_UTF8: __("The file is not UTF-8."),
    Fault.NUL: __("There is a NUL in the file."),
    Fault.ENCODING: __("The file says that it is in the encoding “%(detail)s”; it has to be UTF-8."),
    Fault.DTD: __("The file has a document type (DTD). It must not have one, nor entities of its own."),
    Fault.XML: __("This is not well-formed XML: %(detail)s."),
    Fault.TOO_DEEP: __("There are more than %(limit)s elements within each other."),
    Fault.TOO_MANY_ELEMENTS: __("There are more than %(limit)s elements."),
    Fault.NAMESPACE: __("An element is of the unknown namespace “%(detail)s”, or of none."),
    Fault.NOT_A_PACKAGE: __("The outermost element is “%(detail)s” and not “solutionDefinition”."),
    Fault.SCHEMA_MALFORMED: __("“%(detail)s” is no version of the format; it has to be one such as 2.0.0."),
    Fault.SCHEMA_EARLIER: __("Version %(detail)s of the format is too old; it has to be 2."),
    Fault.SCHEMA_LATER: __("Version %(detail)s of the format is newer than what is understood here, 2."),
    Fault.MISSING: __("“%(detail)s” is missing or empty."),
    Fault.TWICE: __("“%(detail)s” stands there twice."),
    Fault.TOO_LONG: __("“%(detail)s” is longer than %(limit)s characters."),
    Fault.NOT_PLAIN: __("“%(detail)s” has to be one line of characters that can be seen."),
    Fault.UNEXPECTED_ELEMENT: __("The element “%(detail)s” is not understood at this place."),
    Fault.UNEXPECTED_TEXT: __("There is text where none belongs."),
    Fault.UNKNOWN_ATTRIBUTE: __("The attribute “%(detail)s” is not known here."),
    Fault.RANK: __("“%(detail)s” is no rank; it has to be a whole number from 0 to 100."),
    Fault.KIND: __("“%(detail)s” is no kind of object."),
    Fault.REACH: __("“%(detail)s” is no reach; it has to be own, one or every."),
    Fault.TENANT: __("A permission names a tenant by its DBID with the reach “one”, and only then."),
    Fault.ROLE_TWICE: __("The role “%(detail)s” stands there twice."),
    Fault.PRIVILEGE_TWICE: __("A role gives the privilege “%(detail)s” twice."),
    Fault.PERMISSION_TWICE: __("A role gives the permission “%(detail)s” twice."),
    Fault.TOO_MANY_ROLES: __("There are more than %(limit)s roles."),
    Fault.TOO_MANY_PRIVILEGES: __("A role has more than %(limit)s privileges."),
    Fault.TOO_MANY_PERMISSIONS: __("A role has more than %(limit)s permissions."),
    Fault.NO_ROLES: __("No profile “install” has a role."),
    Fault.SNAPSHOT_VERSION: __("What was kept for rolling back is of another release (%(detail)s)."),
    Fault.SNAPSHOT: __("What was kept for rolling back cannot be read."),
}


def why_not(malformed: Malformed) -> str:
    """The sentence that says why a file is not taken, with its line where there is one."""
    reason = str(_REASONS[malformed.code]) % {"detail": malformed.detail, "limit": malformed.limit}
    if malformed.line is None:
        return reason
    return _("Line %(line)s: %(reason)s") % {"line": malformed.line, "reason": reason}


@dataclass(frozen=True, kw_only=True)
class Told:
    """One role of a difference in words: what people with it gain and lose."""

    name: str
    state: str  # new, changed, removed, or taken_over: only that
    rank: str
    description: str  # what it is from then on; empty: it stays as it is
    gained: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()


def told(difference: Difference) -> list[Told]:
    """The difference role by role: first what goes, then what changes, then what comes."""
    found = [_alone(role, state="removed") for role in difference.removed]
    for change in difference.changed:
        rank = f"{change.before.rank} → {change.after.rank}" if change.is_other_rank else ""
        one = Told(
            name=change.name,
            state="changed",
            rank=rank,
            description=(change.after.description or "–") if change.is_other_description else "",
            gained=_words(change.privileges_added, change.permissions_added),
            lost=_words(change.privileges_removed, change.permissions_removed),
        )
        found.append(one)
    found += [_alone(role, state="new") for role in difference.added]
    changed = {one.name for one in found}
    found += [
        Told(name=name, state="taken_over", rank="", description="")
        for name in difference.taken_over
        if name not in changed
    ]
    return found


def _alone(role: RoleSpec, *, state: str) -> Told:
    rights = _words(role.privileges, role.permissions)
    there, gone = (rights, ()) if state == "new" else ((), rights)
    return Told(
        name=role.name,
        state=state,
        rank=str(role.rank),
        description=role.description if state == "new" else "",
        gained=there,
        lost=gone,
    )


def _words(privileges: Iterable[PrivilegeSpec], permissions: Iterable[PermissionSpec]) -> tuple[str, ...]:
    given = sorted(f"{one.application}: {one.name}" for one in privileges)
    seen = [
        _("May see: %(kind)s, %(reach)s") % {"kind": one.kind, "reach": _reach(one)} for one in permissions
    ]
    return (*given, *seen)


_REACHES: Mapping[str, Promise] = {
    Reach.OWN.value: __("in the person's own company"),
    Reach.EVERY.value: __("in every company"),
}


def _reach(permission: PermissionSpec) -> str:
    if permission.tenant is not None:
        return _("in the company of the tenant %(dbid)s") % {"dbid": permission.tenant}
    return str(_REACHES[permission.reach])
