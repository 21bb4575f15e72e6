"""What a gateway promises: it takes one finished message and says what became of it; it never raises for the network's sake."""

from dataclasses import dataclass
from datetime import datetime
from types import TracebackType
from typing import Protocol, Self
from uuid import UUID


@dataclass(frozen=True, kw_only=True)
class Parcel:
    """A message ready to travel: everything is filled in, secrets included, so it is never stored and never logged."""

    uid: UUID
    to: str
    text: str
    at: datetime
    expires_at: datetime
    subject: str = ""
    html: str = ""
    from_address: str = ""

    def __repr__(self) -> str:
        return f"Parcel({self.uid})"


@dataclass(frozen=True)
class Sent:
    """It was handed over; `provider_id` is the name under which the provider will say more of it."""

    provider_id: str = ""


@dataclass(frozen=True)
class Deferred:
    """It was not handed over; another try may do. `reason` is for the administrator and holds no secret.

    `after` is how many seconds the other side asked to be left alone.
    """

    reason: str
    after: int = 0


@dataclass(frozen=True)
class Refused:
    """It was refused for good: the same message would be refused again."""

    reason: str


Result = Sent | Deferred | Refused


class Gateway(Protocol):
    """One way out. Entered once for a batch, so that a connection can be shared."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def send(self, parcel: Parcel) -> Result:
        """Hand over one message, within some tens of seconds."""
        ...
