"""What the bodies of the API hold: values that their fields take, and the objects that they refer to."""

from collections.abc import Mapping
from typing import Any

from django.db.models import Model
from rest_framework import serializers

from accounts.serializers_persons import RoleNames, TenantNumber
from core.fields import Flag, Reference, References, Secret, Whole
from tests.isolation.them import KINDS, Them

Values = dict[str, Any]
# What makes a body or form with this reference whole, so that nothing but the reference can be what is refused.
WITH_REFERENCE: Mapping[str, Mapping[str, Values]] = {
    "permission": {
        "user": {"reach": "own"},
        "role": {"reach": "own", "user": None},
        "company": {"reach": "one"},
    },
    "directorypermission": {
        "person": {"reach": "own"},
        "role": {"reach": "own", "person": None},
        "tenant": {"reach": "one"},
    },
}
# What a new object of a kind takes beside its required fields.
NEEDS_TOO: Mapping[str, Values] = {"directory": {"base_dn": "dc=example"}}
SAMPLES: Values = {
    "email": "somebody.new@example.com",
    "phone": "+4930123456",
    "language": "en",
    "kind": "delivery",
    "reach": "own",
    "code": "123456",
    "protocol": "ldap",
    "type": "workspace",
    "servers": ["ldaps://ldap.example:636"],
    "redirect_uris": ["https://wiki.example/callback"],
}
PASSWORD = "correct horse battery staple"


def kind_of(model: type[Model]) -> str:
    """The kind of object that a reference leads to; a class that the walk does not know fails it."""
    found = KINDS.get(model)
    if found is None:
        raise AssertionError(
            f"{model.__name__} can be referred to and the walk has no object of it: add it to KINDS and to things() in world.py."
        )
    return found


def sample(field: serializers.Field[Any, Any, Any, Any], name: str, own: Them) -> Any:
    """A value that this field takes."""
    if isinstance(field, Reference):
        return own.uid(kind_of(field.model))
    if isinstance(field, References):
        return [own.uid(kind_of(field.model))]
    if isinstance(field, TenantNumber):
        return own.dbid
    if isinstance(field, Secret):
        return PASSWORD
    if isinstance(field, Flag):
        return True
    if isinstance(field, Whole):
        return 10
    if isinstance(field, serializers.ChoiceField):
        return SAMPLES.get(name) or next(iter(field.choices))
    if isinstance(field, serializers.DictField):
        return {}
    if isinstance(field, serializers.ListField):
        return SAMPLES.get(name, [])
    return SAMPLES.get(name, "sample")


def references(shape: type[serializers.Serializer[Any]] | None) -> dict[str, str]:
    """The fields that refer to objects, with their kinds; a plain id would go round the scoping and is not allowed."""
    found = {}
    for name, field in shape().fields.items() if shape is not None else ():
        if isinstance(field, Reference | References):
            found[name] = kind_of(field.model)
        elif isinstance(field, TenantNumber):
            found[name] = "tenant"
        elif isinstance(field, RoleNames):
            found[name] = "directoryrole"
        elif isinstance(field, serializers.UUIDField | serializers.PrimaryKeyRelatedField):
            raise AssertionError(f"{shape.__name__}.{name} takes an id; let it be a core.fields.Reference.")
    return found


def body_of(shape: type[serializers.Serializer[Any]] | None, own: Them, *, whole: bool) -> Values:
    """A body that fits: its required fields, or (`whole`) all of them."""
    fields = shape().fields.items() if shape is not None else ()
    return {name: sample(field, name, own) for name, field in fields if field.required or whole}


def new_of(shape: type[serializers.Serializer[Any]] | None, own: Them, *, kind: str) -> Values:
    """A body that makes a new object of this kind."""
    return body_of(shape, own, whole=False) | NEEDS_TOO.get(kind, {})


def with_reference(body: Values, name: str, value: Any, *, kind: str) -> Values:
    """The body with this reference in it."""
    whole = {**body, **WITH_REFERENCE.get(kind, {}).get(name, {}), name: value}
    return {key: one for key, one in whole.items() if one is not None}
