"""The stage of the journeys, with an attacker on it."""

from tests.attacks.people import mallory  # noqa: F401
from tests.journeys.stage import *  # noqa: F403
from tests.journeys.stage import _server  # noqa: F401
from tests.journeys.texts import _twin, texts  # noqa: F401
