"""Pure: whether an element of a list is one that a filter describes."""

from collections.abc import Mapping
from typing import Any

from configserver.scim.errors import ScimError
from configserver.scim.filters import Both, Compare, Filter, Not, Present
from configserver.scim.schemas import Attribute


def holds(wanted: Filter, element: Mapping[str, Any], subs: tuple[Attribute, ...]) -> bool:
    """Whether the filter, whose names are sub-attributes, holds for this element; raises ScimError (`invalidFilter`)."""
    if isinstance(wanted, Both):
        left = holds(wanted.left, element, subs)
        right = holds(wanted.right, element, subs)
        return left or right if wanted.either else left and right
    if isinstance(wanted, Not):
        return not holds(wanted.inner, element, subs)
    if not isinstance(wanted, Compare | Present):
        raise ScimError(400, "A filter in a filter cannot be read here.", scim_type="invalidFilter")
    sub = next((one for one in subs if one.name.lower() == wanted.path.name and not wanted.path.sub), None)
    if sub is None:
        raise ScimError(400, f"There is no {wanted.path.name[:40]} here.", scim_type="invalidFilter")
    value = element.get(sub.name)
    if isinstance(wanted, Present):
        return value not in (None, "")
    return compares(wanted.op, value, wanted.value, exact=sub.exact)


def compares(op: str, value: Any, other: Any, *, exact: bool) -> bool:
    """Whether the comparison holds; values of two types are never the same, and have no order."""
    if op == "ne":
        return not compares("eq", value, other, exact=exact)
    if isinstance(value, str) and isinstance(other, str):
        if not exact:
            value, other = value.casefold(), other.casefold()
        outcome: bool = {
            "eq": value == other,
            "co": other in value,
            "sw": value.startswith(other),
            "ew": value.endswith(other),
            "gt": value > other,
            "ge": value >= other,
            "lt": value < other,
            "le": value <= other,
        }[op]
        return outcome
    return op == "eq" and type(value) is type(other) and bool(value == other)
