"""The test of a server: which step fails, and why, in plain words."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils import translation

from configserver.engines import base
from configserver.engines.ldap import LdapEngine
from tests.configserver.ldap_stage import config_of, direct, engine_of, timed
from tests.services import free_port
from tests.services.hostile import EXTENDED_ANSWER, Talk, hostile_server, result
from tests.services.ldap import (
    AGENTS,
    BASE,
    ELSEWHERE,
    MANAGERS,
    SERVICE,
    SERVICE_PASSWORD,
    Ldap,
    black_hole,
    cast,
    ldap_machine,
    referral,
)

ALL = ["resolve", "connect", "tls", "bind", "search", "map"]


@pytest.fixture(scope="module")
def directory() -> Iterator[Ldap]:
    with ldap_machine() as server:
        yield server


def steps(tested: base.Tested) -> list[str]:
    return [check.step for check in tested.checks]


def seen(tested: base.Tested, step: str) -> str:
    return next(check.seen for check in tested.checks if check.step == step)


def failure(tested: base.Tested, step: str) -> str:
    """What is said of the step that failed, which is the last one."""
    assert not tested.ok
    assert [check.step for check in tested.checks if not check.ok] == [step]
    assert tested.checks[-1].step == step
    return tested.checks[-1].seen


def test_every_step_is_told_with_what_was_seen(directory: Ldap) -> None:
    engine = engine_of(directory, groups=(AGENTS, MANAGERS), nested=True)
    tested = engine.test(directory.secure_url, login="dora")
    assert tested.ok
    assert steps(tested) == ALL
    assert tested.server == directory.secure_url
    assert "127.0.0.1" in seen(tested, "resolve")
    assert str(directory.secure_port) in seen(tested, "connect")
    assert "TLSv1.3" in seen(tested, "tls")
    assert "localhost" in seen(tested, "tls")
    assert SERVICE in seen(tested, "bind")
    assert "uid=dora," in seen(tested, "search")
    for what in ("Dora Müller", AGENTS, MANAGERS, "Acme"):
        assert what in seen(tested, "map")
    assert tested.certificate_expires_at == pytest.approx(
        (datetime.now(UTC) + timedelta(days=1)).timestamp(), abs=600
    )
    assert all(check.milliseconds >= 0 for check in tested.checks)


def test_without_a_name_it_ends_at_the_service_account(directory: Ldap) -> None:
    tested = engine_of(directory).test(directory.url)
    assert tested.ok
    assert steps(tested) == ALL[:4]


def test_with_a_direct_bind_no_password_is_needed(directory: Ldap) -> None:
    directory.forget()
    tested = engine_of(directory, **direct()).test(directory.secure_url, login="dora")
    assert tested.ok
    assert "uid=dora," in seen(tested, "search")
    assert directory.binds() == []


def test_no_password_of_a_person_is_checked(directory: Ldap) -> None:
    directory.forget()
    engine_of(directory).test(directory.secure_url, login="dora")
    assert directory.binds() == [SERVICE]


def test_a_host_that_is_not_known(directory: Ldap) -> None:
    tested = engine_of(directory).test("ldaps://nowhere.invalid")
    assert "nowhere.invalid" in failure(tested, "resolve")


def test_a_port_that_takes_no_connections(directory: Ldap) -> None:
    port = free_port()
    tested = engine_of(directory).test(f"ldaps://localhost:{port}")
    assert failure(tested, "connect") == f"localhost takes no connections at port {port}."


def test_a_server_without_power(directory: Ldap) -> None:
    with black_hole() as port:
        tested, took = timed(lambda: engine_of(directory).test(f"ldaps://localhost:{port}"))
        assert failure(tested, "connect") == f"localhost does not answer at port {port}."
    assert 0.8 < took < 1.6


def test_a_server_that_hangs(directory: Ldap) -> None:
    with hostile_server() as server:
        engine = engine_of(directory, timeout=0.5)
        for scheme in ("ldap", "ldaps"):
            tested, took = timed(lambda scheme=scheme: engine.test(f"{scheme}://localhost:{server.port}"))
            assert failure(tested, "tls") == "localhost did not answer in time."
            assert took < 1


def test_a_certificate_for_another_name(directory: Ldap) -> None:
    with ldap_machine(entries=[], hosts=("other.example", "192.0.2.1")) as misnamed:
        for url in (misnamed.secure_url, misnamed.url):
            tested = engine_of(misnamed).test(url)
            said = failure(tested, "tls")
            assert said == "The certificate is for other.example, 192.0.2.1, not for localhost."
            assert tested.certificate_expires_at is not None


def test_a_certificate_that_has_expired() -> None:
    ended = datetime.now(UTC) - timedelta(minutes=10)
    with ldap_machine(entries=[], valid=timedelta(minutes=-10)) as expired:
        tested = engine_of(expired).test(expired.secure_url)
    assert "was valid until" in failure(tested, "tls")
    assert tested.certificate_expires_at == pytest.approx(ended.timestamp(), abs=600)


def test_a_certificate_by_an_authority_that_nobody_trusts(directory: Ldap) -> None:
    tested = engine_of(directory, ca_certificates="").test(directory.secure_url)
    assert "signed by nobody" in failure(tested, "tls")


def test_a_server_that_refuses_starttls(directory: Ldap) -> None:
    def refuses(talk: Talk) -> None:
        talk.say(talk.request(), result(EXTENDED_ANSWER, 2))
        talk.listen()

    with hostile_server(refuses) as server:
        tested = engine_of(directory).test(f"ldap://localhost:{server.port}")
    assert "StartTLS" in failure(tested, "tls")


def test_plain_ldap_at_the_port_of_ldaps(directory: Ldap) -> None:
    tested = engine_of(directory).test(f"ldaps://localhost:{directory.port}")
    assert "encrypted connection" in failure(tested, "tls")


def test_a_server_on_this_machine_may_do_without() -> None:
    with ldap_machine(tls=False) as directory:
        tested = engine_of(directory, start_tls=False).test(directory.url)
    assert tested.ok
    assert "Not encrypted" in seen(tested, "tls")
    assert tested.certificate_expires_at is None


def test_a_service_account_that_is_refused(directory: Ldap) -> None:
    tested = engine_of(directory, bind_password="not-of-the-portal").test(directory.secure_url, login="dora")
    assert failure(tested, "bind") == "The service account is refused: invalidCredentials."


@pytest.mark.parametrize(
    ("login", "changes", "said"),
    [
        ("nobody", {}, "No entry has this name."),
        ("twin", {}, "More than one entry has this name"),
        ("dora", {"base_dn": f"ou=nowhere,{BASE}"}, f"There is no ou=nowhere,{BASE} to search in."),
    ],
)
def test_a_search_that_finds_nobody(directory: Ldap, login: str, changes: dict[str, Any], said: str) -> None:
    tested = engine_of(directory, **changes).test(directory.secure_url, login=login)
    assert said in failure(tested, "search")


def test_a_search_that_is_referred_elsewhere() -> None:
    with hostile_server() as trap:
        entries = [*cast(), referral(f"ldap://127.0.0.1:{trap.port}/ou=elsewhere,{BASE}")]
        with ldap_machine(entries=entries) as directory:
            tested = engine_of(directory, base_dn=ELSEWHERE).test(directory.secure_url, login="dora")
        assert "refers to another one" in failure(tested, "search")
        assert trap.connections == 0


def test_an_entry_without_its_stable_id(directory: Ldap) -> None:
    tested = engine_of(directory, entry_attribute="objectGUID").test(directory.secure_url, login="dora")
    assert "objectGUID" in failure(tested, "map")


@pytest.mark.parametrize(
    ("changes", "server"),
    [
        ({}, "http://localhost"),
        ({"start_tls": False}, "ldap://ldap.example.org"),
        ({"ca_certificates": "no certificate"}, "ldaps://localhost"),
        ({"bind_dn": ""}, "ldaps://localhost"),
        ({"user_filter": "(uid=*)"}, "ldaps://localhost"),
        ({"user_filter": "(uid={login}"}, "ldaps://localhost"),
    ],
)
def test_a_configuration_that_does_not_fit(changes: dict[str, Any], server: str) -> None:
    tested = LdapEngine(config_of(**({"servers": ()} | changes))).test(server, login="dora")
    assert failure(tested, "resolve").endswith(".")


def test_it_neither_uses_nor_opens_a_breaker(directory: Ldap) -> None:
    engine = engine_of(directory, servers=(f"ldaps://localhost:{free_port()}",))
    for _ in range(3):
        failure(engine.test(engine._config.servers[0]), "connect")


def test_nothing_secret_is_shown(directory: Ldap) -> None:
    tested = engine_of(directory).test(directory.secure_url, login="dora")
    assert SERVICE_PASSWORD not in repr(tested)


def test_it_speaks_the_language_of_the_reader(directory: Ldap) -> None:
    with translation.override("de"):
        assert steps(engine_of(directory).test(directory.secure_url, login="dora")) == ALL
