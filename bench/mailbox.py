"""A mail server that hands each mailed code to whoever waits for it."""

import asyncio
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from aiosmtpd.controller import Controller

from tests.services import free_port

_CODE = re.compile(rb"^ {4}(\d{4,10})\r?$", re.MULTILINE)
PATIENCE = 20.0


def code_in(mail: bytes) -> str | None:
    """The code of a mail: it stands indented on a line of its own."""
    found = _CODE.search(mail)
    return found[1].decode() if found else None


@dataclass
class Mailbox:
    """The codes that came, by recipient."""

    port: int
    arrived: int = 0
    waits_ms: list[float] = field(default_factory=list)
    _codes: dict[str, str] = field(default_factory=dict)
    _waiting: dict[str, tuple[asyncio.AbstractEventLoop, "asyncio.Future[str]"]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def url(self) -> str:
        """The value of EMAIL_URL that leads here."""
        return f"smtp://127.0.0.1:{self.port}"

    async def code_for(self, address: str) -> str:
        """The next code for this address, taken out; how long it was waited for is kept."""
        began = time.perf_counter()
        loop = asyncio.get_running_loop()
        with self._lock:
            code = self._codes.pop(address, None)
            if code is None:
                future: asyncio.Future[str] = loop.create_future()
                self._waiting[address] = (loop, future)
        if code is None:
            try:
                code = await asyncio.wait_for(future, PATIENCE)
            finally:
                with self._lock:
                    self._waiting.pop(address, None)
        self.waits_ms.append((time.perf_counter() - began) * 1000)
        return code

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802  (aiosmtpd's name)
        """Take a mail."""
        code = code_in(envelope.content)
        for address in envelope.rcpt_tos if code else ():
            self._keep(address, code or "")
        self.arrived += 1
        return "250 OK"

    def _keep(self, address: str, code: str) -> None:
        with self._lock:
            waiting = self._waiting.pop(address, None)
            if waiting is None:
                self._codes[address] = code
                return
        loop, future = waiting
        loop.call_soon_threadsafe(lambda: future.done() or future.set_result(code))


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
