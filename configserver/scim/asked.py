"""What a request asks to see: which attributes, which rows, in what order, and which page (RFC 7644, 3.4.2 and 3.9)."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from configserver.scim.errors import ScimError, invalid
from configserver.scim.filters import Filter, Path, read_filter, read_name
from configserver.scim.schemas import Kind, projected

SEARCH = "urn:ietf:params:scim:api:messages:2.0:SearchRequest"
LARGEST_PAGE = 200
MOST_NAMES = 50
_NAMES = ("attributes", "excludedAttributes", "filter", "sortBy", "sortOrder", "startIndex", "count")


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A request for resources, read and bounded."""

    only: tuple[Path, ...] | None = None
    without: tuple[Path, ...] = ()
    filter: Filter | None = None
    sort_by: Path | None = None
    descending: bool = False
    start: int = 1
    count: int = LARGEST_PAGE

    def sees(self, name: str) -> bool:
        """Whether this attribute is among those to be shown; `name` is in lower case."""
        if self.only is not None:
            return any(one.name == name for one in self.only)
        return not any(one.name == name and not one.sub for one in self.without)

    def cut(self, resource: Mapping[str, Any], kind: Kind) -> dict[str, Any]:
        """The resource with the attributes to be shown."""
        if self.only is None and not self.without:
            return dict(resource)
        return projected(resource, kind, only=self.only, without=self.without)


def asked_in(given: Mapping[str, Any]) -> Asked:
    """What a query asks; raises ScimError."""
    named = {str(key).lower(): value for key, value in given.items()}
    values = {name: named.get(name.lower()) for name in _NAMES}
    only, without = _names(values["attributes"]), _names(values["excludedAttributes"])
    if only and without:
        raise invalid("attributes and excludedAttributes exclude each other.")
    order = _text(values["sortOrder"], "sortOrder") or "ascending"
    if order.lower() not in {"ascending", "descending"}:
        raise invalid("sortOrder is ascending or descending.")
    wanted, by = _text(values["filter"], "filter"), _text(values["sortBy"], "sortBy")
    count = _number(values["count"], "count", LARGEST_PAGE)
    return Asked(
        only=only or None,
        without=without,
        filter=read_filter(wanted) if wanted is not None else None,
        sort_by=read_name(by) if by else None,
        descending=order.lower() == "descending",
        start=max(1, _number(values["startIndex"], "startIndex", 1)),
        count=min(LARGEST_PAGE, max(0, count)),
    )


def asked_in_body(body: Any) -> Asked:
    """What the body of a search asks (RFC 7644, 3.4.3); raises ScimError."""
    schemas = body.get("schemas") if isinstance(body, dict) else None
    if not isinstance(schemas, list) or SEARCH not in schemas:
        raise ScimError(400, f"schemas does not name {SEARCH}.", scim_type="invalidSyntax")
    return asked_in(body)


def _text(value: Any, name: str) -> str | None:
    if value is not None and not isinstance(value, str):
        raise invalid(f"{name} is not a text.")
    return value


def _number(value: Any, name: str, default: int) -> int:
    if value is None:
        return default
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    digits = text.removeprefix("-") if isinstance(text, str) else ""
    if not (digits.isascii() and digits.isdecimal() and len(digits) < 10):
        raise invalid(f"{name} is not a whole number.")
    return int(text)


def _names(value: Any) -> tuple[Path, ...]:
    parts: Sequence[Any] = value.split(",") if isinstance(value, str) else value or ()
    if not isinstance(parts, list) and not isinstance(value, str) and value is not None:
        raise invalid("Attributes are named by texts.")
    if len(parts) > MOST_NAMES:
        raise ScimError(400, f"More than {MOST_NAMES} attributes are named.", scim_type="tooMany")
    return tuple(_each(parts))


def _each(parts: Sequence[Any]) -> Iterator[Path]:
    for part in parts:
        if not isinstance(part, str):
            raise invalid("Attributes are named by texts.")
        if part.strip():
            yield read_name(part.strip())
