"""I, 34: an address that somebody types into a setting must not make the portal call where he himself could not."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.utils import timezone
from pytest_django import Settings

from accounts.models import Session, User
from core import addresses
from core.outcomes import Denied
from tenants.models import Company
from tenants.settings import change_settings
from tests import cast
from tests.journeys.doors import ApiDoor, Door, sign_in
from tests.journeys.outside_stage import *  # noqa: F403
from tests.journeys.outside_stage import ADA, BEN, _service  # noqa: F401
from tests.journeys.stage import PASSWORD, configure
from tests.services.verification import Service, verification_service

pytestmark = pytest.mark.django_db


@contextmanager
def inside() -> Iterator[tuple[int, list[bytes]]]:
    """Something in the portal's own network that answers whoever can reach it; what it heard."""
    heard = list[bytes]()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    talk, _peer = server.accept()
                except OSError:
                    return
                with talk:
                    talk.settimeout(1)
                    heard.append(b"connected")
                    talk.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 22\r\n\r\n{"result": "accepted"}')

        threading.Thread(target=serve, daemon=True).start()
        yield server.getsockname()[1], heard
        server.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1", "localhost", "127.1", "2130706433", "0x7f.0.0.1", "017700000001", "0", "[::1]", "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]", "[0:0:0:0:0:ffff:7f00:0001]", "[64:ff9b::127.0.0.1]", "127.0.0.1.", "LOCALHOST", "localhost.",
    ],
)  # fmt: skip
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_company_administrator_reaches_nothing_inside(
    api: ApiDoor, ben: User, acme: Company, ada: User, scheme: str, host: str
) -> None:
    """Ada, who may change the settings of her own company, points its service at the portal's own network."""
    configure(TwoFactor__Policy="required", TwoFactor__NoVerifiedContactBehaviour="allow")
    with inside() as (port, heard):
        url = f"{scheme}://{host}:{port}/latest/meta-data"
        given = {"TwoFactor.WebServiceUrlProduction": url, "TwoFactor.CodeGeneration": "external"}
        made = change_settings(given, company=acme, reason="try", by=cast.acting(ada), now=timezone.now())
        assert not isinstance(made, Denied)
        said = sign_in(api, BEN, PASSWORD)
        assert said.status == 401
        assert not Session.objects.exists()
        assert not heard
        # The answer is one and the same whether or not anybody listens there, so nothing is scanned with it.
        assert "does not answer" in said.text
        assert str(port) not in said.text


@pytest.mark.parametrize(
    "url",
    [
        "https://ada:secret@example.org/", "https://example.org/#x", "https://example.org/?next=1", "file:///etc/passwd", "gopher://x/",
        "javascript:alert(1)", "//example.org", "https://", "https://exa mple.org/", "https://example.org/\r\nX: y", "ldap://127.0.0.1/",
    ],
)  # fmt: skip
@pytest.mark.parametrize("name", ["TwoFactor.WebServiceUrlProduction", "TwoFactor.WebServiceUrlTest"])
def test_what_is_no_plain_web_address_cannot_be_set(root: User, name: str, url: str) -> None:
    answer = cast.Api(root).patch("settings/", {"values": {name: url}, "reason": "try"})
    assert answer.status_code == 400
    assert name in answer.json()["errors"]


def test_a_redirect_does_not_lead_inside(door: Door, ben: User, service: Service) -> None:
    sign_in(door, BEN, PASSWORD)
    service.mode = "redirect"
    assert door.take("code", code="AB-12").refused
    assert {one.path for one in service.calls} == {"/verify/methods", "/verify/check"}
    assert not door.is_in()


def test_a_name_that_means_something_else_at_the_second_look_leads_nowhere(
    api: ApiDoor, ben: User, service: Service, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DNS rebinding, at any moment of the sign-in: an address that is allowed first, the loopback address from then on."""
    real, asked = socket.getaddrinfo, list[str]()

    def resolve(host: str, port: int, *, type: int, flags: int) -> object:  # noqa: A002
        if flags or host != "localhost":
            return real(host, port, type=type, flags=flags)
        asked.append(host)
        return real("127.0.0.2" if len(asked) == 1 else "127.0.0.1", port, type=type)

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    settings.OUTBOUND_ALLOW = ["127.0.0.2/32"]
    assert sign_in(api, BEN, PASSWORD).status == 401
    addresses._kept.clear()
    assert sign_in(api, BEN, PASSWORD).status == 401
    assert len(asked) == 2
    assert not service.calls


def test_what_the_service_says_cannot_name_a_way_that_the_portal_checks_itself(
    api: ApiDoor, ada: User, service: Service
) -> None:
    """A hostile service names its ways like other kinds, to have its own yes stand for them."""
    for evil in ("email", "totp", "radius", "passkey"):
        service.methods = [{"id": evil, "label": "x"}]
        assert sign_in(api.stranger(), ADA, PASSWORD).facts["method"]["kind"] == "webservice"
    for evil in ("webservice:app", "a/../b", "app?x=1", "app\n", "APP", "\u0430pp"):
        service.methods = [{"id": evil, "label": "x"}]
        assert sign_in(api.stranger(), ADA, PASSWORD).status == 401


def test_a_way_that_was_not_told_cannot_be_chosen(door: Door, ben: User, service: Service) -> None:
    service.methods = [{"id": "app", "label": "App"}, {"id": "fob", "label": "Fob"}]
    sign_in(door, BEN, PASSWORD)
    for way in ("webservice:other", "webservice:", "webservice", "radius", "email", "totp", "recovery"):
        assert door.take("method", method=way).refused
    assert not service.checks()


def test_the_service_of_one_company_cannot_judge_people_of_another(
    door: Door, ben: User, acme: Company, globex: Company, service: Service
) -> None:
    """Globex runs a service that says yes to everything; Acme's people are never judged by it."""
    with verification_service() as mallory:
        configure(globex, TwoFactor__WebServiceUrlProduction=mallory.url)
        sign_in(door, BEN, PASSWORD)
        assert door.take("code", code="anything").refused
        assert not mallory.calls
        assert len(service.checks()) == 1


def test_neither_code_nor_address_is_in_the_log_or_the_answer(
    api: ApiDoor, ben: User, service: Service, caplog: pytest.LogCaptureFixture
) -> None:
    configure(TwoFactor__WebServiceUrlProduction=f"{service.url}/path-of-theirs")
    sign_in(api, BEN, PASSWORD)
    for mode in ("ok", "error", "closed", "garbage"):
        service.mode = mode
        api.take("code", code="code-of-ben")
        assert "path-of-theirs" not in api.answer.content.decode()
    assert "code-of-ben" not in caplog.text
    assert "path-of-theirs" not in caplog.text
    assert service.calls[-1].bearer not in caplog.text
