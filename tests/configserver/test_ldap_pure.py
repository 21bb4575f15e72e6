"""Names as data, answers of password policies, and the bounds of messages: what of LDAP needs no server."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from configserver.engines.base import Changed, NotTaken, Refused
from configserver.engines.ldap.ber import message_size, refuse_costly
from configserver.engines.ldap.config import LdapConfig
from configserver.engines.ldap.entries import mapped
from configserver.engines.ldap.names import comparable, escaped, filled
from configserver.engines.ldap.wire import Entry
from configserver.engines.ppolicy import Accepted, Answer, Error, Policy, judged, policy_of, taken
from tests.services.hostile import BIND_ANSWER, ber, number, result

CONFIG = LdapConfig(id="1", servers=(), tenant_attribute="o")


@given(st.text(max_size=50))
def test_an_escaped_name_holds_nothing_that_means_something(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:
        return
    plain = escaped(text)
    assert plain.isascii()
    assert set(plain) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-@\\")
    parts = plain.split("\\")
    raw = parts[0].encode() + b"".join(bytes.fromhex(one[:2]) + one[2:].encode() for one in parts[1:])
    assert raw.decode() == text


def test_the_usual_names_stay_readable() -> None:
    assert escaped("dora.m-1@example.org") == "dora.m-1@example.org"
    assert escaped("*") == r"\2a"
    assert escaped("a b") == r"a\20b"


def test_a_value_brings_no_place_of_its_own() -> None:
    assert filled("(|(uid={login})(mail={login}))", login="x") == "(|(uid=x)(mail=x))"
    assert filled("{dn} {login}", dn="{login}", login="{dn}") == r"\7blogin\7d \7bdn\7d"
    assert filled("{0} {login.__class__} {password}", login="x") == "{0} {login.__class__} {password}"


@pytest.mark.parametrize(
    "other",
    [
        "CN=Agents,OU=Groups,DC=Example,DC=Org",
        "cn=agents, ou=groups, dc=example, dc=org",
        "cn = agents ; ou=groups;dc=example;dc=org",
        r"cn=\61gents,ou=groups,dc=example,dc=org",
    ],
)
def test_spellings_of_one_dn_are_equal(other: str) -> None:
    assert comparable(other) == comparable("cn=agents,ou=groups,dc=example,dc=org")


@pytest.mark.parametrize(
    "other",
    [
        "cn=agents,dc=example,dc=org",
        "cn=agents,ou=groups,dc=example",
        "ou=agents,ou=groups,dc=example,dc=org",
        r"cn=agents\,ou=groups,dc=example,dc=org",
        "cn=agents+ou=groups,dc=example,dc=org",
        "cn=agent s,ou=groups,dc=example,dc=org",
        "",
    ],
)
def test_different_dns_are_not(other: str) -> None:
    assert comparable(other) != comparable("cn=agents,ou=groups,dc=example,dc=org")


@given(st.text(max_size=60))
def test_whatever_a_dn_looks_like_it_can_be_compared(dn: str) -> None:
    assert comparable(dn) == comparable(dn)


def test_escaped_commas_belong_to_the_value() -> None:
    assert comparable(r"cn=a\,b,dc=x") == comparable(r"cn=a\2cb,dc=x") == comparable(r"cn=a\2Cb,dc=x")
    assert comparable(r"cn=a\\,dc=x") == comparable(r"cn=a\5c,dc=x")
    assert comparable(r"cn=\c3\a9") == comparable("cn=é")


@pytest.mark.parametrize(
    ("value", "policy"),
    [
        (None, Policy()),
        ("", Policy()),
        ("3000", Policy()),
        ("3003810101", Policy(error=Error.LOCKED)),
        ("3003810102", Policy(error=Error.MUST_CHANGE)),
        ("3003810100", Policy(error=Error.EXPIRED)),
        ("3005a003810102", Policy(grace_left=2)),
        ("3006a00480020e10", Policy(expires_in=3600)),
        ("3007a00580030d2f00", Policy(expires_in=864_000)),
        ("3008a003810101810102", Policy(grace_left=1, error=Error.MUST_CHANGE)),
        ("30038101ff", Policy()),
        ("3003810109ff", Policy()),
        ("30", Policy()),
        ("3005a0038101", Policy()),
        ("3080", Policy()),
        ("0403810101", Policy()),
    ],
)
def test_the_control_is_read_as_the_draft_says(value: str | None, policy: Policy) -> None:
    assert policy_of(None if value is None else bytes.fromhex(value)) == policy


@given(st.binary(max_size=60))
def test_whatever_the_control_holds_it_is_read(value: bytes) -> None:
    assert isinstance(policy_of(value), Policy)


def test_success_is_the_code_zero_and_nothing_else() -> None:
    assert judged(Answer(code=0, name="success")) == Accepted()
    for code in range(1, 130):
        assert not isinstance(judged(Answer(code=code, name="")), Accepted)
        assert not isinstance(taken(Answer(code=code, name="")), Changed)


def test_only_a_proved_password_is_told_of() -> None:
    told = {
        control: judged(Answer(code=49, name="", control=bytes.fromhex(control)))
        for control in ("3003810100", "3003810101", "3003810102", "3000")
    }
    assert [one for one in told.values() if isinstance(one, Refused) and one.told] == [
        Refused(reason="expired", told="expired")
    ]


def test_a_reason_of_the_policy_stands_above_the_server_s_own_words() -> None:
    answer = Answer(code=19, name="", text="err 6", control=bytes.fromhex("3003810106"))
    assert taken(answer) == NotTaken(sentence="The directory asks for a longer password.")
    assert taken(Answer(code=19, name="", text="Too simple")) == NotTaken(sentence="Too simple")


def test_the_end_of_a_message_is_found() -> None:
    message = ber(0x30, number(1), result(BIND_ANSWER, 0))
    for end in range(len(message)):
        assert message_size(message[:end]) in {None, len(message)}
    assert message_size(message) == message_size(message + b"more") == len(message)
    with pytest.raises(ValueError, match="no message"):
        message_size(b"HTTP/1.1 400 Bad Request")


@pytest.mark.parametrize("tag", [0x02, 0x0A, 0x22, 0x2A])
@pytest.mark.parametrize(
    "around", [(), (0x30,), (0x10,), (0x31,), (0x61,), (0x41,), (0xA0,), (0x80,), (0xA3,), (0xC0,)]
)
def test_numbers_of_many_bytes_are_found_however_they_are_wrapped(tag: int, around: tuple[int, ...]) -> None:
    inside = ber(tag, b"\x01" * 9)
    for outer in around:
        inside = ber(outer, inside)
    with pytest.raises(ValueError, match="too many bytes"):
        refuse_costly(ber(0x30, number(1), inside))


def test_long_texts_are_no_numbers() -> None:
    refuse_costly(ber(0x30, number(1), result(BIND_ANSWER, 0, "\x02\x7f" * 5000)))


@given(st.binary(max_size=300))
def test_every_message_is_looked_through_to_its_end(data: bytes) -> None:
    try:
        refuse_costly(data)
        message_size(data)
    except ValueError:
        pass


def entry(**values: bytes) -> Entry:
    return Entry(dn="uid=dora", values={name.lower(): value for name, value in values.items()})


def test_active_directory_s_id_is_written_as_its_own_tools_write_it() -> None:
    config = LdapConfig(id="1", servers=(), entry_attribute="objectGUID")
    raw = bytes.fromhex("f8d3f1a6eea0c04d9b3c0a1b2c3d4e5f")
    assert mapped(entry(objectGUID=raw), config).entry == "a6f1d3f8-a0ee-4dc0-9b3c-0a1b2c3d4e5f"


def test_two_ids_never_become_one() -> None:
    config = LdapConfig(id="1", servers=(), entry_attribute="objectSid")
    raws = [b"\x01\xff\xfe", b"\x01\xfe\xff", b"\x01", b"\x02", b"a" * 300, b"", b"01fffe\0"]
    ids = [mapped(entry(objectSid=raw), config).entry for raw in raws]
    named = [one for one in ids if one]
    assert len(set(named)) == len(named) == 5


def test_what_somebody_is_reached_by_is_whole_or_left_out() -> None:
    what = mapped(
        entry(
            cn=b"D\x00o\nra" + b"x" * 500,
            mail=b"a" * 300 + b"@example.org",
            telephoneNumber=b"1\x00",
            o=b"\xff",
        ),
        CONFIG,
    )
    assert what.display_name == "Dora" + "x" * 114
    assert (what.email, what.phone, what.tenant) == ("", "", None)
