"""Pure: the operations of PATCH on a resource (RFC 7644, 3.5.2)."""

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from configserver.scim.errors import ScimError, fixed, invalid
from configserver.scim.filters import Compare, Filter, Target, read_path
from configserver.scim.matching import holds
from configserver.scim.schemas import (
    Attribute,
    Kind,
    Place,
    Schema,
    checked,
    is_passed_over,
    lowered,
    place_of,
    whole_schema,
)

MESSAGE = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
MOST_OPERATIONS = 100
MOST_KEPT = 20  # of a list of a person


@dataclass(frozen=True, kw_only=True)
class Step:
    """One operation on one attribute; a body without a path is one step for each attribute that it names."""

    op: str  # add, replace or remove
    place: Place
    chosen: Filter | None = None
    value: Any = None


def read_patch(body: Any, kind: Kind) -> list[Step]:
    """The steps of a body, with their values checked; raises ScimError."""
    if not isinstance(body, dict):
        raise ScimError(400, "The body is not an object.", scim_type="invalidSyntax")
    named = lowered(body)
    schemas, operations = named.get("schemas"), named.get("operations")
    if not isinstance(schemas, list) or MESSAGE not in schemas:
        raise ScimError(400, f"schemas does not name {MESSAGE}.", scim_type="invalidSyntax")
    if not isinstance(operations, list) or not 0 < len(operations) <= MOST_OPERATIONS:
        raise ScimError(
            400, f"Operations holds one to {MOST_OPERATIONS} operations.", scim_type="invalidSyntax"
        )
    return [step for one in operations for step in _read_operation(one, kind)]


def _read_operation(given: Any, kind: Kind) -> list[Step]:
    if not isinstance(given, dict):
        raise ScimError(400, "An operation is not an object.", scim_type="invalidSyntax")
    named = lowered(given)
    op, path, value = named.get("op"), named.get("path"), named.get("value")
    op = op.lower() if isinstance(op, str) else ""
    if op not in {"add", "replace", "remove"}:
        raise ScimError(400, "op is add, replace or remove.", scim_type="invalidSyntax")
    if op != "remove" and "value" not in named:
        raise invalid("An operation has no value.")
    if path is not None:
        if not isinstance(path, str):
            raise ScimError(400, "path is not a text.", scim_type="invalidPath")
        return _steps(op, path, value, kind)
    if op == "remove":
        raise ScimError(400, "What is to be removed is not said.", scim_type="noTarget")
    if not isinstance(value, dict):
        raise invalid("Without a path the value is an object.")
    return [step for key, one in lowered(value).items() for step in _steps(op, key, one, kind)]


def _steps(op: str, written: str, value: Any, kind: Kind) -> list[Step]:
    target = read_path(written)
    schema = whole_schema(target.path, kind) if target.chosen is None else None
    if schema is not None:
        return [
            step
            for name, one in _parts(op, schema, value)
            for step in _steps(op, f"{schema.id}:{name}", one, kind)
        ]
    if is_passed_over(target.path, kind):
        return []
    if target.path.name == "schemas" and not target.path.sub:
        return []  # which schemas a resource has values of follows from the values
    return [_step(op, target, value, kind)]


def _parts(op: str, schema: Schema, value: Any) -> list[tuple[str, Any]]:
    """A schema as a whole: its attributes, one by one."""
    if op == "remove":
        return [(name, None) for name, one in schema.attributes.items() if one.mutability == "readWrite"]
    if not isinstance(value, dict):
        raise invalid(f"{schema.id} is not an object.")
    return list(lowered(value).items())


def _step(op: str, target: Target, value: Any, kind: Kind) -> Step:
    place = place_of(target.path, kind)
    if place is None:
        raise ScimError(400, f"There is no attribute {target.path.name[:40]}.", scim_type="invalidPath")
    if place.attribute.mutability == "readOnly" or place.ends_in.mutability == "readOnly":
        raise fixed(place.name)
    if target.chosen is not None and not place.attribute.multi:
        raise ScimError(400, f"{place.attribute.name} has one value alone.", scim_type="invalidPath")
    if place.sub is not None and place.attribute.multi and target.chosen is None and op != "remove":
        raise ScimError(400, f"Which of the {place.attribute.name} is not said.", scim_type="noTarget")
    if op == "remove":
        # One identity provider names in the value which members it removes.
        keeps_value = (
            place.attribute.multi and place.sub is None and target.chosen is None and value is not None
        )
        return Step(
            op=op,
            place=place,
            chosen=target.chosen,
            value=checked(value, place.attribute) if keeps_value else None,
        )
    if target.chosen is not None and place.sub is None:
        value = checked([value], place.attribute)
        return Step(op=op, place=place, chosen=target.chosen, value=value[0] if value else None)
    return Step(op=op, place=place, chosen=target.chosen, value=checked(value, place.ends_in))


