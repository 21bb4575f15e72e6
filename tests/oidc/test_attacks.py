"""What was tried against the provider beyond the protocol: the trail, other companies, floods, and what stands in a token."""

import base64
from typing import Any
from urllib.parse import urlencode

import pytest
from django.test import Client as Http
from django.utils import timezone

from accounts.models import Session, User
from accounts.people import UserDraft, change_user
from audit.models import AuditEvent
from oidc.clients import ClientDraft, change_client
from oidc.models import Client, ClientSession
from tenants.actor import system_actor
from tenants.models import Company, Privilege, Role
from tests import cast
from tests.accounts.vouched import integration_of
from tests.journeys.doors import WebDoor, sign_in
from tests.journeys.stage import PASSWORD, Time
from tests.journeys.test_settings_of_the_factor import BEN
from tests.journeys.test_single_sign_on import arrive, press, token
from tests.oidc.relying import EVERYTHING, Party, issuer, party_of, signed_in_to

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db]


# --- the trail


def test_whose_trail_tells_who_was_refused(party: Party, cleo: User) -> None:
    browser = cast.browser(cleo)
    for more in ({}, {"prompt": "none"}, {"response_type": "token"}):
        party.back(browser.get(party.request(**more)))
    found = AuditEvent.objects.filter(event="oidc:session:refused")
    assert {row.company_id for row in found} == {cleo.company_id}
    assert found.count() == 2  # a flaw of the request says nothing of the person


def test_nobody_fills_the_trail(party: Party, cleo: User) -> None:
    stranger = Http()
    before = AuditEvent.objects.count()
    for _time in range(5):
        party.back(stranger.get(party.request(prompt="none")))
        party.back(stranger.get(party.request(scope="nothing")))
    assert AuditEvent.objects.count() == before
    known = cast.browser(cleo)
    for _time in range(80):
        known.get(party.request())
    assert AuditEvent.objects.filter(event="oidc:session:refused").count() <= 62


def test_nobody_fills_the_table_of_sessions(acme: Company, ben_in: WebDoor) -> None:
    party = party_of(acme, asks_consent=False)
    tries = (party.back(ben_in.browser.get(party.request())) for _time in range(200))
    refused = next(said for said in tries if "error" in said)
    assert refused["error"] == "temporarily_unavailable"
    assert ClientSession.objects.count() < 150


def test_a_client_that_looks_now_and_then_keeps_no_session_awake(
    acme: Company, ben_in: WebDoor, ben: User, clock: Time
) -> None:
    party = party_of(acme, asks_consent=False)
    seen = Session.objects.get(user=ben, kind="page").seen_at
    clock.forward(minutes=3)
    assert party.back(ben_in.browser.get(party.request(prompt="none")))["code"]
    assert Session.objects.get(user=ben, kind="page").seen_at == seen
    assert party.back(ben_in.browser.get(party.request()))["code"]
    assert Session.objects.get(user=ben, kind="page").seen_at > seen


# --- what is less than the person


@pytest.mark.parametrize("more", [{}, {"role": "agent"}], ids=["as he is", "as less"])
def test_whoever_an_integration_vouches_for_goes_nowhere_else(
    web: WebDoor, acme: Company, ben: User, more: dict[str, Any]
) -> None:
    desk = integration_of(acme, ceiling="Company Administrator")
    party = party_of(acme, asks_consent=False)
    arrive(web, token(desk, sub=BEN, **more))
    press(web)
    assert Session.objects.filter(user=ben, integration=desk, ended_at=None).exists()
    assert party.back(web.browser.get(party.request()))["error"] == "access_denied"


def test_a_client_that_may_know_less_is_told_less_at_once(
    party: Party, client_row: Client, ben_in: WebDoor
) -> None:
    signed_in_to(party, ben_in, scope=EVERYTHING)
    Client.objects.update(scopes=["openid", "email"])  # as if it had been changed while the code was given
    assert set(party.userinfo()) == {"sub", "email", "email_verified"}
    assert set(party.renew()["scope"].split()) == {"openid", "email"}


def test_people_are_asked_anew_once_they_have_to_be(acme: Company, ben_in: WebDoor) -> None:
    party = party_of(acme, asks_consent=False)
    signed_in_to(party, ben_in)
    row = Client.objects.get(client_id=party.client_id)
    change_client(row, ClientDraft(asks_consent=True), by=system_actor(), now=timezone.now())
    assert not party.is_served()


# --- introspection and revocation


def basic(party: Party, secret: str = "") -> dict[str, Any]:
    pair = base64.b64encode(f"{party.client_id}:{secret or party.secret}".encode()).decode()
    return {"HTTP_AUTHORIZATION": f"Basic {pair}"}


