"""Pure: the attributes of the resources as declarations (RFC 7643), from which `/Schemas`, the check of bodies and PATCH are made."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from configserver.scim.errors import ScimError, fixed, invalid
from configserver.scim.filters import Path

USER = "urn:ietf:params:scim:schemas:core:2.0:User"
GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
PERSON = "urn:gatehouse:params:scim:schemas:extension:1.0:Person"
# What others send with a user and is not kept here: read over, as RFC 7644, 3.3, lets a server do, so that no sync fails by a job title.
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
PASSED_OVER = frozenset({
    "nickname", "profileurl", "title", "usertype", "preferredlanguage", "locale", "timezone", "ims", "photos", "addresses",
    "entitlements", "roles", "x509certificates",
})  # fmt: skip
MOST_ELEMENTS = 1_000


@dataclass(frozen=True, kw_only=True)
class Attribute:
    """One attribute, in the words of RFC 7643, 7."""

    name: str
    description: str
    type: str = "string"
    multi: bool = False
    required: bool = False
    exact: bool = False
    mutability: str = "readWrite"
    returned: str = "default"
    uniqueness: str = "none"
    words: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    subs: tuple["Attribute", ...] = ()

    def shown(self) -> dict[str, Any]:
        """The attribute as `/Schemas` shows it."""
        found: dict[str, Any] = {
            "name": self.name,
            "type": self.type,
            "multiValued": self.multi,
            "description": self.description,
            "required": self.required,
            "mutability": self.mutability,
            "returned": self.returned,
        }
        if self.type in {"string", "reference"}:
            found |= {"caseExact": self.exact, "uniqueness": self.uniqueness}
        if self.words:
            found["canonicalValues"] = list(self.words)
        if self.references:
            found["referenceTypes"] = list(self.references)
        if self.subs:
            found["subAttributes"] = [one.shown() for one in self.subs]
        return found


@dataclass(frozen=True, kw_only=True)
class Schema:
    """The attributes of one schema, by their names in lower case."""

    id: str
    name: str
    description: str
    attributes: Mapping[str, Attribute]

    def shown(self) -> dict[str, Any]:
        """The schema as `/Schemas` shows it."""
        attributes = [one.shown() for one in self.attributes.values() if one not in _COMMON]
        return {"id": self.id, "name": self.name, "description": self.description, "attributes": attributes}


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A type of resource."""

    name: str
    endpoint: str
    description: str
    schema: Schema
    extensions: tuple[Schema, ...] = ()

    @property
    def schemas(self) -> tuple[Schema, ...]:
        """Its schema and the extensions."""
        return (self.schema, *self.extensions)

    def shown(self) -> dict[str, Any]:
        """The type as `/ResourceTypes` shows it."""
        return {
            "id": self.name,
            "name": self.name,
            "endpoint": self.endpoint,
            "description": self.description,
            "schema": self.schema.id,
            "schemaExtensions": [{"schema": one.id, "required": False} for one in self.extensions],
        }


def _named(*attributes: Attribute) -> dict[str, Attribute]:
    return {one.name.lower(): one for one in attributes}


_COMMON = (
    Attribute(name="schemas", type="reference", multi=True, description="The schemas that it has values of.", references=("uri",)),
    Attribute(name="id", description="The id that stays.", exact=True, mutability="readOnly", returned="always", uniqueness="server"),
    Attribute(name="externalId", description="The id that the identity provider knows it by.", exact=True),
    Attribute(name="meta", type="complex", description="When it was made and last changed, and its version.", mutability="readOnly", subs=(
        Attribute(name="resourceType", description="User or Group.", exact=True, mutability="readOnly"),
        Attribute(name="created", type="dateTime", description="When it was made.", mutability="readOnly"),
        Attribute(name="lastModified", type="dateTime", description="When it was last changed.", mutability="readOnly"),
        Attribute(name="location", type="reference", description="Its address.", mutability="readOnly", references=("uri",)),
        Attribute(name="version", description="Its entity tag.", exact=True, mutability="readOnly"),
    )),
)  # fmt: skip


def _contacts(name: str, description: str, value: str) -> Attribute:
    return Attribute(name=name, type="complex", multi=True, description=description, subs=(
        Attribute(name="value", description=value),
        Attribute(name="type", description="Always work.", words=("work",)),
        Attribute(name="primary", type="boolean", description="Always true: one is kept."),
    ))  # fmt: skip


