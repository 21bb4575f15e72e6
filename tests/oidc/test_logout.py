"""Signing out: asked for by the client, and told to it (RP-Initiated and Back-Channel Logout 1.0)."""

import threading
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode

import pytest
from django.utils import timezone
from joserfc import jwt
from joserfc.jwk import KeySet
from pytest_django import Settings

from accounts.models import Session, User
from audit.models import AuditEvent
from oidc.ending import GIVEN_UP_AFTER, tell_clients
from oidc.models import ClientSession
from tenants.models import Company
from tests import cast
from tests.journeys.doors import WebDoor, sign_in
from tests.journeys.stage import PASSWORD, Time
from tests.journeys.test_settings_of_the_factor import BEN
from tests.oidc.relying import Party, issuer, party_of, signed_in_to, target_of

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db]
BYE = "https://wiki.example/bye"


def logout(party: Party, **more: Any) -> str:
    given = {
        "id_token_hint": party.tokens.get("id_token"),
        "post_logout_redirect_uri": BYE,
        "state": "s1",
    } | more
    return f"/o/logout/?{urlencode({name: value for name, value in given.items() if value is not None})}"


def test_with_a_token_of_this_sign_in_it_ends_at_once(party: Party, ben_in: WebDoor) -> None:
    signed_in_to(party, ben_in)
    answer = ben_in.browser.get(logout(party))
    assert (answer.status_code, answer["Location"]) == (303, f"{BYE}?state=s1")
    assert not ben_in.is_in()
    assert not party.is_served()


@pytest.mark.parametrize("hint", [None, "a.b.c"])
def test_without_one_the_person_is_asked(party: Party, ben_in: WebDoor, hint: str | None) -> None:
    signed_in_to(party, ben_in)
    page = ben_in.open(logout(party, id_token_hint=hint, client_id=party.client_id))
    assert "Sign out?" in page.text
    assert ben_in.is_in()
    ben_in.open(logout(party, id_token_hint=hint, client_id=party.client_id))
    form = next(
        one for one in ben_in.page.forms if "Sign out" in one.buttons and one.action == "/o/logout/now/"
    )
    answer = ben_in.browser.post(form.action, form.values)
    assert target_of(answer) == f"{BYE}?state=s1"
    assert not ben_in.is_in()


def test_a_token_of_another_sign_in_ends_nothing(party: Party, ben_in: WebDoor, ben: User) -> None:
    signed_in_to(party, ben_in)
    other = WebDoor()
    sign_in(other, BEN, PASSWORD)
    assert "Sign out?" in other.open(logout(party)).text
    assert other.is_in()


def test_what_the_token_stands_for_ends_wherever_the_browser_is_signed_in(
    party: Party, ben_in: WebDoor, ada: User
) -> None:
    for browser in (cast.browser(), cast.browser(ada)):
        signed_in_to(party, ben_in)
        answer = browser.get(logout(party))
        assert answer.status_code in {200, 303}
        assert not party.is_served()
        assert ben_in.is_in()


@pytest.mark.parametrize(
    "uri",
    ["https://evil.example/", "https://wiki.example/bye/x", "javascript:alert(1)", "//wiki.example/bye"],
)
def test_nobody_is_sent_to_an_address_that_is_not_registered(party: Party, ben_in: WebDoor, uri: str) -> None:
    signed_in_to(party, ben_in)
    asked = logout(party, id_token_hint=None, client_id=party.client_id, post_logout_redirect_uri=uri)
    page = ben_in.open(asked)
    assert "not registered for it, so you stay here" in page.text
    assert uri not in ben_in.answer.content.decode()
    page = ben_in.open(logout(party, id_token_hint=None, client_id=party.client_id))
    form = next(one for one in page.forms if one.action == "/o/logout/now/")
    answer = ben_in.browser.post(form.action, form.values | {"onward": uri})
    assert answer["Location"] == "/login/"


def test_an_address_that_is_not_registered_keeps_nobody_signed_in(party: Party, ben_in: WebDoor) -> None:
    signed_in_to(party, ben_in)
    page = ben_in.open(logout(party, post_logout_redirect_uri="https://evil.example/"))
    assert ben_in.address == "/login/"
    assert "not registered for it, so you stay here" in page.text
    assert not ben_in.is_in()
    assert not party.is_served()


def test_by_a_form_of_the_client_the_browser_is_sent_here_once_more(party: Party, ben_in: WebDoor) -> None:
    signed_in_to(party, ben_in)
    path, _mark, query = logout(party).partition("?")
    answer = ben_in.browser.post(path, query, content_type="application/x-www-form-urlencoded")
    assert answer.status_code == 303
    assert ben_in.browser.get(answer["Location"])["Location"] == f"{BYE}?state=s1"


def test_the_button_takes_the_token_of_our_page(ben_in: WebDoor) -> None:
    assert ben_in.browser.post("/o/logout/now/", {}).status_code == 403
    assert ben_in.is_in()


# --- the back-channel


class Heard:
    """What a client was told, and what it answers."""

    def __init__(self) -> None:
        self.bodies: list[dict[str, list[str]]] = []
        self.status, self.failing = 200, ""
        self.url = ""