def ask(door: str, party: Party, given: dict[str, str], **headers: Any) -> Any:
    form = "application/x-www-form-urlencoded"
    return party.http.post(f"/api/v1/tokens/{door}/", urlencode(given), content_type=form, **headers)


def test_introspection_tells_no_more_than_the_scope(party: Party, ben_in: WebDoor) -> None:
    for scope, known in (("openid", False), ("openid profile", True)):
        signed_in_to(party, ben_in, scope=scope)
        given = {"token": party.tokens["access_token"]}
        said = ask("introspect", party, given, **basic(party)).json()
        assert said["active"] is True
        assert ("username" in said) is known


def test_a_client_ends_its_own_tokens_alone(party: Party, acme: Company, ben_in: WebDoor) -> None:
    signed_in_to(party, ben_in)
    other = party_of(acme, name="Other")
    given = {"token": party.tokens["access_token"]}
    assert ask("revoke", other, given, **basic(other)).status_code == 200
    assert party.is_served()
    for door in ("revoke", "introspect"):
        wrong = ask(door, party, given, **basic(party, "wrong"))
        assert (wrong.status_code, wrong.json()["code"]) == (401, "invalid_client")
        assert wrong["WWW-Authenticate"].startswith("Basic")
    assert party.is_served()
    assert ask("revoke", party, given, **basic(party)).status_code == 200
    assert not party.is_served()


# --- what is too long, or cannot be read


def test_a_hint_with_every_privilege_comes_back_from_the_sign_in(
    party: Party, web: WebDoor, ben: User, root: User, clock: Time
) -> None:
    role = Role.objects.create(name="Everything", company=ben.company, rank=60)
    role.privileges.set(Privilege.objects.all())
    change_user(ben, UserDraft(roles=[role]), by=cast.acting(root), now=clock())
    assert sign_in(web, BEN, PASSWORD).step == "done"
    signed_in_to(party, web, scope=EVERYTHING)
    hint = party.tokens["id_token"]
    assert len(hint) > 1_800
    assert party.back(web.browser.get(party.request(id_token_hint=hint)))["code"]
    sent = web.browser.get(party.request(id_token_hint=hint, prompt="login"))["Location"]
    assert str(ben.uid) in sent
    assert len(sent) < 2_000
    other = cast.browser(root)
    assert party.back(other.get(party.request(id_token_hint=str(ben.uid))))["error"] == "login_required"


@pytest.mark.parametrize(
    "more",
    [
        {"client_id": "a\0b"},
        {"nonce": "a\0b"},
        {"state": "a\0b"},
        {"redirect_uri": "\0http://127.0.0.1:5/cb"},
        {"redirect_uri": f"http://127.0.0.1:5/cb{chr(10) * 500}"},
        {"login_hint": "\x1b[31m"},
    ],
    ids=repr,
)
def test_what_cannot_be_read_is_refused_and_never_kept(
    acme: Company, ben_in: WebDoor, more: dict[str, str]
) -> None:
    party = party_of(acme, redirect_uris=["http://127.0.0.1:5/cb"], asks_consent=False)
    assert ben_in.browser.get(party.request(**more)).status_code == 400
    assert not ClientSession.objects.exists()
    assert party.post({"grant_type": "authorization_code", "client_id": "a\0b"}, basic=False)["error"]
    assert party.redeem("a\0b")["error"] == "invalid_request"


def test_what_is_public_can_be_read_by_programs_in_browsers(party: Party) -> None:
    for path in ("/.well-known/jwks.json", "/.well-known/openid-configuration", "/o/userinfo/"):
        assert party.http.get(path)["Access-Control-Allow-Origin"] == "*", path
    assert "Access-Control-Allow-Origin" not in party.http.get("/o/authorize/")
    assert party.http.delete("/o/userinfo/").status_code == 405
    assert party.http.get("/o/token/")["Allow"] == "POST, OPTIONS"
    assert issuer() in party.http.get("/.well-known/openid-configuration").content.decode()


@pytest.mark.parametrize("stricter", [{"needs_factor": True}, {"redirect_uris": ["https://other.example/"]}])
def test_a_code_does_not_outrun_a_client_that_is_made_stricter(
    acme: Company, ben_in: WebDoor, stricter: dict[str, Any]
) -> None:
    party = party_of(acme, asks_consent=False)
    code = party.back(ben_in.browser.get(party.request()))["code"]
    Client.objects.update(**stricter)  # as though it were done between the question and the answer
    assert party.redeem(code)["error"] == "invalid_grant"
