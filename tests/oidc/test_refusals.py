"""What is refused: other grants and response types, tricks with addresses, PKCE, codes and tokens used twice or elsewhere
(attacks 10, 12, 18, 29 to 31, 36).
"""

from typing import Any
from urllib.parse import parse_qsl, urlencode

import pytest
from django.utils import timezone

from accounts.companies import change_company
from accounts.impersonation import begin_impersonation
from accounts.models import Session, User
from accounts.people import lock_user
from accounts.sessions import end_all
from accounts.tokens.issue import access_token
from audit.models import AuditEvent
from audit.record import Origin
from core.db import unit
from oidc.clients import ClientDraft, change_client, delete_client, make_secret
from oidc.models import Client, ClientSession
from oidc.protocol import is_redirect_uri, is_registered
from tenants.actor import system_actor
from tenants.models import Company
from tenants.services import CompanyDraft
from tests import cast
from tests.cast import Api
from tests.journeys.doors import WebDoor
from tests.journeys.stage import PASSWORD, Time
from tests.journeys.test_settings_of_the_factor import BEN
from tests.oidc.relying import CALLBACK, EVERYTHING, Party, agree, party_of, signed_in_to
from tests.parallel import in_parallel

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db]


@pytest.fixture
def code(party: Party, ben_in: WebDoor) -> str:
    """A code that waits for the client."""
    return party.back(agree(ben_in, party.request(scope=EVERYTHING)))["code"]


# --- the authorization endpoint


@pytest.mark.parametrize(
    "kind", ["token", "id_token", "id_token token", "code id_token", "code token", "none"]
)
def test_there_is_no_implicit_and_no_hybrid_flow(party: Party, ben_in: WebDoor, kind: str) -> None:
    said = party.back(ben_in.browser.get(party.request(response_type=kind)))
    assert said["error"] == "unsupported_response_type"
    assert "token" not in said


@pytest.mark.parametrize(
    "more",
    [
        {"code_challenge": None},
        {"code_challenge_method": None},
        {"code_challenge_method": "plain"},
        {"code_challenge": "short"},
        {"code_challenge": "a" * 44},
        {"response_mode": "fragment"},
        {"response_mode": "form_post"},
        {"prompt": "none login"},
        {"prompt": "create"},
        {"max_age": "-1"},
        {"max_age": "1e3"},
        {"max_age": "9" * 10},
        {"nonce": "n" * 256},
    ],
)
def test_what_is_not_understood_is_refused(party: Party, ben_in: WebDoor, more: dict[str, Any]) -> None:
    assert party.back(ben_in.browser.get(party.request(**more)))["error"] == "invalid_request"


@pytest.mark.parametrize("name", ["request", "request_uri", "registration"])
def test_requests_come_by_no_other_way(party: Party, ben_in: WebDoor, name: str) -> None:
    said = party.back(ben_in.browser.get(party.request(**{name: "https://evil.example/r"})))
    assert said["error"] == f"{name}_not_supported"


@pytest.mark.parametrize("scope", [None, "", "profile", "openid phone"])
def test_no_scope_beyond_what_was_granted(acme: Company, ben_in: WebDoor, scope: str | None) -> None:
    party = party_of(acme, scopes=["profile", "email"])
    assert party.back(ben_in.browser.get(party.request(scope=scope)))["error"] == "invalid_scope"