USER_SCHEMA = Schema(
    id=USER,
    name="User",
    description="A person of the Configuration Server.",
    attributes=_named(
        *_COMMON,
        Attribute(name="userName", description="Typed at sign-in; compared in any spelling.", required=True, uniqueness="server"),
        Attribute(name="name", type="complex", description="The parts of the person's name.", subs=(
            Attribute(name="formatted", description="Another name for displayName, which counts where both are said."),
            Attribute(name="familyName", description="The family name."),
            Attribute(name="givenName", description="The given name."),
        )),
        Attribute(name="displayName", description="The name as others see it; without one, the parts of the name."),
        Attribute(name="active", type="boolean", description="When false, nobody signs in by it, and open sessions end within a second."),
        _contacts("emails", "The address for codes and notices: the primary one, else the first.", "An e-mail address."),
        _contacts("phoneNumbers", "The number for codes: the primary one, else the first.", "A number in international form."),
        Attribute(name="groups", type="complex", multi=True, mutability="readOnly", description="The groups that the person is in.", subs=(
            Attribute(name="value", description="The id of the group.", exact=True, mutability="readOnly"),
            Attribute(name="$ref", type="reference", description="Its address.", mutability="readOnly", references=("Group",)),
            Attribute(name="display", description="Its name.", mutability="readOnly"),
            Attribute(name="type", description="Always direct.", mutability="readOnly", words=("direct",)),
        )),
    ),
)  # fmt: skip

PERSON_SCHEMA = Schema(
    id=PERSON,
    name="Person",
    description="What a Configuration Server keeps of a person beside the core attributes.",
    attributes=_named(
        Attribute(name="dbid", type="integer", description="The number of the person.", mutability="readOnly"),
        Attribute(name="tenantDbid", type="integer", description="The number of the person's tenant.", mutability="readOnly"),
        Attribute(name="externalId", description="The name under which an LDAP or RADIUS directory knows the person.", exact=True),
        Attribute(name="changePasswordAtNextLogin", type="boolean", description="At the next sign-in a new password is asked for."),
        Attribute(name="engine", description="Who proves the password.", mutability="readOnly", words=("internal", "ldap", "radius")),
    ),
)  # fmt: skip

GROUP_SCHEMA = Schema(
    id=GROUP,
    name="Group",
    description="A group of the identity provider; what it gives is said on the page of the directory.",
    attributes=_named(
        *_COMMON,
        Attribute(name="displayName", description="The name by which roles are given to it.", required=True, uniqueness="server"),
        Attribute(name="members", type="complex", multi=True, description="The users in it.", subs=(
            Attribute(name="value", description="The id of the user.", exact=True, mutability="immutable"),
            Attribute(name="$ref", type="reference", description="The address of the user.", mutability="readOnly", references=("User",)),
            Attribute(name="display", description="The name of the user.", mutability="readOnly"),
            Attribute(name="type", description="Always User.", mutability="immutable", words=("User",)),
        )),
    ),
)  # fmt: skip

