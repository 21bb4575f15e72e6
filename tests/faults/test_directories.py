"""A directory whose first server is dead, or all of which hangs, under load: who waits how long, and who does not."""

import statistics
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest

from tests.faults.figures import soak_seconds, told
from tests.faults.load import ask
from tests.faults.stage import Stage, staged
from tests.services.directory_people import CONNECT_SECONDS, TIMEOUT_SECONDS, name_of
from tests.services.ldap import Ldap, black_hole, ldap_machine, password_of, people
from tests.waiting import until

AT_ONCE = 100
OVER_SECONDS = 1.0  # beyond the time to connect
CLIENTS = 24  # more than a node has threads
MEASURED_SECONDS = soak_seconds(6)


@dataclass(frozen=True, kw_only=True)
class Stood:
    """The product, and its directory: the first server is as a machine without power, the second one well."""

    stage: Stage
    directory: Ldap


@pytest.fixture(scope="module")
def stood(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stood]:
    """Everything up; nobody has asked the directory yet."""
    with (
        black_hole() as hole,
        ldap_machine(entries=people(2 * AT_ONCE)) as directory,
        staged(tmp_path_factory.mktemp("directories")) as stage,
    ):
        assert directory.tls is not None
        servers = f"ldaps://localhost:{hole},{directory.secure_url}"
        stage.run("tests.services.directory_people", str(2 * AT_ONCE), servers, str(directory.tls.authority))
        yield Stood(stage=stage, directory=directory)


@dataclass(frozen=True, kw_only=True)
class SignIn:
    """One sign-in with a directory account: what came of it, and how long both requests took together."""

    status: int
    step: str
    seconds: float


def sign_in(port: int, number: int) -> SignIn:
    """Name and password of one of the people, from a network of his own."""
    began, address = time.monotonic(), f"10.9.{number >> 8 & 255}.{number & 255}"
    name = name_of(number % (2 * AT_ONCE))
    begun = ask(port, "/api/v1/login/", {"username": name}, address=address)
    if begun.status != 201:
        return SignIn(status=begun.status, step="", seconds=time.monotonic() - began)
    proof = {"handle": begun.facts["handle"], "password": password_of(name)}
    said = ask(port, "/api/v1/login/password/", proof, address=address)
    return SignIn(status=said.status, step=str(said.facts.get("step")), seconds=time.monotonic() - began)


def at_once(port: int, *, first: int = 0) -> list[SignIn]:
    """A hundred of them at the same moment."""
    together, done = threading.Barrier(AT_ONCE), list[SignIn]()

    def one(number: int) -> None:
        together.wait(60)
        done.append(sign_in(port, number))

    threads = [threading.Thread(target=one, args=[first + number]) for number in range(AT_ONCE)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return done


def shown(tries: list[SignIn]) -> str:
    """Median and slowest, in words."""
    seconds = sorted(one.seconds for one in tries)
    return f"median {statistics.median(seconds):.2f} s, slowest {seconds[-1]:.2f} s"


def test_a_hundred_at_once_sign_in_though_the_first_server_is_dead(stood: Stood) -> None:
    """The one caller of each process who finds out waits; the others ask the next server meanwhile."""
    dead = at_once(stood.stage.product.port)
    # The same again, now that every process knows: what a hundred at once take on this machine by themselves.
    known = at_once(stood.stage.product.port, first=AT_ONCE)
    outcomes = Counter((one.status, one.step) for one in (*dead, *known))
    told(f"{AT_ONCE} at once, the first server dead: {shown(dead)}; once that is known: {shown(known)}")
    assert outcomes == {(200, "done"): 2 * AT_ONCE}
    by_itself = max(one.seconds for one in known)
    assert max(one.seconds for one in dead) < CONNECT_SECONDS + max(OVER_SECONDS, by_itself)


@dataclass
class Crowd:
    """People of the directory who try to sign in again and again."""

    port: int
    tries: list[SignIn] = field(default_factory=list)

    @contextmanager
    def trying(self) -> Iterator[None]:
        """So many clients, until this ends."""
        over = threading.Event()

        def work(number: int) -> None:
            while not over.wait(0.5):
                self.tries.append(sign_in(self.port, number))
                number += CLIENTS

        clients = [threading.Thread(target=work, args=[number]) for number in range(CLIENTS)]
        for client in clients:
            client.start()
        try:
            yield
        finally:
            over.set()
            for client in clients:
                client.join(60)


def internal_seconds(stage: Stage, *, seconds: float) -> list[float]:
    """How long each request of internal sign-ins takes, up to the code, by two clients for so long."""
    before, began = len(stage.load.answers), time.monotonic()
    with stage.load.going_on(threads=2, pause=0.05):
        until(lambda: time.monotonic() - began > seconds, seconds=seconds + 30)
    answers = stage.load.answers[before:]
    assert {one.status for one in answers} <= {200, 201}, Counter(one.status for one in answers)
    return sorted(one.seconds for one in answers)


def percentile(seconds: list[float], percent: int) -> float:
    return seconds[min(len(seconds) - 1, len(seconds) * percent // 100)]


def measured(what: str, seconds: list[float]) -> str:
    return (
        f"{what} {len(seconds)} requests, median {statistics.median(seconds):.3f} s, p99 {percentile(seconds, 99):.2f} s, "
        f"slowest {seconds[-1]:.2f} s"
    )


def test_a_directory_that_hangs_slows_no_internal_sign_in(stood: Stood) -> None:
    """Every server accepts and says nothing: at most half of the threads wait for it, and then nobody does."""
    stage, crowd = stood.stage, Crowd(stood.stage.product.port)
    with crowd.trying():
        well = internal_seconds(stage, seconds=MEASURED_SECONDS)
    assert {one.step for one in crowd.tries} == {"done"}
    crowd.tries.clear()
    with stood.directory.hung(), crowd.trying():
        hung = internal_seconds(stage, seconds=2 * MEASURED_SECONDS)
    told(
        f"{CLIENTS} clients at a directory that is well: {measured('internally', well)}; at one that hangs: "
        f"{measured('internally', hung)}; of the directory's people {len(crowd.tries)} were told so, {shown(crowd.tries)}"
    )
    assert {one.status for one in crowd.tries} == {503}
    # Whoever waited for the directory would wait for its time to connect, three seconds.
    assert hung[-1] < max(well[-1], 1.0) + OVER_SECONDS
    assert statistics.median(hung) < 2 * statistics.median(well) + 0.1
    until(lambda: sign_in(stage.product.port, 7).step == "done", seconds=20, what="the directory is back")


def test_a_directory_that_hangs_holds_no_sign_in_longer_than_its_own_time(stood: Stood) -> None:
    with stood.directory.hung():
        tried = at_once(stood.stage.product.port)
    told(f"{AT_ONCE} at once at a directory that hangs: {shown(tried)}")
    assert {one.status for one in tried} == {503}
    assert max(one.seconds for one in tried) < TIMEOUT_SECONDS + 2 * OVER_SECONDS