@pytest.mark.parametrize(
    "uri",
    [
        "https://evil.example/callback",
        "https://wiki.example/callback",
        "https://wiki.example/callback?tenant=1&x=2",
        "https://wiki.example/callback?tenant=1#",
        "https://wiki.example/callback/../evil?tenant=1",
        "https://wiki.example.evil.example/callback?tenant=1",
        "https://wiki.example@evil.example/callback?tenant=1",
        "https://wiki.example:443/callback?tenant=1",
        "https://WIKI.example/callback?tenant=1",
        "http://wiki.example/callback?tenant=1",
        "//wiki.example/callback?tenant=1",
        "javascript:alert(1)//wiki.example/callback?tenant=1",
        "https://wiki.example\\@evil.example/callback?tenant=1",
        "https://wiki.example/callback?tenant=1\r\nX: y",
        "",
    ],
)
def test_nobody_is_sent_to_another_address(
    party: Party, ben_in: WebDoor, uri: str, caplog: pytest.LogCaptureFixture
) -> None:
    answer = ben_in.browser.get(party.request(redirect_uri=uri or None))
    assert answer.status_code == 400
    assert "Location" not in answer
    assert "evil" not in answer.content.decode()
    assert not uri.isprintable() or uri.partition("?")[0] in caplog.text


@pytest.mark.parametrize("client_id", ["", "unknown", "x" * 300, "\x00", "é"])
def test_nor_for_a_client_that_there_is_not(party: Party, ben_in: WebDoor, client_id: str) -> None:
    assert ben_in.browser.get(party.request(client_id=client_id)).status_code == 400


@pytest.mark.parametrize("name", ["client_id", "redirect_uri", "state", "scope", "code_challenge", "nonce"])
def test_nothing_is_said_twice(party: Party, ben_in: WebDoor, name: str) -> None:
    path = party.request()
    value = dict(parse_qsl(path.partition("?")[2]))[name]
    for other in (value, "another"):
        answer = ben_in.browser.get(f"{path}&{urlencode({name: other})}")
        assert answer.status_code == 400


def test_a_long_request_is_refused_before_it_is_read(party: Party, ben_in: WebDoor) -> None:
    assert ben_in.browser.get(party.request(login_hint="x" * 5_000)).status_code == 400


def test_a_consent_takes_the_token_of_our_page(party: Party, ben_in: WebDoor) -> None:
    path = party.request()
    for door in ("answer/", "other/"):
        answer = ben_in.browser.post(path.replace("/?", f"/{door}?"), {"allow": "1"})
        assert answer.status_code == 403
    assert not ClientSession.objects.exists()
    # A client's own form, which the standard allows, asks the question and answers none.
    sent = ben_in.browser.post(
        "/o/authorize/",
        f"{path.partition('?')[2]}&allow=1",
        content_type="application/x-www-form-urlencoded",
    )
    assert sent.status_code == 303
    assert "Sign in to Wiki" in ben_in.browser.get(sent["Location"]).content.decode()
    assert not ClientSession.objects.exists()


def _waiting(door: WebDoor) -> list[str]:
    """The cookies of requests that this browser has not come back with."""
    return [one for one, cookie in door.browser.cookies.items() if one.startswith("came-") and cookie.value]


def test_requests_that_nobody_comes_back_with_fill_no_jar(party: Party, ben_in: WebDoor) -> None:
    for _time in range(25):
        ben_in.browser.get(party.request(prompt="login"))
    assert 1 <= len(_waiting(ben_in)) <= 10


def test_a_mark_is_of_one_browser_and_one_request(party: Party, ben_in: WebDoor, clock: Time) -> None:
    agree(ben_in, party.request())
    clock.forward(minutes=20)
    ben_in.open("/")
    path = party.request(prompt="login")
    for _time in range(2):  # coming again is no proof
        assert ben_in.browser.get(path)["Location"].startswith("/login/confirm/")
    [name] = _waiting(ben_in)
    mark = ben_in.browser.cookies[name].value
    for forged in (f"9{mark}", mark.replace("1", "0", 1), mark.partition(".")[2], "x", ""):
        ben_in.browser.cookies[name] = forged
        assert ben_in.browser.get(path)["Location"].startswith("/login/confirm/")
    ben_in.browser.cookies[name] = mark
    other = party.request(prompt="login")
    assert ben_in.browser.get(other)["Location"].startswith("/login/confirm/")
    # A stranger's mark in whose browser somebody signed in long ago.
    clock.forward(minutes=5)
    ben_in.open("/")
    old = party.request(max_age=60)
    assert ben_in.browser.get(old)["Location"].startswith("/login/confirm/")
    clock.forward(minutes=50)
    assert "/login/confirm/" in ben_in.browser.get(old)["Location"]