USERS = Kind(
    name="User",
    endpoint="/Users",
    description="Persons of the Configuration Server.",
    schema=USER_SCHEMA,
    extensions=(PERSON_SCHEMA,),
)
GROUPS = Kind(
    name="Group", endpoint="/Groups", description="Groups of the identity provider.", schema=GROUP_SCHEMA
)
KINDS = (USERS, GROUPS)


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where an attribute of a resource stands: `extension` is the schema whose object holds it, empty for the resource itself."""

    extension: str
    attribute: Attribute
    sub: Attribute | None = None

    @property
    def ends_in(self) -> Attribute:
        """The attribute that the place names."""
        return self.sub or self.attribute

    @property
    def name(self) -> str:
        """The place as it is written."""
        before = f"{self.extension}:" if self.extension else ""
        return before + self.attribute.name + (f".{self.sub.name}" if self.sub is not None else "")


def whole_schema(path: Path, kind: Kind) -> Schema | None:
    """The schema that a path names as a whole, for a URN ends like an attribute."""
    written = f"{path.schema}:{path.name}" if not path.sub else ""
    return next((one for one in kind.schemas if one.id.lower() == written), None)


def place_of(path: Path, kind: Kind) -> Place | None:
    """Where this path leads; None for what there is not."""
    schema = next(
        (one for one in kind.schemas if one.id.lower() == (path.schema or kind.schema.id.lower())), None
    )
    attribute = None if schema is None else schema.attributes.get(path.name)
    if schema is None or attribute is None:
        return None
    sub = next((one for one in attribute.subs if one.name.lower() == path.sub), None)
    if path.sub and sub is None:
        return None
    return Place(extension="" if schema is kind.schema else schema.id, attribute=attribute, sub=sub)


def is_passed_over(path: Path, kind: Kind) -> bool:
    """Whether this names something that others keep and we do not."""
    if kind is not USERS:
        return False
    enterprise = ENTERPRISE.lower()
    in_enterprise = path.schema == enterprise or f"{path.schema}:{path.name}" == enterprise
    return in_enterprise or (path.schema in {"", USER.lower()} and path.name in PASSED_OVER)


def checked(value: Any, attribute: Attribute, *, within: str = "") -> Any:
    """The value of an attribute with the names of its parts as they are declared; raises ScimError (`invalidValue`).

    What only the server writes is left out of complex values, and JSON's null is no value.
    """
    name = f"{within}{attribute.name}"
    if value is None:
        return None
    if attribute.multi:
        elements = value if isinstance(value, list) else [value]
        if len(elements) > MOST_ELEMENTS:
            raise ScimError(400, f"{name} has more than {MOST_ELEMENTS} values.", scim_type="tooMany")
        return [one for one in (_one(each, attribute, name) for each in elements) if one not in (None, {})]
    return _one(value, attribute, name)


def _one(value: Any, attribute: Attribute, name: str) -> Any:
    if value is None:
        return None
    if attribute.type == "complex":
        if not isinstance(value, dict):
            raise invalid(f"{name} is not an object.")
        found = {}
        for key, given in lowered(value).items():
            sub = next((one for one in attribute.subs if one.name.lower() == key), None)
            if sub is not None and sub.mutability != "readOnly":
                found[sub.name] = checked(given, sub, within=f"{name}.")
        return {key: each for key, each in found.items() if each is not None}
    if attribute.type == "boolean":
        return _boolean(value, name)
    if attribute.type == "integer":
        if isinstance(value, bool) or not isinstance(value, int):
            raise invalid(f"{name} is not a whole number.")
        return value
    if not isinstance(value, str):
        raise invalid(f"{name} is not a text.")
    if "\0" in value or any("\ud800" <= letter <= "\udfff" for letter in value):
        raise invalid(f"{name} holds what is no character.")
    return value


def _boolean(value: Any, name: str) -> bool:
    # A widely used identity provider writes its truth values as texts.
    if isinstance(value, str) and value.lower() in {"true", "false"}:
        return value.lower() == "true"
    if not isinstance(value, bool):
        raise invalid(f"{name} is neither true nor false.")
    return value


def lowered(given: Mapping[str, Any]) -> dict[str, Any]:
    """The values by their names in lower case, as names are compared; raises ScimError when one stands twice."""
    named = {str(key).lower(): value for key, value in given.items()}
    if len(named) < len(given):
        raise ScimError(400, "A name stands twice in one object.", scim_type="invalidSyntax")
    return named


def read_resource(body: Any, kind: Kind) -> dict[str, Any]:
    """The resource that a body describes, without what only the server writes; raises ScimError (`invalidSyntax`, `invalidValue`)."""
    if not isinstance(body, dict):
        raise ScimError(400, "The body is not an object.", scim_type="invalidSyntax")
    named = lowered(body)
    schemas = named.get("schemas")
    if not isinstance(schemas, list) or kind.schema.id.lower() not in [str(one).lower() for one in schemas]:
        raise ScimError(400, f"schemas does not name {kind.schema.id}.", scim_type="invalidValue")
    if kind is USERS and "password" in named:
        raise fixed("password")
    found = _read_part(named, kind.schema)
    for extension in kind.extensions:
        part = named.get(extension.id.lower())
        if part is None:
            continue
        if not isinstance(part, dict):
            raise invalid(f"{extension.id} is not an object.")
        found[extension.id] = _read_part(lowered(part), extension)
    return found


def _read_part(named: Mapping[str, Any], schema: Schema) -> dict[str, Any]:
    found = {}
    for key, attribute in schema.attributes.items():
        if attribute.mutability == "readOnly" or key == "schemas":
            continue
        value = checked(named[key], attribute) if key in named else None
        if value not in (None, [], {}):
            found[attribute.name] = value
        elif attribute.required:
            raise invalid(f"{attribute.name} is missing.")
    return found


def projected(
    resource: Mapping[str, Any], kind: Kind, *, only: Iterable[Path] | None, without: Iterable[Path]
) -> dict[str, Any]:
    """The resource with only these attributes, or without those (RFC 7644, 3.9); what is always returned stays."""
    wanted = (
        None
        if only is None
        else {
            (one.extension, one.attribute.name, one.sub.name if one.sub else "")
            for one in _places(only, kind)
        }
    )
    left = {
        (one.extension, one.attribute.name, one.sub.name if one.sub else "") for one in _places(without, kind)
    }
    found: dict[str, Any] = {}
    for key, value in resource.items():
        extension = key if any(key == one.id for one in kind.extensions) else ""
        if extension:
            part = {name: one for name, one in value.items() if _stays(extension, name, wanted, left)}
            if part:
                found[key] = part
        elif key in {"schemas", "id"}:
            found[key] = value
        elif _stays("", key, wanted, left):
            found[key] = _parts(key, value, wanted, left)
    return found


def _places(paths: Iterable[Path], kind: Kind) -> Iterator[Place]:
    return (place for place in (place_of(path, kind) for path in paths) if place is not None)


_Chosen = set[tuple[str, str, str]]


def _stays(extension: str, name: str, wanted: _Chosen | None, left: _Chosen) -> bool:
    if wanted is not None:
        return any((extension, name) == one[:2] for one in wanted)
    return (extension, name, "") not in left


def _parts(name: str, value: Any, wanted: _Chosen | None, left: _Chosen) -> Any:
    """A complex value with the sub-attributes that were asked for."""
    subs = {one[2] for one in wanted or () if one[:2] == ("", name)}
    dropped = {one[2] for one in left if one[:2] == ("", name)}
    if (not subs or "" in subs) and not dropped:
        return value

    def cut(one: Any) -> Any:
        if not isinstance(one, dict):
            return one
        return {key: each for key, each in one.items() if (key in subs if subs else key not in dropped)}

    return [cut(one) for one in value] if isinstance(value, list) else cut(value)
