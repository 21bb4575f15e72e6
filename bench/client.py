"""A client under load: kept-alive connections to this machine, each repeating one operation until the time is up."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

HOST = "127.0.0.1"
LONGEST_SECONDS = 120.0
MOST_FAILURES = 20


class WrongAnswerError(Exception):
    """The server's answer was not the one that the operation needs."""


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: dict[str, str]
    cookies: dict[str, str]
    body: bytes

    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


def head_of(raw: bytes) -> tuple[int, dict[str, str], dict[str, str]]:
    """Status, headers in small letters, and the cookies set, of the head of an answer."""
    first, *lines = raw.decode("latin-1").split("\r\n")
    headers, cookies = {}, {}
    for line in lines:
        name, _colon, value = line.partition(":")
        name, value = name.lower(), value.strip()
        if name == "set-cookie":
            cookie, _equals, content = value.partition(";")[0].partition("=")
            cookies[cookie] = content.strip('"')
        elif name:
            headers[name] = value
    return int(first.split(" ", 2)[1]), headers, cookies


@dataclass
class Connection:
    """One connection, opened when it is first used and again when the server has closed it."""

    port: int
    _streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    def close(self) -> None:
        """End it."""
        if self._streams is not None:
            self._streams[1].close()
        self._streams = None

    async def ask(
        self,
        method: str,
        path: str,
        *,
        headers: dict[str, str] | None = None,
        body: bytes = b"",
        expect: int = 200,
    ) -> Answer:
        """Send a request and read the whole answer; any status but the expected one is a failure."""
        given = {"Host": f"{HOST}:{self.port}", "User-Agent": "bench/1", **(headers or {})}
        if method != "GET":
            given["Content-Length"] = str(len(body))
        lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in given.items()), "", ""]
        answer = await self._exchange("\r\n".join(lines).encode("latin-1") + body)
        if answer.status != expect:
            raise WrongAnswerError(f"{method} {path}: {answer.status} {answer.body[:300]!r}")
        return answer

    async def post_json(self, path: str, fields: dict[str, Any], *, expect: int = 200, **headers: str) -> Any:
        """POST as JSON; the JSON that came back."""
        own = {"Content-Type": "application/json", **{k.replace("_", "-"): v for k, v in headers.items()}}
        answer = await self.ask("POST", path, headers=own, body=json.dumps(fields).encode(), expect=expect)
        return answer.json()

    async def _exchange(self, raw: bytes) -> Answer:
        was_open = self._streams is not None
        try:
            return await self._once(raw)
        except (ConnectionError, asyncio.IncompleteReadError):
            self.close()
            if not was_open:
                raise
            return await self._once(raw)  # the server had closed a connection that stood idle

    async def _once(self, raw: bytes) -> Answer:
        if self._streams is None:
            self._streams = await asyncio.open_connection(HOST, self.port, limit=1 << 20)
        reader, writer = self._streams
        writer.write(raw)
        head = await reader.readuntil(b"\r\n\r\n")
        status, headers, cookies = head_of(head[:-4])
        if "chunked" in headers.get("transfer-encoding", ""):
            body = await _chunks(reader)
        else:
            body = await reader.readexactly(int(headers.get("content-length", "0")))
        if headers.get("connection", "").lower() == "close":
            self.close()
        return Answer(status, headers, cookies, body)


async def _chunks(reader: asyncio.StreamReader) -> bytes:
    parts = []
    while size := int((await reader.readline()).partition(b";")[0], 16):
        parts.append(await reader.readexactly(size))
        await reader.readexactly(2)
    await reader.readexactly(2)
    return b"".join(parts)


@dataclass
class Browser:
    """A connection that keeps cookies and sends forms, as a browser without scripts."""

    connection: Connection
    address: str
    cookies: dict[str, str] = field(default_factory=dict)

    async def get(self, path: str, *, expect: int = 200) -> Answer:
        """Open a page."""
        return await self._ask("GET", path, expect=expect)

    async def post(self, path: str, fields: dict[str, str], *, expect: int = 302) -> Answer:
        """Send a form."""
        return await self._ask("POST", path, body=urlencode(fields).encode(), expect=expect)

    async def _ask(self, method: str, path: str, *, body: bytes = b"", expect: int) -> Answer:
        headers = {"X-Forwarded-For": self.address, "Accept": "text/html"}
        if self.cookies:
            headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        if method == "POST":
            headers |= {
                "Content-Type": "application/x-www-form-urlencoded",
                "Origin": f"http://{HOST}:{self.connection.port}",
            }
        answer = await self.connection.ask(method, path, headers=headers, body=body, expect=expect)
        self.cookies |= answer.cookies
        return answer


Operation = Callable[[Connection], Awaitable[None]]


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What the clients saw."""

    operations: int
    seconds: float
    latencies_ms: list[float]
    failures: list[str]


async def _load(operation: Operation, *, port: int, clients: int, seconds: float, patience: float) -> Outcome:
    latencies: list[float] = []
    failures: list[str] = []
    began = time.perf_counter()
    end = began + min(seconds, LONGEST_SECONDS)

    async def repeat() -> None:
        connection = Connection(port)
        while (started := time.perf_counter()) < end and len(failures) < MOST_FAILURES:
            try:
                await asyncio.wait_for(operation(connection), patience)
                latencies.append((time.perf_counter() - started) * 1000)
            except (WrongAnswerError, OSError, asyncio.IncompleteReadError, TimeoutError, KeyError) as error:
                failures.append(f"{type(error).__name__}: {error}"[:400])
                connection.close()
        connection.close()

    await asyncio.gather(*(repeat() for _ in range(clients)))
    return Outcome(
        operations=len(latencies),
        seconds=time.perf_counter() - began,
        latencies_ms=latencies,
        failures=failures,
    )


def load(operation: Operation, *, port: int, clients: int, seconds: float, patience: float = 30.0) -> Outcome:
    """Repeat the operation on so many connections until the time is up; what is under way then is brought to its end."""
    return asyncio.run(_load(operation, port=port, clients=clients, seconds=seconds, patience=patience))
