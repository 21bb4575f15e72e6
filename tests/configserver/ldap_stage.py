"""What the tests of the LDAP engine share: an engine for a directory, and how long something takes."""

import time
import uuid
from collections.abc import Callable
from typing import Any, TypeVar

from configserver.engines.base import Outcome
from configserver.engines.ldap import LdapConfig, LdapEngine
from tests.services.ldap import GROUPS, PEOPLE, SERVICE, SERVICE_PASSWORD, Ldap

WRONG = "Wrong-Passw0rd"
T = TypeVar("T")


def config_of(*directories: Ldap, **changes: Any) -> LdapConfig:
    """The settings for these servers of one directory: LDAPS, and a search before the bind."""
    values: dict[str, Any] = {
        "id": uuid.uuid4().hex,
        "servers": tuple(one.secure_url for one in directories),
        "ca_certificates": "".join(one.authority for one in directories),
        "bind_dn": SERVICE,
        "bind_password": SERVICE_PASSWORD,
        "base_dn": PEOPLE,
        "group_base": GROUPS,
        "tenant_attribute": "o",
        "connect_timeout": 1.0,
        "timeout": 3.0,
        "change_password": True,
    }
    return LdapConfig(**(values | changes))


def engine_of(*directories: Ldap, **changes: Any) -> LdapEngine:
    """An engine that asks these servers."""
    return LdapEngine(config_of(*directories, **changes))


def direct(**changes: Any) -> dict[str, Any]:
    """The settings of a direct bind instead of a search."""
    return {"bind_dn": "", "bind_password": "", "direct_dn": f"uid={{login}},{PEOPLE}"} | changes


def timed(call: Callable[[], T]) -> tuple[T, float]:
    """What it gives, and the seconds that it takes."""
    began = time.monotonic()
    return call(), time.monotonic() - began


def kind(outcome: Outcome) -> str:
    """Its class and its reason."""
    reason = getattr(outcome, "reason", "")
    return f"{type(outcome).__name__} {reason}".strip()
