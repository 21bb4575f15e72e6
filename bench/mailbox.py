"""A mail server that hands each mailed code to whoever waits for it."""

import asyncio
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from aiosmtpd.controller import Controller

from tests.services import free_port
from tests.services.smtp import code_in

PATIENCE = 20.0


@dataclass(frozen=True)
class Came:
    """A code, and when it came."""

    code: str
    at: float


@dataclass
class Mailbox:
    """The codes that came, by recipient."""

    port: int
    waits_ms: list[float] = field(default_factory=list)
    arrived: int = 0
    _came: dict[str, Came] = field(default_factory=dict)
    _waiting: dict[str, "asyncio.Future[Came]"] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def url(self) -> str:
        """The value of EMAIL_URL that leads here."""
        return f"smtp://127.0.0.1:{self.port}"

    async def code_for(self, address: str, *, asked: float) -> str:
        """The next code for this address, taken out; how long after `asked` it came is kept."""
        future: asyncio.Future[Came] = asyncio.get_running_loop().create_future()
        with self._lock:
            if (came := self._came.pop(address, None)) is not None:
                future.set_result(came)
            else:
                self._waiting[address] = future
        try:
            came = await asyncio.wait_for(future, PATIENCE)
        finally:
            with self._lock:
                self._waiting.pop(address, None)
        self.waits_ms.append((came.at - asked) * 1000)
        return came.code

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802  (aiosmtpd's name)
        """Take a mail."""
        self.arrived += 1
        code = code_in(envelope.content.decode("latin-1"))
        if code is not None:
            for address in envelope.rcpt_tos:
                self.hand_over(address, Came(code, time.perf_counter()))
        return "250 OK"

    def hand_over(self, address: str, came: Came) -> None:
        """Give a code to whoever waits for it, or keep it."""
        with self._lock:
            waiting = self._waiting.pop(address, None)
            if waiting is None:
                self._came[address] = came
                return
        waiting.get_loop().call_soon_threadsafe(_settle, waiting, came)


def _settle(waiting: "asyncio.Future[Came]", came: Came) -> None:
    if not waiting.done():
        waiting.set_result(came)


@contextmanager
def mailbox() -> Iterator[Mailbox]:
    """A mail server in a thread of this process."""
    box = Mailbox(port=free_port())
    controller = Controller(box, hostname="127.0.0.1", port=box.port)
    controller.start()
    try:
        yield box
    finally:
        controller.stop()
