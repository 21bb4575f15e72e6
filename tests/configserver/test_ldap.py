"""Signing in with a password that a real directory keeps."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from configserver.engines.base import Engine, Refused, Unreachable, Verified
from configserver.engines.ldap import LdapEngine
from tests.configserver.ldap_stage import WRONG, config_of, direct, engine_of, kind
from tests.services.hostile import hostile_server
from tests.services.ldap import (
    AGENTS,
    BASE,
    ELSEWHERE,
    PEOPLE,
    Ldap,
    cast,
    entry,
    ldap_machine,
    password_of,
    person,
    referral,
)


@pytest.fixture(scope="module")
def directory() -> Iterator[Ldap]:
    """One for all the tests that change nothing in it that others look at."""
    with ldap_machine() as server:
        yield server


@pytest.fixture(params=["search", "direct"])
def way(request: pytest.FixtureRequest) -> dict[str, Any]:
    """The settings for each of the two ways to the DN of a person."""
    return direct() if request.param == "direct" else {}


@pytest.fixture(params=["ldaps", "starttls"])
def door(request: pytest.FixtureRequest, directory: Ldap) -> dict[str, Any]:
    """The settings for each of the two ways to TLS."""
    return {"servers": (directory.url,)} if request.param == "starttls" else {}


def test_it_is_an_engine(directory: Ldap) -> None:
    engine: Engine = engine_of(directory)
    assert engine.answer("dora", "state", "answer") == Refused(reason="not_asked")


def test_the_right_password_is_verified_and_tells_who_it_is(
    directory: Ldap, door: dict[str, Any], way: dict[str, Any]
) -> None:
    outcome = engine_of(directory, **door, **way).verify("dora", password_of("dora"))
    assert isinstance(outcome, Verified)
    assert re.fullmatch(r"[0-9a-f]{8}-[0-9a-f-]{27}", outcome.entry)
    assert outcome.display_name == "Dora Müller"
    assert (outcome.email, outcome.phone, outcome.tenant) == ("dora@example.org", "+49 30 1234567", "Acme")
    assert not outcome.must_change
    assert (outcome.grace_left, outcome.expires_in) == (None, None)


def test_a_wrong_password_is_refused(directory: Ldap, door: dict[str, Any], way: dict[str, Any]) -> None:
    engine = engine_of(directory, **door, **way)
    assert engine.verify("egon", WRONG) == Refused()
    assert isinstance(engine.verify("egon", password_of("egon")), Verified)


def test_a_name_in_other_letters_is_the_same_entry(directory: Ldap) -> None:
    engine = engine_of(directory)
    one, two = engine.verify("dora", password_of("dora")), engine.verify("DORA", password_of("dora"))
    assert isinstance(one, Verified)
    assert one == two


def test_nobody_has_an_unknown_name(directory: Ldap, way: dict[str, Any]) -> None:
    outcome = engine_of(directory, **way).verify("nobody", WRONG)
    assert isinstance(outcome, Refused)
    assert outcome.told == ""


def test_two_entries_of_one_name_let_nobody_in(directory: Ldap) -> None:
    assert engine_of(directory).verify("twin", password_of("twin")) == Refused(reason="ambiguous")


def test_an_entry_without_a_password_lets_nobody_in(directory: Ldap) -> None:
    assert kind(engine_of(directory).verify("no-password", WRONG)).startswith("Refused")


@pytest.mark.parametrize("password", ["", "\0", "\0x", "Passw0rd\0", "x" * 1001, "half \ud800 a pair"])
def test_a_password_that_could_be_an_empty_one_is_never_sent(
    directory: Ldap, way: dict[str, Any], password: str
) -> None:
    directory.forget()
    assert engine_of(directory, **way).verify("dora", password) == Refused(reason="not_sent")
    assert directory.binds() == []


@pytest.mark.parametrize("login", ["", "dora\0", "x" * 1001, "half \ud800 a pair"])
def test_neither_is_a_name_that_no_directory_knows(directory: Ldap, way: dict[str, Any], login: str) -> None:
    directory.forget()
    assert engine_of(directory, **way).verify(login, WRONG) == Refused(reason="not_sent")
    assert directory.binds() == []


@pytest.mark.parametrize("login", ["o'neil, (the) *\\", "жанна"])
def test_a_name_may_hold_any_character(directory: Ldap, way: dict[str, Any], login: str) -> None:
    assert isinstance(engine_of(directory, **way).verify(login, password_of(login)), Verified)


@pytest.mark.parametrize(
    "login",
    [
        "*",
        "dor*",
        "dora)(objectClass=*",
        "*)(uid=*))(|(uid=*",
        "dora)(&",
        "dora))(|(uid=dora",
        "\\64ora",
        "\\2a",
        "dora\\",
        "dora\\00",
        "dora,ou=people",
        f"dora,{PEOPLE}",
        "x+uid=dora",
        "nobody,uid=dora",
        "#04646f7261",
        '"dora"',
        "<dora>",
        "dora;x",
        "uid=dora",
        "{login}",
        "{dn}",
        "(uid=dora)",
    ],
)
def test_a_name_is_data_in_filters_and_in_dns(directory: Ldap, way: dict[str, Any], login: str) -> None:
    outcome = engine_of(directory, **way).verify(login, password_of("dora"))
    assert isinstance(outcome, Refused)
    assert outcome.told == ""


def test_the_filter_that_the_server_sees_is_one_comparison(directory: Ldap) -> None:
    directory.forget()
    engine_of(directory).verify("*)(uid=*", WRONG)
    [seen] = [line for line in directory.log if " SRCH base=" in line]
    assert 'filter="(uid=\\2A\\29\\28uid=\\2A)"' in seen


def test_a_password_of_any_characters_arrives_as_it_was_typed() -> None:
    odd = "  Pässwörd 😀 \u00ad\u200b\ufb01 x²  "  # with what SASLprep would leave out or change
    with ldap_machine(entries=[person("egon", userPassword=odd)]) as directory:
        engine = engine_of(directory)
        assert isinstance(engine.verify("egon", odd), Verified)
        assert engine.verify("egon", odd.strip()) == Refused()
        assert engine.verify("egon", odd.replace("\u00ad", "")) == Refused()


def test_a_hostile_entry_is_bounded(directory: Ldap) -> None:
    outcome = engine_of(directory).verify("hugo", password_of("hugo"))
    assert isinstance(outcome, Verified)
    assert outcome.display_name.startswith("Hugo[31m xxx")
    assert len(outcome.display_name) <= 120
    assert outcome.display_name.isprintable()
    # What he would be known or reached by is not cut, for the beginning of it may be somebody else's.
    assert (outcome.email, outcome.phone, outcome.tenant) == ("", "", None)


def test_a_tenant_attribute_that_is_not_there_says_nothing(directory: Ldap) -> None:
    no_tenant = engine_of(directory).verify("fixed", password_of("fixed"))
    not_asked = engine_of(directory, tenant_attribute="").verify("dora", password_of("dora"))
    assert isinstance(no_tenant, Verified)
    assert isinstance(not_asked, Verified)
    assert no_tenant.tenant is None
    assert not_asked.tenant is None


def test_attributes_are_found_in_whatever_letters_they_are_written(directory: Ldap) -> None:
    engine = engine_of(directory, entry_attribute="ENTRYUUID", email_attribute="MAIL", tenant_attribute="O")
    outcome = engine.verify("dora", password_of("dora"))
    assert isinstance(outcome, Verified)
    assert outcome.entry
    assert (outcome.email, outcome.tenant) == ("dora@example.org", "Acme")


# Password policies


def test_a_locked_person_is_not_told_so_for_nobody_knows_who_asks(
    directory: Ldap, way: dict[str, Any]
) -> None:
    engine = engine_of(directory, **way)
    for password in (password_of("locked"), WRONG):
        assert engine.verify("locked", password) == Refused(reason="locked", told="")


def test_the_directory_locks_after_its_own_number_of_tries() -> None:
    with ldap_machine(entries=[person("egon")]) as directory:
        engine = engine_of(directory)
        assert [engine.verify("egon", WRONG) for _ in range(3)] == [Refused()] * 3
        assert engine.verify("egon", password_of("egon")) == Refused(reason="locked")


def test_an_expired_password_is_told_to_whom_it_belongs_alone(directory: Ldap, way: dict[str, Any]) -> None:
    engine = engine_of(directory, **way)
    assert engine.verify("expired", password_of("expired")) == Refused(reason="expired", told="expired")
    assert engine.verify("expired", WRONG) == Refused()


def test_whoever_must_change_the_password_is_let_in_for_that(directory: Ldap, way: dict[str, Any]) -> None:
    engine = engine_of(directory, **way, groups=(AGENTS,))
    outcome = engine.verify("must-change", password_of("must-change"))
    assert isinstance(outcome, Verified)
    assert outcome.must_change
    assert engine.verify("must-change", WRONG) == Refused()


def test_grace_sign_ins_are_counted_down_to_none() -> None:
    with ldap_machine() as directory:
        engine = engine_of(directory)
        for left in (1, 0):
            outcome = engine.verify("grace", password_of("grace"))
            assert isinstance(outcome, Verified)
            assert outcome.grace_left == left
        assert engine.verify("grace", password_of("grace")) == Refused(reason="expired", told="expired")


def test_the_directory_warns_before_a_password_expires(directory: Ldap, way: dict[str, Any]) -> None:
    outcome = engine_of(directory, **way).verify("warned", password_of("warned"))
    assert isinstance(outcome, Verified)
    assert outcome.expires_in == pytest.approx(10 * 86_400, abs=300)


# What belongs to nobody


def test_for_a_name_that_nobody_has_the_server_is_asked_the_same(directory: Ldap) -> None:
    def asked(call: Any) -> list[str]:
        directory.forget()
        call()
        steps = (
            re.search(r"(SRCH) base|(BIND) dn=\S+ method|(TLS) established", line) for line in directory.log
        )
        return [step[step.lastindex or 0] for step in steps if step]

    engine = engine_of(directory)
    engine.verify("egon", password_of("egon"))  # from now on there is a connection to search on
    wrong = asked(lambda: engine.verify("egon", WRONG))
    assert wrong == ["SRCH", "TLS", "BIND"]
    assert asked(lambda: engine.decoy("anybody")) == wrong
    assert asked(lambda: engine.verify("nobody", WRONG)) == wrong
    assert asked(lambda: engine.verify("twin", WRONG)) == wrong


def test_the_stand_in_never_touches_whoever_has_the_name_in_the_directory() -> None:
    with ldap_machine(entries=[person("egon")]) as directory:
        engine = engine_of(directory)
        directory.forget()
        for _ in range(5):
            engine.decoy("egon")
        assert not [line for line in directory.log if "egon" in line]
        assert isinstance(engine.verify("egon", password_of("egon")), Verified)


# Referrals


def test_a_referral_is_never_followed() -> None:
    with hostile_server() as trap:
        entries = [*cast(), referral(f"ldap://127.0.0.1:{trap.port}/ou=elsewhere,{BASE}")]
        with ldap_machine(entries=entries) as directory:
            # A search that comes past the branch is told of it, and finds what is here.
            found = engine_of(directory, base_dn=BASE).verify("dora", password_of("dora"))
            assert isinstance(found, Verified)
            # A search in it, and a bind in it, are answered by the referral alone.
            inside = engine_of(directory, base_dn=ELSEWHERE)
            assert inside.verify("dora", password_of("dora")) == Refused(reason="referral")
            bound = engine_of(directory, **direct(direct_dn=f"uid={{login}},{ELSEWHERE}"))
            assert kind(bound.verify("dora", password_of("dora"))).startswith("Refused")
        assert trap.connections == 0


def test_an_alias_leads_nowhere() -> None:
    def entries() -> Iterator[str]:
        yield from cast()
        yield entry(f"ou=admins,{BASE}", objectClass="organizationalUnit", ou="admins")
        alias = ["alias", "extensibleObject"]
        yield entry(f"ou=way,{PEOPLE}", objectClass=alias, ou="way", aliasedObjectName=f"ou=admins,{BASE}")
        secret = {"cn": "x", "sn": "x", "userPassword": password_of("mallory")}
        yield entry(f"uid=mallory,ou=admins,{BASE}", objectClass="inetOrgPerson", uid="mallory", **secret)

    with ldap_machine(entries=entries()) as directory:
        assert isinstance(
            engine_of(directory, base_dn=BASE).verify("mallory", password_of("mallory")), Verified
        )
        outcome = engine_of(directory).verify("mallory", password_of("mallory"))
        assert outcome == Refused(reason="unknown")


# Configurations with which nobody is asked


@pytest.mark.parametrize(
    "changes",
    [
        {"servers": ()},
        {"servers": ("http://localhost",)},
        {"servers": ("ldaps://",)},
        {"servers": ("ldaps://localhost/dc=example",)},
        {"servers": ("ldaps://ada:secret@localhost",)},
        {"servers": ("ldaps://localhost:70000",)},
        {"servers": ("ldaps://localhost:1", "localhost")},
        {"ca_certificates": "no certificate"},
        {"bind_dn": ""},
        {"bind_password": ""},
        {"user_filter": "(objectClass=person)"},
        {"user_filter": "(uid={login}"},
        {"user_filter": "uid={login}"},
        {"user_filter": "(uid={login})(cn=x)"},
        {"groups": (AGENTS,), "group_filter": "(member={dn}))"},
        {"direct_dn": f"uid=dora,{PEOPLE}"},
        {"direct_dn": "{login}"},
        {"groups": (AGENTS,), "group_filter": "(objectClass=groupOfNames)"},
    ],
)
def test_a_configuration_that_does_not_fit_lets_nobody_in(directory: Ldap, changes: dict[str, Any]) -> None:
    directory.forget()
    engine = engine_of(directory, **changes)
    assert isinstance(engine.verify("dora", password_of("dora")), Unreachable)
    assert directory.binds() == []


def test_a_service_account_that_is_refused_is_no_wrong_password(directory: Ldap) -> None:
    engine = engine_of(directory, bind_password="not-of-the-portal")
    outcome = engine.verify("dora", password_of("dora"))
    assert isinstance(outcome, Unreachable)
    assert "service account" in outcome.reason


def test_a_place_to_search_in_that_is_not_there_is_no_wrong_password(directory: Ldap) -> None:
    outcome = engine_of(directory, base_dn=f"ou=nowhere,{BASE}").verify("dora", password_of("dora"))
    assert isinstance(outcome, Unreachable)


# What is written down


def test_neither_names_nor_passwords_are_logged(directory: Ldap, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    config = config_of(directory, servers=("ldaps://127.0.0.1:1", directory.secure_url))
    engine = LdapEngine(config)
    for name in ("dora", "nobody", "locked", "expired", "twin"):
        engine.verify(name, password_of(name))
        engine.verify(name, WRONG)
    engine_of(directory, base_dn=f"ou=nowhere,{BASE}").verify("dora", WRONG)
    assert "127.0.0.1:1 failed" in caplog.text
    for secret in ("dora", "nobody", "twin", WRONG, config.bind_password, password_of("dora")):
        assert secret not in caplog.text
    assert config.bind_password not in repr(config)