@pytest.fixture
def heard(settings: Settings) -> Iterator[Heard]:
    """A client that listens."""
    found = Heard()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers["Content-Length"])
            found.bodies.append(parse_qs(self.rfile.read(length).decode()))
            self.send_response(found.status if self.path.startswith(found.failing) else 200)
            self.end_headers()

        def log_message(self, *args: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    settings.OUTBOUND_ALLOW = ["127.0.0.0/8"]
    found.url = f"http://127.0.0.1:{server.server_address[1]}/logout"
    yield found
    server.shutdown()
    server.server_close()


def test_a_client_is_told_that_a_session_has_ended(
    acme: Company, ben_in: WebDoor, ben: User, heard: Heard
) -> None:
    party = party_of(acme, backchannel_uri=heard.url)
    claims = signed_in_to(party, ben_in)
    ben_in.leave()
    assert tell_clients(now=timezone.now()) == 1
    assert tell_clients(now=timezone.now()) == 0
    [body] = heard.bodies
    keys = KeySet.import_key_set(party.http.get("/.well-known/jwks.json").json())
    token = jwt.decode(body["logout_token"][0], keys, algorithms=["RS256"])
    assert token.header["typ"] == "logout+jwt"
    said = token.claims
    assert (said["iss"], said["aud"], said["sub"], said["sid"]) == (
        issuer(),
        party.client_id,
        str(ben.uid),
        claims["sid"],
    )
    assert said["events"] == {"http://schemas.openid.net/event/backchannel-logout": {}}
    assert "nonce" not in said
    assert AuditEvent.objects.filter(event="oidc:logout:told").count() == 1


def test_it_is_tried_again_and_at_last_given_up(
    acme: Company, ben_in: WebDoor, heard: Heard, clock: Time
) -> None:
    party = party_of(acme, backchannel_uri=heard.url)
    signed_in_to(party, ben_in)
    heard.status = 503
    ben_in.leave()
    assert tell_clients(now=clock()) == 0
    assert tell_clients(now=clock()) == 0
    assert len(heard.bodies) == 1  # not before its time
    assert ClientSession.objects.get().logout_trouble == "HTTP 503"
    tell_clients(now=clock.forward(minutes=1))
    assert len(heard.bodies) == 2
    tell_clients(now=clock() + GIVEN_UP_AFTER + timedelta(minutes=20))
    assert ClientSession.objects.get().logout_due_at is None
    assert AuditEvent.objects.filter(event="oidc:logout:untold").count() == 1


def test_a_client_that_fails_is_left_alone_with_all_that_it_has_to_be_told(
    acme: Company, ben_in: WebDoor, heard: Heard, clock: Time
) -> None:
    party = party_of(acme, backchannel_uri=heard.url, asks_consent=False)
    well = party_of(
        acme, backchannel_uri=heard.url.replace("logout", "well"), asks_consent=False, name="Well"
    )
    for one in (party, party, party, well):
        signed_in_to(one, ben_in)
    heard.failing, heard.status = "/logout", 503
    ben_in.leave()
    assert tell_clients(now=clock()) == 1
    assert len(heard.bodies) == 2  # one call of the three, and the other client's
    heard.status = 200
    assert tell_clients(now=clock()) == 0  # not before its time
    assert tell_clients(now=clock.forward(minutes=5)) == 3


def test_what_is_given_up_is_given_up_for_all_sessions_of_the_client(
    acme: Company, ben_in: WebDoor, heard: Heard, clock: Time
) -> None:
    party = party_of(acme, backchannel_uri=heard.url, asks_consent=False)
    for _time in range(3):
        signed_in_to(party, ben_in)
    heard.status = 503
    ben_in.leave()
    tell_clients(now=clock())
    tell_clients(now=clock() + GIVEN_UP_AFTER + timedelta(minutes=20))
    assert not ClientSession.objects.filter(logout_due_at__isnull=False).exists()
    assert AuditEvent.objects.get(event="oidc:logout:untold").details["sessions"] == 3


def test_nobody_is_called_in_a_network_that_is_shut(
    acme: Company, ben_in: WebDoor, heard: Heard, settings: Settings
) -> None:
    party = party_of(acme, backchannel_uri=heard.url)
    signed_in_to(party, ben_in)
    settings.OUTBOUND_ALLOW = []
    ben_in.leave()
    assert tell_clients(now=timezone.now()) == 0
    assert not heard.bodies
    assert "closed" in ClientSession.objects.get().logout_trouble


def test_nobody_is_told_of_a_code_that_was_never_used(acme: Company, ben_in: WebDoor, heard: Heard) -> None:
    from tests.oidc.relying import agree

    party = party_of(acme, backchannel_uri=heard.url)
    agree(ben_in, party.request())
    ben_in.leave()
    tell_clients(now=timezone.now())
    assert not heard.bodies
    assert not Session.objects.filter(kind="openid", ended_at=None).exists()


def test_nor_of_one_that_was_refused(acme: Company, ben_in: WebDoor, heard: Heard) -> None:
    party = party_of(acme, backchannel_uri=heard.url, asks_consent=False)
    said = party.back(ben_in.browser.get(party.request()))
    assert party.redeem(said["code"], code_verifier="x" * 50)["error"] == "invalid_grant"
    tell_clients(now=timezone.now())
    assert not heard.bodies


def test_an_application_that_contradicts_its_own_token_ends_nothing(
    acme: Company, party: Party, ben_in: WebDoor
) -> None:
    signed_in_to(party, ben_in)
    other = party_of(acme, name="Other")
    answer = ben_in.browser.get(logout(party, client_id=other.client_id))
    assert answer.status_code == 400
    assert ben_in.is_in()