def patched(resource: Mapping[str, Any], steps: list[Step]) -> dict[str, Any]:
    """The resource after these steps; the one given stays as it was. Raises ScimError."""
    found = deepcopy(dict(resource))
    for step in steps:
        _apply(found, step)
    return found


def _apply(resource: dict[str, Any], step: Step) -> None:
    place = step.place
    holder = resource.setdefault(place.extension, {}) if place.extension else resource
    attribute = place.attribute
    if attribute.multi:
        _apply_to_list(holder, step)
    elif place.sub is not None:
        _put(
            holder.setdefault(attribute.name, {}), place.sub.name, None if step.op == "remove" else step.value
        )
    elif attribute.type == "complex" and step.op != "remove" and isinstance(step.value, dict):
        holder[attribute.name] = {**holder.get(attribute.name, {}), **step.value}
    else:
        _put(holder, attribute.name, None if step.op == "remove" else step.value)
    if attribute.required and holder.get(attribute.name) in (None, "", []):
        raise ScimError(400, f"{attribute.name} cannot be empty.", scim_type="mutability")


def _put(holder: dict[str, Any], name: str, value: Any) -> None:
    if value is None:
        holder.pop(name, None)
    else:
        holder[name] = value


def _apply_to_list(holder: dict[str, Any], step: Step) -> None:
    name = step.place.attribute.name
    elements: list[dict[str, Any]] = holder.get(name, [])
    coming = len(step.value) if isinstance(step.value, list) else 1
    if len(elements) + coming > MOST_KEPT:
        # One is kept; what is looked at for it is bounded, however many operations add to it.
        raise ScimError(400, f"{name} has more than {MOST_KEPT} values.", scim_type="tooMany")
    elements = (
        _list_as_a_whole(elements, step)
        if step.chosen is None and step.place.sub is None
        else _chosen_elements(elements, step)
    )
    _put(holder, name, elements or None)


def _list_as_a_whole(elements: list[dict[str, Any]], step: Step) -> list[dict[str, Any]]:
    given: list[dict[str, Any]] = step.value or []
    if step.op == "add":
        return _with_one_primary(elements + [one for one in given if one not in elements], given)
    if step.op == "replace":
        return _with_one_primary(given, given)
    named = {one.get("value") for one in given}
    return [one for one in elements if step.value is not None and one.get("value") not in named]


def _with_one_primary(elements: list[dict[str, Any]], newest: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Of the elements at most one is primary: the newest that says so."""
    primary = next((one for one in reversed(newest) if one.get("primary") is True), None)
    if primary is None:
        return elements
    return [
        one if one is primary else {**one, "primary": False} if one.get("primary") else one
        for one in elements
    ]


def _chosen_elements(elements: list[dict[str, Any]], step: Step) -> list[dict[str, Any]]:
    place, subs = step.place, step.place.attribute.subs
    hits = [step.chosen is None or holds(step.chosen, one, subs) for one in elements]
    if not any(hits):
        if step.op == "remove":
            if step.chosen is not None:
                raise ScimError(400, f"No {place.attribute.name} are like that.", scim_type="noTarget")
            return elements
        # What is added to or put in the place of an element that is not there yet becomes one: identity providers count on it.
        return [*elements, _made(step, subs)]
    if step.op == "remove" and place.sub is None:
        return [one for one, hit in zip(elements, hits, strict=True) if not hit]
    changed = []
    for one, hit in zip(elements, hits, strict=True):
        new = dict(one)
        if hit and place.sub is not None:
            _put(new, place.sub.name, None if step.op == "remove" else step.value)
        elif hit:
            new = {**(one if step.op == "add" else {}), **(step.value or {})}
        changed.append(new)
    return _with_one_primary(changed, [one for one, hit in zip(changed, hits, strict=True) if hit])


def _made(step: Step, subs: tuple[Attribute, ...]) -> dict[str, Any]:
    """A new element such as the filter describes one."""
    chosen = step.chosen
    name = next(
        (one.name for one in subs if isinstance(chosen, Compare) and one.name.lower() == chosen.path.name), ""
    )
    if not isinstance(chosen, Compare) or chosen.op != "eq" or not name:
        raise ScimError(400, f"No {step.place.attribute.name} are like that.", scim_type="noTarget")
    given = step.value if step.place.sub is None else {step.place.sub.name: step.value}
    return {name: chosen.value, **(given or {})}
