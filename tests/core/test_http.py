"""What a request says about its origin, and what we let it say."""

import pytest
from django.http import HttpRequest
from django.test import RequestFactory
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import Settings

from core.http import client_address, network_of, safe_next, user_agent

MALLORY, BEN, PROXY, EDGE = "203.0.113.66", "198.51.100.7", "10.0.0.1", "10.0.0.2"


def request(peer: str, **headers: str) -> HttpRequest:
    return RequestFactory().get("/", REMOTE_ADDR=peer, headers=headers)


# --- the client's address ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Forwarded-For": BEN},
        {"X-Forwarded-For": f"{BEN}, {PROXY}"},
        {"X-Forwarded-For": f"{PROXY}, {PROXY}"},
        {"Forwarded": f"for={BEN}"},
        {"X-Real-IP": BEN},
        {"X-Client-IP": BEN},
        {"CF-Connecting-IP": BEN},
        {"True-Client-IP": BEN},
        {"X-Forwarded-For": BEN, "X-Real-IP": BEN, "Forwarded": f"for={BEN}"},
    ],
)
@pytest.mark.parametrize("trusted", [[], ["10.0.0.0/8"]])
def test_a_header_from_somebody_who_is_no_proxy_is_not_believed(
    settings: Settings, headers: dict[str, str], trusted: list[str]
) -> None:
    settings.TRUSTED_PROXIES = trusted
    assert client_address(request(MALLORY, **headers)) == MALLORY


@pytest.mark.parametrize(
    ("forwarded", "address"),
    [
        (BEN, BEN),
        (f"{MALLORY}, {BEN}", BEN),
        (f"127.0.0.1, {PROXY}, {BEN}", BEN),
        (f"{BEN}, {EDGE}", BEN),
        (f"{MALLORY}, {BEN}, {EDGE}", BEN),
        (f"{MALLORY},{BEN} ,{EDGE},", BEN),
        ("", PROXY),
        (" , ,", PROXY),
        (EDGE, EDGE),
        (f"{EDGE}, {EDGE}", EDGE),
        ("2001:db8::7", "2001:db8::7"),
        ("2001:DB8:0:0::7", "2001:db8::7"),
        ("::ffff:198.51.100.7", BEN),
        (f"{MALLORY}, unknown", PROXY),
        (f"{MALLORY}, {BEN}, not-an-address", PROXY),
        (f"{MALLORY}, 10.0.0.1:443", PROXY),
        (f"{MALLORY}, fe80::1%{'x' * 60}", "fe80::1"),
        (f"{MALLORY}, 010.0.0.1", PROXY),
    ],
)
def test_behind_proxies_the_last_address_that_they_did_not_write_counts(
    settings: Settings, forwarded: str, address: str
) -> None:
    settings.TRUSTED_PROXIES = [PROXY, f"{EDGE}/32"]
    assert client_address(request(PROXY, **{"X-Forwarded-For": forwarded})) == address


@pytest.mark.parametrize("header", ["Forwarded", "X-Real-IP", "X-Client-IP"])
def test_a_proxy_speaks_by_one_header_alone(settings: Settings, header: str) -> None:
    settings.TRUSTED_PROXIES = [PROXY]
    assert client_address(request(PROXY, **{header: BEN})) == PROXY


def test_a_proxy_is_known_by_its_ipv4_address_also_on_a_socket_of_both_kinds(settings: Settings) -> None:
    """There the peer shows as ::ffff:10.0.0.1; not recognised, all its clients would share one limit."""
    settings.TRUSTED_PROXIES = ["10.0.0.0/8"]
    assert client_address(request("::ffff:10.0.0.1", **{"X-Forwarded-For": BEN})) == BEN
    assert client_address(request(f"::ffff:{MALLORY}", **{"X-Forwarded-For": BEN})) == MALLORY


def test_proxies_may_be_named_by_ipv6_networks(settings: Settings) -> None:
    settings.TRUSTED_PROXIES = ["2001:db8:1::/48"]
    assert client_address(request("2001:db8:1::5", **{"X-Forwarded-For": BEN})) == BEN
    assert client_address(request("2001:db8:2::5", **{"X-Forwarded-For": BEN})) == "2001:db8:2::5"


