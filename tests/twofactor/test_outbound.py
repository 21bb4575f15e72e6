"""The one client for addresses that somebody typed: where it goes, whom it believes, how long it waits, how much it reads."""

import socket
import ssl
import time
from collections.abc import Iterator
from typing import Any

import pytest
from pytest_django import Settings

from core import addresses
from core.deadline import Deadline
from core.exchange import Answer
from core.outbound import Silence, Why, post
from tests.services import free_port
from tests.services.verification import Service, verification_service

HERE = ["127.0.0.0/8", "::1/128"]
SECONDS = 0.6


@pytest.fixture(scope="module")
def running() -> Iterator[Service]:
    with verification_service() as service:
        yield service


@pytest.fixture
def service(running: Service, settings: Settings) -> Service:
    settings.OUTBOUND_ALLOW, settings.OUTBOUND_CA_FILE = HERE, str(running.authority)
    running.mode, running.raw = "ok", b""
    running.calls.clear()
    running.release.clear()
    return running


@pytest.fixture(autouse=True)
def nothing_remembered() -> None:
    addresses._kept.clear()


class Names:
    """The system's resolver, in which a test says what names lead to, one answer after the other."""

    def __init__(self, **known: list[list[str]]) -> None:
        self.known, self.asked = known, list[str]()
        self._real = socket.getaddrinfo

    def __call__(self, host: str, port: int, *, type: int, flags: int) -> list[Any]:  # noqa: A002
        name = host.partition(".")[0]
        if flags or name not in self.known:
            return list(self._real(host, port, type=type, flags=flags))
        self.asked.append(host)
        answers = self.known[name]
        found = answers.pop(0) if len(answers) > 1 else answers[0]
        return [one for number in found for one in self._real(number, port, type=type)]


def names(monkeypatch: pytest.MonkeyPatch, **known: list[list[str]]) -> Names:
    made = Names(**known)
    monkeypatch.setattr(socket, "getaddrinfo", made)
    return made


def called(url: str, *, seconds: float = SECONDS, most: int = 16_384) -> Answer | Silence:
    body = b'{"user": "ada"}'
    return post(
        url,
        body,
        headers={"Content-Type": "application/json"},
        deadline=Deadline.after(seconds),
        most=most,
    )


def why(url: str, **more: Any) -> Why | None:
    heard = called(url, **more)
    return heard.why if isinstance(heard, Silence) else None


def timed(url: str, **more: Any) -> tuple[Why | None, float]:
    began = time.monotonic()
    return why(url, **more), time.monotonic() - began


# --- a good one


def test_an_answer_comes_back_from_a_server_that_is_allowed_and_trusted(service: Service) -> None:
    heard = called(f"{service.url}/methods")
    assert isinstance(heard, Answer)
    assert heard.status == 200
    assert b"SecureApp" in heard.body
    [call] = service.calls
    assert (call.path, call.asked) == ("/verify/methods", {"user": "ada"})


def test_plain_http_is_good_enough_in_an_allowed_private_network_alone(settings: Settings) -> None:
    with verification_service(plain=True, host="127.0.0.1") as service:
        assert why(f"{service.url}/methods") is Why.SHUT
        settings.OUTBOUND_ALLOW = HERE
        assert why(f"{service.url}/methods") is None
        settings.OUTBOUND_ALLOW = ["0.0.0.0/0"]
        assert why("http://8.8.8.8/") is Why.PLAIN
        assert len(service.calls) == 1


# --- where it goes


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1", "localhost", "127.1", "2130706433", "0x7f000001", "0x7f.1", "0177.0.0.1", "017700000001", "0", "[::1]",
        "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]", "10.1.2.3", "169.254.169.254",
        "2852039166", "[fe80::1%25lo]", "[fd00::1]", "224.0.0.1", "255.255.255.255", "168.63.129.16",
    ],
)  # fmt: skip
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_no_spelling_of_a_closed_address_leads_there(
    service: Service, settings: Settings, scheme: str, host: str
) -> None:
    settings.OUTBOUND_ALLOW = []
    port = service.url.rpartition(":")[2].partition("/")[0]
    assert why(f"{scheme}://{host}:{port}/methods") in {Why.SHUT, Why.NO_ADDRESS}
    assert not service.calls


@pytest.mark.parametrize(
    "url",
    [
        "ftp://example.org/", "file:///etc/passwd", "gopher://127.0.0.1:6379/_x", "https://", "https:///x", "//example.org/",
        "https://ada:secret@example.org/", "https://@example.org/", "https://example.org:99999/", "https://example.org:0/",
        "https://exa mple.org/", "https://example.org/\r\nX-Evil: 1", "https://example.org\n/", "https://[::1/", "https://exämple.org/",
        "https://example.org/\0", "", "example.org",
    ],
)  # fmt: skip
def test_what_is_no_web_address_is_none(url: str) -> None:
    assert why(url) is Why.ADDRESS