def test_a_proof_given_for_one_request_is_none_for_the_same_one_later(
    party: Party, ben_in: WebDoor, clock: Time
) -> None:
    agree(ben_in, party.request())
    clock.forward(minutes=20)
    ben_in.open("/")
    path = party.request(prompt="login")
    form = next(one for one in ben_in.open(path).forms if "password" in one.values)
    answer = ben_in.browser.post("/login/password/", {**form.values, "password": PASSWORD})
    assert party.back(ben_in.browser.get(answer["Location"]))["code"]
    clock.forward(minutes=20)
    ben_in.open("/")
    assert ben_in.browser.get(path)["Location"].startswith("/login/confirm/")


def test_somebody_else_at_this_browser_signs_in_and_the_request_goes_on(
    party: Party, ben_in: WebDoor, ada: User
) -> None:
    ben_in.open(party.request())
    ben_in.send(next(form for form in ben_in.page.forms if "/other/" in form.action))
    assert not ben_in.is_in()
    form = next(one for one in ben_in.page.forms if "username" in one.values)
    assert "/o/authorize/?" in form.action or "authorize" in ben_in.address


def test_who_acts_as_another_person_opens_nothing_in_his_name(
    party: Party, ada: User, ben: User, root: User, clock: Time
) -> None:
    browser = cast.browser(root)
    own = Session.objects.filter(user=root).latest("pk")
    from accounts.principal import principal_of_session

    principal = principal_of_session(str(own.uid))
    assert principal is not None
    begun = begin_impersonation(
        ben, reason="look", may_change=True, by=principal.actor(address=""), now=clock()
    )
    browser.cookies["impersonation"] = begun.secret  # type: ignore[union-attr]
    assert party.back(browser.get(party.request()))["error"] == "access_denied"


# --- the token endpoint


@pytest.mark.parametrize(
    "grant",
    [
        "password",
        "client_credentials",
        "implicit",
        "urn:ietf:params:oauth:grant-type:device_code",
        "urn:ietf:params:oauth:grant-type:jwt-bearer",
        "urn:ietf:params:oauth:grant-type:token-exchange",
        "",
    ],
)
def test_there_is_no_other_grant(party: Party, ben: User, grant: str) -> None:
    said = party.post({"grant_type": grant, "username": BEN, "password": PASSWORD, "scope": "openid"})
    assert (party.answer.status_code, said["error"]) == (400, "unsupported_grant_type")
    assert not Session.objects.exists()


@pytest.mark.parametrize(
    "more",
    [
        {"code_verifier": None},
        {"code_verifier": ""},
        {"code_verifier": "a" * 43},
        {"redirect_uri": None},
        {"redirect_uri": "https://wiki.example/callback"},
        {"code": "gh_code_nonsense"},
        {"code": "x" * 500},
        {"code": None},
    ],
)
def test_a_code_holds_for_its_verifier_and_address_alone(
    party: Party, code: str, more: dict[str, Any]
) -> None:
    assert party.redeem(**({"code": code} | more))["error"] == "invalid_grant"
    assert party.answer["Cache-Control"] == "no-store"
    if "code" not in more:
        assert party.redeem(code)["error"] == "invalid_grant"  # one try


def test_a_code_that_is_tried_again_ends_what_it_gave(party: Party, code: str) -> None:
    party.redeem(code)
    assert party.is_served()
    assert party.redeem(code)["error"] == "invalid_grant"
    assert not party.is_served()
    assert party.renew()["error"] == "invalid_grant"
    assert AuditEvent.objects.get(event="oidc:code:refused").details["reason"] == "code_reused"


