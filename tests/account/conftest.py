"""The stage of the journeys serves here too."""

from tests.journeys.stage import *  # noqa: F403
from tests.journeys.stage import _server  # noqa: F401
from tests.journeys.texts import _twin, texts  # noqa: F401