def test_a_name_that_leads_anywhere_closed_is_refused_altogether(
    service: Service, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.OUTBOUND_ALLOW = []
    names(monkeypatch, inside=[["127.0.0.1"]], mixed=[["93.184.216.34", "127.0.0.1"]])
    assert why(service.url.replace("localhost", "inside.example")) is Why.SHUT
    assert why(service.url.replace("localhost", "mixed.example")) is Why.SHUT
    assert not service.calls


def test_a_name_is_resolved_once_and_the_call_goes_to_what_was_found(
    service: Service, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DNS rebinding: the first answer is good, the second one leads inside."""
    settings.OUTBOUND_ALLOW = ["127.0.0.2/32"]
    asked = names(monkeypatch, localhost=[["127.0.0.2"], ["127.0.0.1"]])
    # Nobody listens at 127.0.0.2, and 127.0.0.1, which the name means at any later look, is never tried.
    assert why(service.url) is Why.UNREACHABLE
    assert asked.asked == ["localhost"]
    addresses._kept.clear()
    assert why(service.url) is Why.SHUT
    assert not service.calls


def test_a_proxy_of_the_environment_is_not_used(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("https_proxy", "HTTPS_PROXY", "http_proxy", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{free_port()}")
    assert why(f"{service.url}/methods") is None


def test_a_redirect_is_an_answer_and_not_followed(service: Service) -> None:
    service.mode = "redirect"
    heard = called(f"{service.url}/methods")
    assert isinstance(heard, Answer)
    assert heard.status == 307
    assert [call.path for call in service.calls] == ["/verify/methods"]


def test_an_address_where_nobody_listens_leaves_time_for_the_next(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    names(monkeypatch, localhost=[["127.0.0.9", "127.0.0.1"]])
    assert why(f"{service.url}/methods") is None


# --- whom it believes


def test_a_certificate_of_somebody_else_is_not_taken(service: Service, settings: Settings) -> None:
    settings.OUTBOUND_CA_FILE = ""  # the system's authorities do not know it
    assert why(service.url) is Why.CERTIFICATE
    with verification_service() as other:
        settings.OUTBOUND_CA_FILE = str(other.authority)
        assert why(service.url) is Why.CERTIFICATE
    assert not service.calls


def test_a_certificate_for_another_name_is_not_taken(settings: Settings) -> None:
    with verification_service(hosts=["verify.example"]) as service:
        settings.OUTBOUND_ALLOW, settings.OUTBOUND_CA_FILE = HERE, str(service.authority)
        assert why(service.url) is Why.CERTIFICATE
        assert not service.calls


def test_the_name_is_checked_and_not_the_number_that_it_leads_to(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    names(monkeypatch, verify=[["127.0.0.1"]])
    with verification_service(hosts=["verify.example"], host="verify.example") as service:
        settings.OUTBOUND_ALLOW, settings.OUTBOUND_CA_FILE = HERE, str(service.authority)
        assert why(f"{service.url}/methods") is None
        assert why(service.url.replace("verify.example", "127.0.0.1")) is Why.CERTIFICATE


def test_a_server_without_tls_behind_https_is_none(settings: Settings) -> None:
    with verification_service(plain=True) as service:
        settings.OUTBOUND_ALLOW = HERE
        assert why(service.url.replace("http:", "https:")) in {Why.TLS, Why.LATE}
        assert not service.calls


def test_an_old_version_of_tls_is_not_spoken(settings: Settings) -> None:
    with verification_service() as service:
        settings.OUTBOUND_ALLOW, settings.OUTBOUND_CA_FILE = HERE, str(service.authority)
        from core.outbound import _context

        assert _context(settings.OUTBOUND_CA_FILE).minimum_version >= ssl.TLSVersion.TLSv1_2
        assert _context(settings.OUTBOUND_CA_FILE).check_hostname


# --- how long, and how much


@pytest.mark.parametrize("mode", ["slow", "drip", "drip_body"])
def test_one_limit_holds_for_everything(service: Service, mode: str) -> None:
    service.mode = mode
    heard, took = timed(f"{service.url}/methods")
    assert heard is Why.LATE
    assert SECONDS - 0.1 < took < SECONDS + 0.4


def test_a_server_that_never_greets_is_given_up(settings: Settings) -> None:
    settings.OUTBOUND_ALLOW = HERE
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        for scheme in ("http", "https"):
            heard, took = timed(f"{scheme}://127.0.0.1:{port}/")
            assert heard is Why.LATE
            assert took < SECONDS + 0.4


@pytest.mark.parametrize("mode", ["huge", "endless", "heads"])
def test_no_more_is_read_than_was_asked_for(service: Service, mode: str) -> None:
    service.mode = mode
    heard, took = timed(f"{service.url}/methods", seconds=10)
    assert heard is Why.TOO_LARGE
    assert took < 3


def test_an_answer_of_just_so_many_bytes_is_read(service: Service) -> None:
    service.mode, service.raw = "raw", b" " * 1_000
    assert why(f"{service.url}/methods", most=1_000) is None
    assert why(f"{service.url}/methods", most=999) is Why.TOO_LARGE


@pytest.mark.parametrize(("mode", "expected"), [("garbage", Why.NO_HTTP), ("closed", Why.UNREACHABLE)])
def test_what_is_no_answer_is_told_apart(service: Service, mode: str, expected: Why) -> None:
    service.mode = mode
    assert why(f"{service.url}/methods") is expected


def test_nobody_at_the_port_is_told_at_once(settings: Settings) -> None:
    settings.OUTBOUND_ALLOW = HERE
    heard, took = timed(f"https://127.0.0.1:{free_port()}/", seconds=10)
    assert heard is Why.UNREACHABLE
    assert took < 1


def test_the_log_names_the_host_and_not_the_path(
    service: Service, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    settings.OUTBOUND_ALLOW = []
    called(f"{service.url}/a-secret-of-theirs")
    assert "localhost" in caplog.text
    assert "a-secret-of-theirs" not in caplog.text