def test_a_code_lives_for_a_minute(party: Party, code: str, clock: Time) -> None:
    clock.forward(seconds=60)
    assert party.redeem(code)["error"] == "invalid_grant"


def test_a_code_is_for_one_client(party: Party, code: str, acme: Company) -> None:
    other = party_of(acme, name="Other")
    other.verifier = party.verifier
    assert other.redeem(code)["error"] == "invalid_grant"
    assert party.redeem(code)["access_token"]


@pytest.mark.django_db(transaction=True)
def test_of_many_at_once_one_redeems_it_and_nothing_is_left(party: Party, code: str) -> None:
    found: list[Any] = []

    def redeem(_number: int) -> None:
        one = Party(party.client_id, party.secret)
        one.verifier = party.verifier
        found.append(one.redeem(code))

    in_parallel(6, redeem)
    assert sum("access_token" in one for one in found) <= 1, found
    assert not Session.objects.filter(kind="openid", ended_at=None).exists()


@pytest.mark.parametrize("secret", ["", "wrong", "gh_client_" + "A" * 43, "x" * 5_000])
def test_no_tokens_for_who_does_not_know_the_secret(party: Party, code: str, secret: str) -> None:
    thief = Party(party.client_id, secret)
    thief.verifier = party.verifier
    assert thief.redeem(code)["error"] == "invalid_client"
    assert thief.answer.status_code == 401
    assert thief.answer["WWW-Authenticate"].startswith("Basic")
    assert party.redeem(code)["access_token"]


def test_a_secret_comes_in_one_way(party: Party, code: str) -> None:
    given = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": CALLBACK,
        "code_verifier": party.verifier,
    }
    both = party.post(given | {"client_id": party.client_id, "client_secret": party.secret})
    assert both["error"] == "invalid_client"
    other = party.post(given | {"client_id": "another"})
    assert other["error"] == "invalid_client"
    post = party.post(given | {"client_secret": party.secret}, basic=False)
    assert "access_token" in post, post


def test_a_secret_that_was_replaced_or_never_made(
    party: Party, client_row: Client, acme: Company, code: str
) -> None:
    make_secret(client_row, by=system_actor(), now=timezone.now())
    assert party.redeem(code)["error"] == "invalid_client"
    without = party_of(acme, name="Bare", secret=False)
    assert without.redeem(code)["error"] == "invalid_client"


def test_nobody_uses_up_the_tries_of_a_client(party: Party, code: str) -> None:
    right = party.secret
    for number in range(40):
        party.secret = f"wrong{number}"
        assert party.redeem(code)["error"] == "invalid_client"
    party.secret = right
    assert "access_token" in party.redeem(code)


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ("", "application/x-www-form-urlencoded"),
        ("grant_type=authorization_code&grant_type=refresh_token", "application/x-www-form-urlencoded"),
        ('{"grant_type": "authorization_code"}', "application/json"),
        ("a=1&" * 5_000, "application/x-www-form-urlencoded"),
        ("\xff\xfe=1", "application/x-www-form-urlencoded"),
    ],
)
def test_a_body_that_is_none(party: Party, body: str, kind: str) -> None:
    answer = party.http.post("/o/token/", body.encode("latin-1"), content_type=kind)
    assert answer.status_code in {400, 401}
    assert answer.json()["error"] in {"invalid_request", "invalid_client"}
    assert party.http.get("/o/token/").status_code == 405


# --- refresh and access tokens


def test_a_refresh_token_works_once(party: Party, code: str) -> None:
    party.redeem(code)
    first = party.tokens["refresh_token"]
    assert party.renew()["refresh_token"] != first
    assert party.renew(first)["error"] == "invalid_grant"
    assert not party.is_served()
    assert party.renew()["error"] == "invalid_grant"


