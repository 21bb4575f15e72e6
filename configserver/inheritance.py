"""Where each rule about passwords of a tenant comes from: itself, a tenant above, the settings of ENVIRONMENT, or the default."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from configserver.tree import Link, decides
from core.options import Option, Snapshot, Value


class Source(StrEnum):
    """What gives a rule its value."""

    PINNED = "pinned"  # the environment of the installation, whatever tenants say
    TENANT = "tenant"  # a tenant says it
    CUT = "cut"  # a tenant takes nothing from above, and so has the default
    SETTINGS = "settings"  # the settings of everybody, which are the rules of ENVIRONMENT
    DEFAULT = "default"  # nobody says anything


@dataclass(frozen=True, kw_only=True)
class Standing:
    """The value of a rule that is in force, and where it comes from; `dbid` is the tenant that decides, if one does."""

    value: Value
    source: Source
    dbid: int | None = None


def standing(rule: Option, links: Sequence[Link], environment: Snapshot) -> Standing:
    """What is in force of this rule for a tenant; `links` go from it up to ENVIRONMENT."""
    if rule.name in environment.pinned:
        return Standing(value=environment[rule.name], source=Source.PINNED)
    link = decides(rule.name, links)
    if link is not None:
        source = Source.TENANT if rule.name in link.rules else Source.CUT
        return Standing(value=link.rules.get(rule.name, rule.default), source=source, dbid=link.dbid)
    value = environment[rule.name]
    return Standing(value=value, source=Source.DEFAULT if value == rule.default else Source.SETTINGS)
