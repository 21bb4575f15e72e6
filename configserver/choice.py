"""Pure: which one engine answers for a person. There is no falling through to another.

Options `library` and `enforce-external-auth` of the section `authentication`: a person's own directory, else what the tenant says,
else what the nearest tenant above it says, up to ENVIRONMENT.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

INTERNAL = "internal"


class Why(StrEnum):
    """What decided."""

    OWN = "own"  # the person names a directory
    EXTERNAL_ID = "external_id"  # the tenant names one, and the person has an external id
    ENFORCED = "enforced"  # the tenant names one for all its persons
    TURNED_OFF = "turned_off"  # the tenant says `library=internal`
    NO_EXTERNAL_ID = "no_external_id"  # the tenant names one, for persons with an external id only
    NO_DIRECTORY = "no_directory"  # nobody names one


@dataclass(frozen=True, kw_only=True)
class Said:
    """What one tenant says; an empty library and an `enforce` of None are taken from above."""

    library: str = ""  # "", "internal" or the id of a directory
    enforce: bool | None = None


@dataclass(frozen=True, kw_only=True)
class Choice:
    """The engine: `internal`, or the id of a directory; and what decided."""

    engine: str
    why: Why


def engine_of(*, own: str, external_id: str, tenants: Iterable[Said]) -> Choice:
    """The engine of a person with this directory of his own ("": none) in a tenant; `tenants` go from his own up to ENVIRONMENT."""
    if own:
        return Choice(engine=own, why=Why.OWN)
    chain = list(tenants)
    library = next((one.library for one in chain if one.library), "")
    enforced = next((one.enforce for one in chain if one.enforce is not None), False)
    if library == INTERNAL:
        return Choice(engine=INTERNAL, why=Why.TURNED_OFF)
    if not library:
        return Choice(engine=INTERNAL, why=Why.NO_DIRECTORY)
    if enforced:
        return Choice(engine=library, why=Why.ENFORCED)
    if external_id:
        return Choice(engine=library, why=Why.EXTERNAL_ID)
    return Choice(engine=INTERNAL, why=Why.NO_EXTERNAL_ID)


def of_tenant(tenants: Iterable[Said]) -> tuple[str, bool]:
    """The engine of persons with an external id in this tenant, who name none themselves; and whether it is that of all others, too."""
    chain = list(tenants)
    with_id = engine_of(own="", external_id="any", tenants=chain).engine
    return with_id, with_id == engine_of(own="", external_id="", tenants=chain).engine