def test_no_more_scope_than_before(party: Party, code: str) -> None:
    party.redeem(code)
    assert party.renew(scope="openid email admin")["error"] == "invalid_scope"
    assert party.renew(scope="openid email")["scope"] == "openid email"
    assert set(party.userinfo()) == {"sub", "email", "email_verified"}
    party.renew()
    assert "name" in party.userinfo()


def test_tokens_stand_for_no_others(party: Party, code: str, ben: User, acme: Company) -> None:
    party.redeem(code)
    tokens, (ours, _seconds) = party.tokens, access_token(Api(ben).session, now=timezone.now())
    for text in (tokens["access_token"], tokens["id_token"], tokens["refresh_token"], code):
        assert party.http.get("/api/v1/me/", HTTP_AUTHORIZATION=f"Bearer {text}").status_code == 401
    for text in (tokens["id_token"], tokens["refresh_token"], code, ours, ""):
        assert party.http.get("/o/userinfo/", HTTP_AUTHORIZATION=f"Bearer {text}").status_code == 401
    answer = party.http.post(
        "/api/v1/tokens/refresh/", {"refresh_token": tokens["refresh_token"]}, content_type="application/json"
    )
    assert answer.status_code == 401
    assert party.http.get(f"/o/userinfo/?access_token={tokens['access_token']}").status_code == 401
    other = party_of(acme, name="Other")
    assert other.renew(tokens["refresh_token"])["error"] == "invalid_grant"


def test_nothing_is_kept_in_clear(party: Party, code: str) -> None:
    party.redeem(code)
    kept = [
        *ClientSession.objects.values_list(),
        *Client.objects.values_list(),
        *Session.objects.values_list(),
        *AuditEvent.objects.values_list("details"),
    ]
    for secret in (code, party.secret, party.tokens["refresh_token"], party.tokens["access_token"]):
        assert secret not in str(kept)


# --- access after it should have ended


@pytest.mark.parametrize("end", ["lock", "sign-out", "off", "deleted", "scopes", "company"])
def test_what_ends_it(
    party: Party, code: str, client_row: Client, ben: User, root: User, acme: Company, clock: Time, end: str
) -> None:
    party.redeem(code)
    assert party.is_served()
    by, now = system_actor(), clock()
    if end == "lock":
        lock_user(ben, reason="why", by=cast.acting(root), now=now)
    elif end == "sign-out":
        with unit():
            end_all(ben, reason="signed_out", origin=Origin(), now=now)
    elif end == "off":
        change_client(client_row, ClientDraft(is_active=False), by=by, now=now)
    elif end == "deleted":
        delete_client(client_row, by=by, now=now)
    elif end == "scopes":
        change_client(client_row, ClientDraft(scopes=["email"]), by=by, now=now)
    else:
        change_company(acme, CompanyDraft(is_active=False), by=by, now=now)
    assert not party.is_served()
    assert party.renew()["error"] in {"invalid_grant", "invalid_client"}
    asked = Api(root)
    assert asked.post("tokens/introspect/", {"token": party.tokens["access_token"]}).json() == {
        "active": False
    }


def test_the_sign_in_it_came_from_takes_it_along(party: Party, code: str, ben_in: WebDoor) -> None:
    party.redeem(code)
    ben_in.leave()
    assert not party.is_served()
    assert ClientSession.objects.get().session.ended_reason == "signed_out"


def test_a_code_of_a_sign_in_that_has_ended(party: Party, code: str, ben_in: WebDoor) -> None:
    ben_in.leave()
    assert party.redeem(code)["error"] == "invalid_grant"


# --- introspection and revocation, at the one place that there is


