"""No password leaves for a server that has not proved who it is."""

import socket
import ssl
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from configserver.engines.base import NotTaken, Unreachable, Verified
from configserver.engines.ldap import LdapConfig, LdapEngine
from configserver.engines.ldap.config import address_of
from configserver.engines.ldap.wire import Line, ServerError
from core import tls
from core.deadline import Deadline
from tests.configserver.ldap_stage import WRONG, config_of, direct, engine_of
from tests.services.certificates import Certificate
from tests.services.hostile import BIND_ANSWER, EXTENDED_ANSWER, Talk, ber, hostile_server, result
from tests.services.ldap import PEOPLE, SERVICE_PASSWORD, Ldap, ldap_machine, password_of, person

EGON = [person("egon")]
NEW = "Another-Passw0rd"


@pytest.fixture(scope="module")
def directory() -> Iterator[Ldap]:
    with ldap_machine(entries=EGON) as server:
        yield server


@pytest.fixture(scope="module")
def misnamed() -> Iterator[Ldap]:
    """Its certificate is right but for the name."""
    with ldap_machine(entries=EGON, hosts=("other.example", "192.0.2.1")) as server:
        yield server


@pytest.fixture(scope="module")
def expired() -> Iterator[Ldap]:
    with ldap_machine(entries=EGON, valid=timedelta(minutes=-10)) as server:
        yield server


@pytest.fixture(params=["ldaps", "starttls"])
def safety(request: pytest.FixtureRequest) -> str:
    """Each of the two ways to TLS."""
    return str(request.param)


@pytest.fixture(params=["search", "direct"])
def way(request: pytest.FixtureRequest) -> dict[str, Any]:
    return direct() if request.param == "direct" else {}


def url(directory: Ldap, safety: str) -> str:
    return directory.url if safety == "starttls" else directory.secure_url


def hears_nothing(directory: Ldap, engine: LdapEngine) -> str:
    """Everything that could send a password; why the server was not asked."""
    directory.forget()
    outcome = engine.verify("egon", password_of("egon"))
    assert isinstance(outcome, Unreachable)
    engine.decoy("egon")
    assert not isinstance(engine.change_password("egon", password_of("egon"), NEW), NotTaken)
    engine.test(engine._config.servers[0], login="egon")
    assert directory.binds() == []
    return outcome.reason


def test_a_certificate_for_another_name_ends_it(misnamed: Ldap, safety: str, way: dict[str, Any]) -> None:
    engine = engine_of(misnamed, servers=(url(misnamed, safety),), **way)
    assert "not for localhost" in hears_nothing(misnamed, engine)


def test_so_does_one_for_another_address(misnamed: Ldap, safety: str) -> None:
    there = url(misnamed, safety).replace("localhost", "127.0.0.1")
    assert "not for 127.0.0.1" in hears_nothing(misnamed, engine_of(misnamed, servers=(there,)))


def test_so_does_one_by_an_authority_that_nobody_trusts(
    directory: Ldap, misnamed: Ldap, safety: str, way: dict[str, Any]
) -> None:
    engine = engine_of(
        directory, servers=(url(directory, safety),), ca_certificates=misnamed.authority, **way
    )
    assert "signed by nobody" in hears_nothing(directory, engine)


def test_without_authorities_of_its_own_the_system_s_are_trusted_alone(directory: Ldap, safety: str) -> None:
    engine = engine_of(directory, servers=(url(directory, safety),), ca_certificates="")
    assert "signed by nobody" in hears_nothing(directory, engine)


def test_so_does_one_that_has_expired(expired: Ldap, safety: str, way: dict[str, Any]) -> None:
    engine = engine_of(expired, servers=(url(expired, safety),), **way)
    assert "expired" in hears_nothing(expired, engine)


def test_so_does_a_version_of_tls_that_is_too_old(tmp_path: Path) -> None:
    certificate = Certificate.make(tmp_path)
    old = certificate.context()
    old.set_ciphers("ALL:@SECLEVEL=0")
    old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1
    with hostile_server(tls=old) as server:
        engine = LdapEngine(
            config_of(
                servers=(f"ldaps://localhost:{server.port}",),
                ca_certificates=certificate.authority.read_text(),
            )
        )
        assert isinstance(engine.verify("egon", WRONG), Unreachable)
        assert server.heard == b""


def test_the_right_address_is_a_right_name_too(directory: Ldap, safety: str) -> None:
    there = url(directory, safety).replace("localhost", "127.0.0.1")
    outcome = engine_of(directory, servers=(there,)).verify("egon", password_of("egon"))
    assert isinstance(outcome, Verified)


