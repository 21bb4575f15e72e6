"""What the claim `policy` of an integration's token lets its bearer reach. Pure; deny by default.

Three versions are in use (design/sources, 4.5): in version 1 the properties to match stand under the resource itself, in version 2
under `custom_data`, and version 3 adds `permissions` and adjusts what a role gives. An empty policy allows nothing, in any version.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

ANY = "*"
VERSIONS = (1, 2, 3)
MOST_RESOURCES = 50
MOST_PROPERTIES = 50
LONGEST = 500  # characters of a name or value
Scalar = str | int | bool
_KEYS = {
    1: frozenset[str](),
    2: frozenset({"id", "custom_data"}),
    3: frozenset({"id", "custom_data", "permissions"}),
}


@dataclass(frozen=True, kw_only=True)
class Entry:
    """What a policy says of one resource: which objects of it, and what may be done with them (None: everything)."""

    id: str | None = None
    properties: Mapping[str, Scalar] = field(default_factory=lambda: MappingProxyType({}))
    permissions: frozenset[str] | None = None

    @property
    def is_of_some(self) -> bool:
        """Whether only some objects of the resource are meant."""
        return self.id is not None or bool(self.properties)

    def permits(self, action: str) -> bool:
        """Whether the action may be done."""
        return self.permissions is None or action in self.permissions

    def matches(self, *, id: str, properties: Mapping[str, object]) -> bool:
        """Whether an object is meant: every value named has to be there, and be the same."""
        if self.id is not None and self.id != id:
            return False
        return all(
            type(properties.get(name)) is type(value) and properties[name] == value
            for name, value in self.properties.items()
        )


@dataclass(frozen=True, kw_only=True)
class Policy:
    """A policy as it was read. `adjusts`: what is not named in it stays as the role has it."""

    entries: Mapping[str, Entry]
    adjusts: bool = False

    def entry(self, resource: str) -> Entry | None:
        """What it says of a resource, by its name or by `*`."""
        return self.entries.get(resource) or self.entries.get(ANY)

    def allows(
        self, resource: str, action: str, *, id: str = "", properties: Mapping[str, object] | None = None
    ) -> bool:
        """Whether this may be done with this object; what the role gives is asked apart, and both have to agree."""
        entry = self.entry(resource)
        if entry is None:
            return self.adjusts
        return entry.permits(action) and entry.matches(id=id, properties=properties or {})

    def names(self, resource: str, action: str) -> bool:
        """Whether it opens the whole resource for this by naming it; for what is not opened by a role alone."""
        entry = self.entry(resource)
        return entry is not None and not entry.is_of_some and entry.permits(action)


def parse(claim: object, *, with_role: bool) -> Policy | None:
    """The policy of a token; None when it is none. `with_role`: the token names a role beside it, which version 3 adjusts.

    What is not understood makes it none: a condition that is passed over would open more than was meant.
    """
    if not isinstance(claim, Mapping):
        return None
    version = claim.get("version", 1)
    if type(version) is not int or version not in VERSIONS:  # neither true nor 3.0
        return None
    resources = {name: value for name, value in claim.items() if name != "version"}
    if len(resources) > MOST_RESOURCES:
        return None
    entries = {}
    for name, value in resources.items():
        entry = _entry(value, version=version)
        if entry is None or not _is_text(name):
            return None
        entries[name] = entry
    return Policy(entries=entries, adjusts=version == 3 and with_role and bool(entries))


def _entry(value: object, *, version: int) -> Entry | None:
    if not isinstance(value, Mapping):
        return None
    if version == 1:
        properties = _properties(value)
        return None if properties is None else Entry(properties=properties)
    if value.keys() - _KEYS[version]:
        return None
    id, properties = value.get("id"), _properties(value.get("custom_data", {}))
    if properties is None or ("id" in value and not _is_text(id)):
        return None
    permissions = None
    if "permissions" in value:
        listed = value["permissions"]
        if not isinstance(listed, list) or len(listed) > MOST_PROPERTIES or not all(map(_is_text, listed)):
            return None
        permissions = frozenset(listed)
    return Entry(id=id, properties=properties, permissions=permissions)


def _properties(value: object) -> Mapping[str, Scalar] | None:
    if not isinstance(value, Mapping) or len(value) > MOST_PROPERTIES:
        return None
    fits = all(
        _is_text(name) and (_is_text(one) or isinstance(one, bool | int)) for name, one in value.items()
    )
    return MappingProxyType(dict(value)) if fits else None


def _is_text(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= LONGEST