def test_a_client_asks_about_its_own_tokens_alone(party: Party, code: str, acme: Company) -> None:
    party.redeem(code)
    other = party_of(acme, name="Other")

    def ask(asker: Party, token: str) -> Any:
        import base64

        pair = base64.b64encode(f"{asker.client_id}:{asker.secret}".encode()).decode()
        return asker.http.post(
            "/api/v1/tokens/introspect/",
            {"token": token},
            content_type="application/json",
            HTTP_AUTHORIZATION=f"Basic {pair}",
        )

    for token in (party.tokens["access_token"], party.tokens["refresh_token"]):
        said = ask(party, token).json()
        assert said["active"], said
        assert ask(other, token).json() == {"active": False}
    said = ask(party, party.tokens["access_token"]).json()
    assert (said["client_id"], said["username"]) == (party.client_id, BEN)
    thief = Party(party.client_id, "wrong")
    assert ask(thief, party.tokens["access_token"]).status_code == 401


@pytest.mark.parametrize("which", ["access_token", "refresh_token"])
def test_revoked_it_is_over(party: Party, code: str, which: str) -> None:
    party.redeem(code)
    body = urlencode({"token": party.tokens[which], "token_type_hint": which})
    answer = party.http.post("/api/v1/tokens/revoke/", body, content_type="application/x-www-form-urlencoded")
    assert answer.status_code == 200
    assert not party.is_served()


# --- public clients


def test_a_public_client_needs_no_secret_and_takes_none(acme: Company, ben_in: WebDoor) -> None:
    party = party_of(acme, is_public=True, redirect_uris=["http://127.0.0.1/cb", "com.example.app:/cb"])
    party.callback = "http://127.0.0.1:49152/cb"
    code = party.back(agree(ben_in, party.request()))["code"]
    thief = Party(party.client_id, "x", callback=party.callback)
    thief.verifier = party.verifier
    assert thief.redeem(code)["error"] == "invalid_client"
    assert party.redeem(code)["access_token"]
    assert party.claims()["aud"] == party.client_id
    party.callback = "com.example.app:/cb"
    assert agree(ben_in, party.request())["Location"].startswith("com.example.app:/cb?")


@pytest.mark.parametrize(
    ("uri", "public", "good"),
    [
        ("https://a.example/cb", False, True),
        ("http://localhost:3000/cb", False, True),
        ("http://127.0.0.1/cb", True, True),
        ("com.example.app:/cb", True, True),
        ("com.example.app:/cb", False, False),
        ("myapp:/cb", True, False),
        ("javascript:alert(1)", True, False),
        ("data:text/html,x", True, False),
        ("http://a.example/cb", False, False),
        ("https://a.example/*", False, False),
        ("https://a.example/cb#x", False, False),
        ("https://u:p@a.example/cb", False, False),
        ("https://a.example/c b", False, False),
        ("https://a.example\\evil", False, False),
        ("https:///cb", False, False),
        ("https://a.example:x/cb", False, False),
        ("/cb", False, False),
        ("https://ä.example/cb", False, False),
    ],
)
def test_which_addresses_may_be_registered(uri: str, public: bool, good: bool) -> None:
    assert is_redirect_uri(uri, is_public=public) is good


def test_only_the_port_of_the_machine_itself_is_free() -> None:
    assert is_registered("http://127.0.0.1:5000/cb", ["http://127.0.0.1/cb"])
    assert is_registered("http://[::1]:5000/cb", ["http://[::1]/cb"])
    assert not is_registered("http://localhost:5000/cb", ["http://localhost/cb"])
    assert not is_registered("http://127.0.0.1:5000/cb2", ["http://127.0.0.1/cb"])
    assert not is_registered("https://a.example:5000/cb", ["https://a.example/cb"])
    assert not is_registered("http://127.0.0.1:5000@evil.example/cb", ["http://127.0.0.1/cb"])


def test_two_clients_of_one_issuer_are_told_apart(
    party: Party, code: str, acme: Company, ben_in: WebDoor
) -> None:
    """Mix-up: the answer names its issuer, and an ID token is for one client alone."""
    party.redeem(code)
    other = party_of(acme, name="Other")
    other.tokens = party.tokens
    with pytest.raises(Exception, match="aud"):
        other.claims(party.tokens["id_token"])
    signed_in_to(other, ben_in)