@pytest.mark.parametrize("code", [2, 52, 80, 0])
def test_where_starttls_is_stripped_nothing_is_sent(code: int, way: dict[str, Any]) -> None:
    """With 0 the one between us and the server says that TLS begins, and then goes on in clear."""

    def strips(talk: Talk) -> None:
        talk.say(talk.request(), result(EXTENDED_ANSWER, code))
        talk.listen()

    with hostile_server(strips) as server:
        engine = LdapEngine(config_of(servers=(f"ldap://localhost:{server.port}",), timeout=1.0, **way))
        assert isinstance(engine.verify("egon", password_of("egon")), Unreachable)
        assert server.connections == 1
        for secret in (password_of("egon"), SERVICE_PASSWORD, "egon", PEOPLE):
            assert secret.encode() not in server.heard


def test_what_is_put_behind_the_answer_to_starttls_ends_it() -> None:
    """It came in clear, from anybody, and would be read as if it came from the server."""

    def smuggles(talk: Talk) -> None:
        id = talk.request()
        talk.socket.sendall(ber(0x30, id, result(EXTENDED_ANSWER, 0)) + ber(0x30, id, result(BIND_ANSWER, 0)))
        talk.listen()

    with hostile_server(smuggles) as server:
        engine = LdapEngine(config_of(servers=(f"ldap://localhost:{server.port}",), timeout=1.0))
        outcome = engine.verify("egon", password_of("egon"))
        assert isinstance(outcome, Unreachable)
        assert "StartTLS" in outcome.reason
        assert len(server.heard) < 50  # no handshake was begun


def test_a_server_that_knows_no_tls_hears_nothing_but_the_question_for_it(way: dict[str, Any]) -> None:
    with ldap_machine(entries=EGON, tls=False) as directory:
        engine = engine_of(directory, servers=(directory.url,), **way)
        assert "StartTLS" in hears_nothing(directory, engine)


def test_an_ldaps_server_that_speaks_plain_ldap_hears_nothing() -> None:
    with hostile_server() as server:
        engine = LdapEngine(config_of(servers=(f"ldaps://localhost:{server.port}",), timeout=0.5))
        assert isinstance(engine.verify("egon", password_of("egon")), Unreachable)
        assert password_of("egon").encode() not in server.heard
        assert SERVICE_PASSWORD.encode() not in server.heard


def test_in_clear_only_this_machine_is_asked() -> None:
    with ldap_machine(entries=EGON, tls=False) as directory:
        here = engine_of(directory, servers=(directory.url,), start_tls=False)
        assert isinstance(here.verify("egon", password_of("egon")), Verified)
    for host in (
        "ldap.example.org",
        "192.0.2.1",
        "[2001:db8::1]",
        "localhost.example.org",
        "127.0.0.1.example",
    ):
        config = config_of(servers=(f"ldap://{host}",), start_tls=False)
        assert LdapEngine(config).verify("egon", WRONG) == Unreachable(reason="plain text refused")
        assert not LdapEngine(config).test(config.servers[0]).ok


def test_one_server_in_clear_among_others_is_refused_too() -> None:
    config = config_of(servers=("ldaps://localhost", "ldap://ldap.example.org"), start_tls=False)
    assert LdapEngine(config).verify("egon", WRONG) == Unreachable(reason="plain text refused")


def test_starttls_is_asked_for_unless_it_is_switched_off() -> None:
    assert LdapConfig(id="1", servers=("ldap://localhost",)).start_tls


def test_a_server_that_wants_tls_gets_it(safety: str) -> None:
    with ldap_machine(entries=EGON, require_tls=True) as directory:
        engine = engine_of(directory, servers=(url(directory, safety),))
        assert isinstance(engine.verify("egon", password_of("egon")), Verified)
        in_clear = engine_of(directory, servers=(directory.url,), start_tls=False)
        assert isinstance(in_clear.verify("egon", password_of("egon")), Unreachable)


def test_the_rules_of_one_authority_are_made_once(directory: Ldap) -> None:
    assert tls.context_of(directory.authority) is tls.context_of(directory.authority)
    context = tls.context_of(directory.authority)
    assert context.check_hostname
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2


def test_small_messages_do_not_wait_for_each_other(directory: Ldap) -> None:
    with socket.create_connection(("127.0.0.1", directory.secure_port)) as plain:
        context = tls.context_of(directory.authority)
        with tls.wrapped(plain, host="localhost", context=context, timeout=2) as secured:
            assert secured.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_after_a_look_at_a_wrong_certificate_nobody_can_bind(misnamed: Ldap) -> None:
    misnamed.forget()
    config = config_of(misnamed)
    address = address_of(misnamed.secure_url, start_tls=True)
    assert address is not None
    line, deadline = Line(config, address), Deadline.after(2)
    line.connect(deadline, hosts=("127.0.0.1",))
    line.secure(deadline, context=tls.lenient_context(config.ca_certificates))
    assert "other.example" in str(line.seen())
    with pytest.raises(ServerError):
        line.bind(config.bind_dn, config.bind_password, deadline)
    line.close()
    assert misnamed.binds() == []
