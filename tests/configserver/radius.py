"""Directories that speak RADIUS, with times that a test can wait for."""

import secrets
from typing import Any

from configserver.engines.base import Challenge, Outcome
from configserver.engines.radius import RadiusConfig, RadiusEngine
from tests.services.radius import SECRET


def directory(*servers: str, **more: Any) -> RadiusEngine:
    """The engine of a directory that nobody has asked before, so that none of its servers rests."""
    return RadiusEngine(config(*servers, **more))


def config(*servers: str, **more: Any) -> RadiusConfig:
    """Its settings."""
    usual = {
        "id": secrets.token_hex(8),
        "secret": SECRET,
        "attempt_timeout": 0.2,
        "attempts": 2,
        "timeout": 2.0,
    }
    return RadiusConfig(servers=servers, **usual | more)


def asked(outcome: Outcome) -> Challenge:
    """The question that this outcome must be."""
    assert isinstance(outcome, Challenge), outcome
    return outcome
