"""Trusted origins: one spelling of each, and nothing in them that could end the header they stand in or mean more than one site."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.integrations.address import checked_url
from core.origins import checked_origins
from core.outcomes import Denied


@pytest.mark.parametrize(
    ("typed", "origin"),
    [
        ("https://desk.example", "https://desk.example"), (" HTTPS://Desk.Example:443 ", "https://desk.example"),
        ("https://desk.example:8443", "https://desk.example:8443"), ("http://localhost:3000", "http://localhost:3000"),
        ("http://127.0.0.1", "http://127.0.0.1"), ("https://xn--mller-kva.example", "https://xn--mller-kva.example"),
    ],
)  # fmt: skip
def test_an_origin_has_one_spelling(typed: str, origin: str) -> None:
    assert checked_origins([typed, typed, "", " "]) == [origin]


@pytest.mark.parametrize(
    "typed",
    [
        "desk.example", "//desk.example", "https://", "https:///", "https://desk.example/", "https://desk.example/path", "https://desk.example?x",
        "https://desk.example#x", "https://ada@desk.example", "https://ada:x@desk.example", "https://@desk.example", "https://desk.example:",
        "https://desk.example:0", "https://desk.example:99999", "https://desk.example:port", "http://desk.example", "http://10.0.0.1",
        "ftp://desk.example", "javascript:alert(1)", "data:text/html,x", "blob:https://desk.example", "null", "*", "https://*", "https://*.example",
        "https://{subdomain}.zendesk.com", "https://desk.example https://evil.example", "https://desk.example; script-src *",
        "https://desk.example'", "https://desk.example,https://evil.example", "https://desk.example\nX: y", "https://desk.example\\@evil.example",
        "https://müller.example", "https://d\u0435sk.example", "https://-desk.example", "https://desk..example", "https://.example", "https://desk_x.example",
        "https://[::1", "http://[::1]", "https://desk.example%00", "https://desk%2eexample", "https://" + "a" * 250 + ".example",
        "https:desk.example", "https:/desk.example",
    ],
)  # fmt: skip
def test_what_is_no_single_safe_site_is_refused(typed: str) -> None:
    refused = checked_origins(["https://good.example", typed])
    assert isinstance(refused, Denied)
    assert refused.field == "origins"


def test_there_are_twenty_at_most() -> None:
    assert isinstance(checked_origins([f"https://d{n}.example" for n in range(21)]), Denied)
    assert len(checked_origins([f"https://d{n}.example" for n in range(20)])) == 20


@given(st.text(max_size=60), st.sampled_from(["", "https://", "http://", "https://a.example"]))
def test_whatever_is_taken_can_stand_in_a_header(text: str, start: str) -> None:
    found = checked_origins([start + text])
    if isinstance(found, list):
        for one in found:
            assert one.isascii()
            assert not set(one) & set(" ;,'\"*\\\t\r\n@?#{}<>")
            assert one.count("/") == 2


@pytest.mark.parametrize(
    "url", ["", "https://login.example/.well-known/jwks.json", "http://10.0.0.1:8080/keys?x=1"]
)
def test_an_address_of_keys_is_whole(url: str) -> None:
    assert checked_url(f" {url} ") == url


@pytest.mark.parametrize(
    "url",
    [
        "keys", "ftp://x.example/k", "https://a@x.example/k", "https://x.example/k#y", "https://x.example/\nx", "https://x.example/a b",
        "file:///etc/passwd", "https://x.example/" + "k" * 500,
    ],
)  # fmt: skip
def test_what_is_no_address_is_refused(url: str) -> None:
    assert isinstance(checked_url(url), Denied)
