"""Steady sign-ins that each ask for a code, and what became of every request."""

import http.client
import itertools
import json
import random
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.faults.people import address_of
from tests.services.smtp import Mailbox, code_in

TIMEOUT = 30.0


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What one request got; status 0: nobody took it, -1: somebody did and never answered."""

    status: int
    seconds: float
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def facts(self) -> dict[str, Any]:
        """The body as JSON."""
        found = json.loads(self.body or b"{}")
        return found if isinstance(found, dict) else {}


def ask(
    port: int, path: str, body: dict[str, Any] | None = None, *, address: str = "192.0.2.1", **headers: str
) -> Answer:
    """GET, or POST as JSON, over a connection of its own, as the client at this address behind a trusted proxy."""
    began = time.monotonic()
    door = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT)
    headers |= {"X-Forwarded-For": address, "Content-Type": "application/json", "Connection": "close"}
    missed = 0
    try:
        door.connect()
        missed = -1
        door.request(
            "GET" if body is None else "POST", path, None if body is None else json.dumps(body), headers
        )
        got = door.getresponse()
        text = got.read()
        told = {name.lower(): value for name, value in got.getheaders()}
        return Answer(status=got.status, seconds=time.monotonic() - began, body=text, headers=told)
    except (OSError, http.client.HTTPException):
        return Answer(status=missed, seconds=time.monotonic() - began)
    finally:
        door.close()


@dataclass
class Load:
    """People who sign in one after the other, each once; `asked` is whoever was told that a code is on its way."""

    port: int
    password: str
    people: Iterator[int] = field(default_factory=itertools.count)
    asked: dict[str, str] = field(default_factory=dict)  # mail address -> handle of the sign-in
    answers: list[Answer] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)
    _clients: list[threading.Thread] = field(default_factory=list)

    def sign_in(self) -> bool:
        """One person up to the code; False when something was away."""
        name = address_of(number := next(self.people))
        client = _network(number)
        begun = self._note(ask(self.port, "/api/v1/login/", {"username": name}, address=client))
        if begun.status != 201:
            return False
        proof = {"handle": begun.facts["handle"], "password": self.password}
        said = self._note(ask(self.port, "/api/v1/login/password/", proof, address=client))
        if said.status != 200 or said.facts.get("step") != "code":
            return False
        self.asked[name] = begun.facts["handle"]
        return True

    def _note(self, answer: Answer) -> Answer:
        self.answers.append(answer)
        return answer

    @contextmanager
    def going_on(self, *, threads: int = 2, pause: float = 0.15) -> Iterator[None]:
        """So many clients sign in until this ends, or until `stop()`."""
        self.over.clear()

        def work() -> None:
            while not self.over.is_set():
                self.over.wait(pause if self.sign_in() else 2 * pause)

        self._clients = [threading.Thread(target=work) for _ in range(threads)]
        for client in self._clients:
            client.start()
        try:
            yield
        finally:
            self.stop()

    def stop(self) -> None:
        """Have the clients end what they are at, and no more."""
        self.over.set()
        for client in self._clients:
            client.join(TIMEOUT * 2)

    @property
    def statuses(self) -> Counter[int]:
        """How often each status was answered."""
        return Counter(one.status for one in self.answers)

    def missing(self, box: Mailbox) -> set[str]:
        """Whose code has not arrived."""
        return set(self.asked) - {str(mail["To"]) for mail in list(box.mails)}

    def codes(self, box: Mailbox) -> dict[str, str]:
        """Each person's code; raises when two mails to one person hold different ones."""
        found: dict[str, str] = {}
        for mail in list(box.mails):
            code = code_in(mail)
            assert code, mail
            if found.setdefault(str(mail["To"]), code) != code:
                raise AssertionError(f"{mail['To']} got two codes for one sign-in")
        return found

    def use_twice(self, box: Mailbox, *, most: int = 60) -> Counter[str]:
        """Let so many use the code twice at the same moment; how often each outcome came."""
        codes, outcomes = self.codes(box), Counter[str]()

        def use(name: str, client: str, both: threading.Barrier, into: list[bool]) -> None:
            proof = {"handle": self.asked[name], "code": codes[name]}
            both.wait(10)
            answer = ask(self.port, "/api/v1/login/code/", proof, address=client)
            into.append(answer.facts.get("step") == "done")

        for number, name in enumerate(random.sample(sorted(self.asked), min(most, len(self.asked)))):
            both, done = threading.Barrier(2), list[bool]()
            pair = [threading.Thread(target=use, args=(name, _network(number), both, done)) for _ in range(2)]
            for one in pair:
                one.start()
            for one in pair:
                one.join(TIMEOUT)
            outcomes["once" if sum(done) == 1 else f"{sum(done)} times"] += 1
        return outcomes


def _network(number: int) -> str:
    """An address of one's own, for limits go by networks too."""
    return f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"
