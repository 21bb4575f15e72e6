"""The tenants from one up to ENVIRONMENT, and what each says of engines and rules; held in memory under the epoch."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from configserver.choice import INTERNAL, Said
from configserver.models import ENVIRONMENT_DBID, Library, Tenant
from configserver.options import tenant_rules
from core import epoch
from core.options import Snapshot, Value

DEEPEST = 20


@dataclass(frozen=True, kw_only=True)
class Link:
    """One tenant, as the chain needs it."""

    pk: int
    dbid: int
    parent: int | None
    is_active: bool
    said: Said
    inherits: bool
    rules: Mapping[str, Value] = field(default_factory=dict)


def _link(tenant: Tenant) -> Link:
    library = ""
    if tenant.library == Library.INTERNAL:
        library = INTERNAL
    elif tenant.library == Library.DIRECTORY and tenant.directory is not None:
        library = str(tenant.directory.uid)
    enforce = {"true": True, "false": False}.get(tenant.enforce)
    return Link(
        pk=tenant.pk,
        dbid=tenant.dbid,
        parent=tenant.parent_id,
        is_active=tenant.is_active,
        said=Said(library=library, enforce=enforce),
        inherits=tenant.inherits,
        rules=tenant.rules,
    )


def _read(_one: str) -> dict[int, Link]:
    return {one.pk: _link(one) for one in Tenant.objects.select_related("directory")}


_all = epoch.Cached[str, dict[int, Link]](_read)


def chain(pk: int) -> list[Link]:
    """The tenant of this number, then the ones above it, up to ENVIRONMENT; as they were within the last second."""
    return _climb(pk, _all(""))


def chain_now(pk: int) -> list[Link]:
    """The same, read now: for a page on which it is changed."""
    return _climb(pk, _read(""))


def _climb(pk: int, links: Mapping[int, Link]) -> list[Link]:
    found: list[Link] = []
    here = links.get(pk)
    while here is not None and len(found) < DEEPEST:
        found.append(here)
        here = links.get(here.parent) if here.parent is not None else None
    return found


def chains() -> Iterator[list[Link]]:
    """The chain of every tenant there is."""
    return (chain(pk) for pk in list(_all("")))


def tenant_of(dbid: int | None) -> Link | None:
    """The tenant with this DBID; None when there is none."""
    return next((one for one in _all("").values() if one.dbid == dbid), None) if dbid is not None else None


def decides(rule: str, links: Iterable[Link]) -> Link | None:
    """The nearest tenant that says this rule, or takes none from above and so has its default; None: the settings of ENVIRONMENT hold."""
    for link in links:
        if link.dbid == ENVIRONMENT_DBID:
            return None
        if rule in link.rules or not link.inherits:
            return link
    return None


def every_rule() -> dict[int, dict[str, Value]]:
    """What `rules_above` says, by DBID, of every tenant for which it says anything; read now."""
    links = _read("")
    decided = ((one.dbid, _decided(_climb(pk, links))) for pk, one in links.items())
    return {dbid: rules for dbid, rules in decided if rules}


def rules_above(dbid: int | None) -> dict[str, Value]:
    """The rules about passwords that the tenant, or one above it, decides; ENVIRONMENT's rules are the settings."""
    here = tenant_of(dbid)
    return _decided(chain(here.pk)) if here is not None else {}


def _decided(links: list[Link]) -> dict[str, Value]:
    deciding = ((name, rule, decides(name, links)) for name, rule in tenant_rules().items())
    return {name: link.rules.get(name, rule.default) for name, rule, link in deciding if link is not None}


def settings_of(dbid: int | None, environment: Snapshot) -> Snapshot:
    """The settings for persons of this tenant, over those of ENVIRONMENT; what is pinned stays."""
    return overlaid(rules_above(dbid), environment)


def overlaid(rules: Mapping[str, Value], environment: Snapshot) -> Snapshot:
    """These rules over the settings of ENVIRONMENT; what is pinned stays."""
    kept = {name: value for name, value in rules.items() if name not in environment.pinned}
    return Snapshot({**environment, **kept}, pinned=environment.pinned)
