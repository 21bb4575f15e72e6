"""What the tests of the outbox share."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from core.db import unit
from delivery.derived import Derived
from delivery.models import Delivery
from delivery.services import enqueue
from tests.conftest import Clock

Ask = Callable[..., Delivery]
BEN = "ben@acme.example"


@pytest.fixture
def ask(clock: Clock) -> Ask:
    """Asks for a mail with a code to Ben that is good for ten minutes, unless told otherwise."""

    def ask(**other: Any) -> Delivery:
        asked = {
            "to": BEN,
            "template": "code",
            "subject": "Your code",
            "language": "en",
            "secret": Derived(kind="code", purpose="login", id="attempt-1", digits=6),
            "context": {"display_name": "Ben"},
            "now": clock(),
            "expires_at": clock() + timedelta(minutes=10),
        }
        with unit():
            return enqueue(**(asked | other))

    return ask