def test_without_a_peer_there_is_an_address_that_nobody_has(settings: Settings) -> None:
    settings.TRUSTED_PROXIES = ["10.0.0.0/8"]
    assert client_address(request("", **{"X-Forwarded-For": BEN})) == "0.0.0.0"  # noqa: S104


@given(st.text(max_size=200), st.sampled_from([PROXY, MALLORY, "::1", "", "no address"]))
def test_whatever_a_header_holds_there_is_an_address_that_fits_its_column(text: str, peer: str) -> None:
    made = request(peer)
    made.META["HTTP_X_FORWARDED_FOR"] = text
    assert 1 <= len(client_address(made)) <= 45


# --- the network that limits count -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("address", "network"),
    [
        (BEN, BEN),
        ("2001:db8:1:2::7", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff:ffff:ffff:ffff", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::7", "2001:db8:1:3::/64"),
        ("::ffff:198.51.100.7", BEN),
        ("fe80::1%eth0", "fe80::/64"),
        ("no address", "no address"),
    ],
)
def test_limits_count_an_ipv4_address_or_the_64_of_an_ipv6_one(address: str, network: str) -> None:
    assert network_of(address) == network


def test_a_subscriber_with_a_64_has_one_limit_and_not_2_to_the_64() -> None:
    assert len({network_of(f"2001:db8::{number:x}") for number in range(1_000)}) == 1


# --- where to go next --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "target",
    [
        "/",
        "/account/",
        "/admin/accounts/user/?q=a%20b&p=2",
        "/a/b#c",
        "/login/?next=/account/",
        "/%2e%2e/x",
        "/é",
    ],
)
def test_a_path_of_this_portal_is_kept(target: str) -> None:
    assert safe_next(target) == target


@pytest.mark.parametrize(
    "target",
    [
        None,
        "",
        "account/",
        "?next=x",
        "#x",
        "//",
        "//evil.example",
        "///evil.example",
        "////evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "\\/evil.example",
        "/\t/evil.example",
        "/\n/evil.example",
        "/\r/evil.example",
        "\t//evil.example",
        " //evil.example",
        " /account/",
        "/account/\x00",
        "/account/ x",
        "/\x00/evil.example",
        "http://evil.example",
        "https://evil.example/",
        "HTTPS://evil.example/",
        "https:evil.example",
        "https:/evil.example",
        "http:///evil.example",
        "javascript:alert(1)",
        "JavaScript:alert(1)",
        "java\nscript:alert(1)",
        "data:text/html,x",
        "vbscript:x",
        "//127.0.0.1:8000@evil.example/",
        "http://127.0.0.1:8000@evil.example/",
        "http://127.0.0.1:8000.evil.example/",
        "http://127.0.0.1.evil.example/",
        "http://evil.example/127.0.0.1:8000/",
        "//evil.example/127.0.0.1:8000",
        "//127.0.0.1:8000/",
        "http://127.0.0.1:8000/account/",
        "//[::1]/",
        "//[",
        "http://[",
        "/" + "a" * 2_000,
    ],
)
def test_anything_else_leads_home(target: str | None) -> None:
    assert safe_next(target) == "/"
    assert safe_next(target, default="/account/") == "/account/"


@given(st.text(max_size=60))
def test_what_is_kept_never_names_a_host(tail: str) -> None:
    for start in ("", "/", "//", "/\\", "http:", "https://127.0.0.1:8000"):
        kept = safe_next(start + tail)
        assert kept.startswith("/")
        assert not kept.startswith(("//", "/\\"))


# --- what the client calls itself --------------------------------------------------------------------------------------


def test_the_name_of_a_program_is_bounded_and_printable() -> None:
    made = RequestFactory().get("/", headers={"User-Agent": "Mozilla\x1b[2J\r\n<b>" + "x" * 1_000})
    shown = user_agent(made)
    assert shown.startswith("Mozilla[2J<b>xxx")
    assert len(shown) <= 200
    assert shown.isprintable()


def test_a_program_need_not_say_what_it_is() -> None:
    assert user_agent(RequestFactory().get("/")) == ""
