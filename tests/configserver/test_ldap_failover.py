"""Several servers of one directory: one that is dead, slow or wrong holds up nobody for long."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from pytest_django import Settings

from configserver.engines.base import Outcome, Refused, Unreachable, Verified
from configserver.engines.ldap import LdapEngine
from configserver.engines.servers import REST_SECONDS
from configserver.engines.slots import slots
from core.slots import SLOW_AFTER
from tests.configserver.ldap_stage import WRONG, config_of, direct, engine_of, timed
from tests.parallel import in_parallel
from tests.services import free_port
from tests.services.hostile import BIND_ANSWER, Talk, hostile_server, result
from tests.services.ldap import Ldap, black_hole, ldap_machine, password_of, people, person

CONNECT = 1.0
ROOM = 0.5  # what a busy machine may take on top


@pytest.fixture(scope="module")
def directory() -> Iterator[Ldap]:
    with ldap_machine(entries=[person("egon"), *people(100)]) as server:
        yield server


@pytest.fixture(scope="module")
def second() -> Iterator[Ldap]:
    with ldap_machine(entries=[person("egon"), *people(100)]) as server:
        yield server


@pytest.fixture(params=["search", "direct"])
def way(request: pytest.FixtureRequest) -> dict[str, Any]:
    return direct() if request.param == "direct" else {}


@contextmanager
def threads(settings: Settings, number: int) -> Iterator[None]:
    """Meanwhile a process has so many threads, half of which may be in directory calls."""
    settings.HTTP_THREADS = number
    slots.cache_clear()
    try:
        yield
    finally:
        slots.cache_clear()


def is_right(engine: LdapEngine, uid: str = "egon") -> bool:
    return isinstance(engine.verify(uid, password_of(uid)), Verified)


def test_a_server_that_takes_no_connections_is_passed_over_at_once(
    directory: Ldap, way: dict[str, Any]
) -> None:
    engine = engine_of(directory, servers=(f"ldaps://localhost:{free_port()}", directory.secure_url), **way)
    outcome, took = timed(lambda: is_right(engine))
    assert outcome
    assert took < ROOM


def test_a_server_without_power_costs_the_time_to_connect_and_only_once(
    directory: Ldap, way: dict[str, Any]
) -> None:
    with black_hole() as port:
        servers = (f"ldaps://localhost:{port}", directory.secure_url)
        engine = engine_of(directory, servers=servers, connect_timeout=CONNECT, timeout=5.0, **way)
        outcome, took = timed(lambda: is_right(engine))
        assert outcome
        assert CONNECT * 0.9 < took < CONNECT + ROOM
        outcome, took = timed(lambda: is_right(engine))
        assert outcome
        assert took < ROOM


def test_a_server_that_accepts_and_never_answers_costs_its_share_of_the_time(
    directory: Ldap, second: Ldap, way: dict[str, Any]
) -> None:
    engine = engine_of(second, directory, timeout=2.0, **way)
    with second.hung():
        outcome, took = timed(lambda: is_right(engine))
        assert outcome
        assert 0.9 < took < 1.0 + ROOM
        outcome, took = timed(lambda: is_right(engine))
        assert outcome
        assert took < ROOM


def test_so_does_one_that_hangs_after_it_has_answered_many(
    directory: Ldap, second: Ldap, way: dict[str, Any]
) -> None:
    engine = engine_of(second, directory, timeout=2.0, **way)
    assert all(is_right(engine) for _ in range(3))
    with second.hung():
        outcome, took = timed(lambda: is_right(engine))
        assert outcome
        assert took < 1.0 + ROOM
        assert is_right(engine)


def test_three_servers_that_hang_leave_time_for_the_fourth(directory: Ldap) -> None:
    def hangs(talk: Talk) -> None:
        talk.say(talk.request(), result(BIND_ANSWER, 0))
        talk.listen()

    with hostile_server(hangs) as one, hostile_server(hangs) as two, hostile_server(Talk.listen) as three:
        dead = tuple(f"ldaps://localhost:{server.port}" for server in (one, two, three))
        engine = engine_of(directory, servers=(*dead, directory.secure_url), timeout=2.0)
        outcome, took = timed(lambda: is_right(engine))
    assert outcome
    assert took < 2.0


def test_a_server_with_a_wrong_certificate_is_passed_over(directory: Ldap) -> None:
    with ldap_machine(entries=[], hosts=("other.example",)) as wrong:
        wrong.forget()
        assert is_right(engine_of(wrong, directory))
        assert wrong.binds() == []


def test_a_wrong_password_is_an_answer_and_no_other_server_is_asked(
    directory: Ldap, second: Ldap, way: dict[str, Any]
) -> None:
    engine = engine_of(directory, second, **way)
    second.forget()
    assert engine.verify("user1", WRONG) == Refused()
    assert isinstance(engine.verify("nobody", WRONG), Refused)
    assert second.binds() == []


def test_the_one_that_answers_stays_active(second: Ldap) -> None:
    with ldap_machine(entries=[person("egon")]) as first:
        engine = engine_of(first, second)
        assert is_right(engine)
        first.kill()
        assert is_right(engine)  # on a connection that the first one kept until then
        first.start()
        first.forget()
        assert is_right(engine)
        assert first.binds() == []


def test_without_any_server_the_answer_comes_at_once_and_is_no_wrong_password() -> None:
    engine = LdapEngine(config_of(servers=(f"ldaps://localhost:{free_port()}",)))
    assert isinstance(engine.verify("egon", WRONG), Unreachable)
    for _ in range(3):
        outcome, took = timed(lambda: engine.verify("egon", WRONG))
        assert outcome == Unreachable(reason="every server rests after a failure")
        assert took < 0.1


def test_a_server_that_comes_back_is_found_again(directory: Ldap) -> None:
    with ldap_machine(entries=[person("egon")]) as server:
        engine = engine_of(server)
        assert is_right(engine)
        server.kill()
        assert isinstance(engine.verify("egon", password_of("egon")), Unreachable)
        server.start()
        time.sleep(REST_SECONDS)
        assert is_right(engine)


def test_a_server_that_was_restarted_is_asked_on_a_new_connection() -> None:
    with ldap_machine(entries=[person("egon")]) as server:
        engine = engine_of(server)
        assert is_right(engine)
        server.stop()
        server.start()
        assert is_right(engine)


def test_a_host_that_is_not_known_is_passed_over(directory: Ldap) -> None:
    engine = engine_of(
        directory, servers=("ldaps://nowhere.invalid", directory.secure_url), connect_timeout=0.5
    )
    outcome, took = timed(lambda: is_right(engine))
    assert outcome
    assert took < 0.5 + ROOM


@pytest.mark.parametrize("host", ["x" * 64 + ".example", "[fe80::1%25lo]", ".example", "a..b", "ex ample"])
def test_so_is_what_can_be_no_host(directory: Ldap, host: str) -> None:
    assert is_right(
        engine_of(directory, servers=(f"ldaps://{host}", directory.secure_url), connect_timeout=0.5)
    )


def test_a_hundred_at_once_do_not_wait_together_for_a_server_without_power(
    directory: Ldap, settings: Settings
) -> None:
    outcomes, times = list[Outcome](), list[float]()
    with black_hole() as port, threads(settings, 200):
        servers = (f"ldaps://localhost:{port}", directory.secure_url)
        engine = engine_of(directory, servers=servers, connect_timeout=2 * CONNECT, timeout=8.0)

        def sign_in(index: int) -> None:
            outcome, took = timed(lambda: engine.verify(f"user{index}", password_of(f"user{index}")))
            outcomes.append(outcome)
            times.append(took)

        in_parallel(100, sign_in)
    assert [type(one) for one in outcomes] == [Verified] * 100
    assert max(times) < 2 * CONNECT + 1
    # A hundred handshakes take their time on two processors; those who waited for the dead server are few.
    assert len([one for one in times if one >= 2 * CONNECT]) <= 3


def test_through_the_threads_of_one_process_too(directory: Ldap, settings: Settings) -> None:
    """Eight threads, of which four may be in directory calls, have a hundred people to sign in."""
    todo, outcomes, times = list(range(100)), list[Outcome](), list[float]()
    with black_hole() as port, threads(settings, 8):
        servers = (f"ldaps://localhost:{port}", directory.secure_url)
        engine = engine_of(directory, servers=servers, connect_timeout=CONNECT, timeout=8.0)

        def work(_thread: int) -> None:
            while todo:
                number = todo.pop()
                uid = f"user{number}"
                outcome, took = timed(lambda uid=uid: engine.verify(uid, password_of(uid)))
                if outcome == Unreachable(reason="busy"):
                    todo.append(number)  # where the machine itself is slow, whoever finds no room tries again
                    continue
                outcomes.append(outcome)
                times.append(took)

        in_parallel(8, work)
    assert [type(one) for one in outcomes] == [Verified] * 100
    assert max(times) < CONNECT + 1


def test_a_server_that_hangs_holds_half_of_the_threads_and_no_more(
    directory: Ldap, settings: Settings
) -> None:
    """The others are told at once that the directory is busy, so that they can serve people of other directories and of none."""
    outcomes, times = list[Outcome](), list[float]()
    with threads(settings, 4), directory.hung():
        engine = engine_of(directory, timeout=2.0)

        def sign_in(_index: int) -> None:
            outcome, took = timed(lambda: engine.verify("egon", password_of("egon")))
            outcomes.append(outcome)
            times.append(took)

        in_parallel(8, sign_in)
        assert all(isinstance(one, Unreachable) for one in outcomes)
        assert len([one for one in outcomes if one == Unreachable(reason="busy")]) == 6
        assert sorted(times)[5] < SLOW_AFTER + ROOM
        assert max(times) < 2.0 + ROOM


def test_while_it_is_known_to_hang_one_caller_at_a_time_tries_it(directory: Ldap) -> None:
    engine = engine_of(directory, timeout=0.5)
    with directory.hung():
        assert isinstance(engine.verify("egon", WRONG), Unreachable)
        time.sleep(REST_SECONDS)
        trial = threading.Thread(target=lambda: engine.verify("egon", WRONG), daemon=True)
        trial.start()
        time.sleep(0.3)
        outcome, took = timed(lambda: engine.verify("egon", WRONG))
        assert isinstance(outcome, Unreachable)
        assert took < 0.1
        trial.join(2)
