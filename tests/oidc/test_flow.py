"""Signing in to a client: the whole way, what it learns, and what has to happen before."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.hashers import make_password
from django.utils import timezone

from accounts.models import Session, User
from accounts.people import UserDraft, change_user
from audit.models import AuditEvent
from oidc.models import ClientSession, Consent
from oidc.protocol import MFA, SFA
from tenants.models import Company, Role
from tests import cast
from tests.journeys.doors import WebDoor, sign_in
from tests.journeys.pages import Page
from tests.journeys.stage import PASSWORD, Post, Time, configure
from tests.journeys.test_settings_of_the_factor import BEN, turn_on
from tests.oidc.relying import EVERYTHING, Party, agree, issuer, party_of, signed_in_to

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db]


def confirmed(web: WebDoor, page: Page, post: Post) -> Any:
    """Ben confirms by his password and a mailed code; what the browser is answered then."""
    web.send(next(one for one in page.forms if "password" in one.values), password=PASSWORD)
    form = next(one for one in web.page.forms if "code" in one.values)
    answer = web.browser.post("/login/code/", {**form.values, "code": post.code(BEN)})
    return web.browser.get(answer["Location"])


# --- the story


def test_a_standard_client_signs_somebody_in(party: Party, ben_in: WebDoor, ben: User, acme: Company) -> None:
    claims = signed_in_to(party, ben_in, scope=EVERYTHING)
    assert claims["sub"] == str(ben.uid)
    assert (claims["name"], claims["email"], claims["email_verified"]) == ("Ben", BEN, True)
    assert claims["company"] == {"id": str(acme.uid), "name": "Acme"}
    assert claims["roles"] == ["Member"]
    assert (claims["acr"], claims["amr"]) == (SFA, ["pwd"])
    shown = party.userinfo()
    assert {name: claims[name] for name in shown} == shown
    assert party.tokens["expires_in"] <= 300
    again = party.renew()
    assert again["refresh_token"] != ""
    assert party.claims()["sub"] == str(ben.uid)
    assert party.is_served()
    assert AuditEvent.objects.filter(event="oidc:session:started").count() == 1


@pytest.mark.parametrize("algorithm", ["RS256", "ES256"])
def test_by_either_algorithm(acme: Company, ben_in: WebDoor, algorithm: str) -> None:
    party = party_of(acme, algorithm=algorithm)
    claims = signed_in_to(party, ben_in)
    assert claims["iss"] == issuer()


def test_only_what_was_asked_for_and_granted(party: Party, ben_in: WebDoor) -> None:
    claims = signed_in_to(party, ben_in, scope="openid email")
    assert not {"name", "company", "roles", "privileges"} & claims.keys()
    assert set(party.userinfo()) == {"sub", "email", "email_verified"}
    assert "refresh_token" not in party.tokens


def test_the_question_is_asked_once_and_again_for_more(party: Party, ben_in: WebDoor) -> None:
    path = party.request()
    asked = ben_in.browser.get(path)
    assert asked.status_code == 200
    assert "Your e-mail address" in asked.content.decode()
    assert "form-action 'self';" in f"{asked['Content-Security-Policy']};"
    assert party.back(agree(ben_in, path))["code"]
    assert party.back(ben_in.browser.get(party.request()))["code"]
    assert ben_in.browser.get(party.request(scope="openid roles")).status_code == 200
    assert ben_in.browser.get(party.request(prompt="consent")).status_code == 200
    assert Consent.objects.get().scopes == ["email", "openid", "profile"]


def test_who_says_no_goes_back_with_that(party: Party, ben_in: WebDoor) -> None:
    ben_in.open(party.request())
    form = next(one for one in ben_in.page.forms if "Cancel" in one.buttons)
    token = form.values["csrfmiddlewaretoken"]
    answer = ben_in.browser.post(form.action, {"csrfmiddlewaretoken": token, "deny": "1"})
    assert party.back(answer)["error"] == "access_denied"
    assert not ClientSession.objects.exists()


def test_systems_of_ones_own_ask_nothing(acme: Company, ben_in: WebDoor) -> None:
    party = party_of(acme, asks_consent=False)
    assert party.back(ben_in.browser.get(party.request()))["code"]


# --- what has to happen before


def test_whoever_is_not_signed_in_signs_in_first(party: Party, web: WebDoor, ben: User) -> None:
    path = party.request()
    page = web.open(path)
    form = next(one for one in page.forms if "username" in one.values)
    web.send(form, username=BEN)
    form = next(one for one in web.page.forms if "password" in one.values)
    web.send(form, password=PASSWORD)
    assert "Sign in to Wiki" in web.page.text, web.page.text
    assert party.back(agree(web, web.address))["code"]


def test_nobody_is_asked_anything_silently(party: Party, web: WebDoor, ben: User, clock: Time) -> None:
    assert party.back(web.browser.get(party.request(prompt="none")))["error"] == "login_required"
    sign_in(web, BEN, PASSWORD)
    assert party.back(web.browser.get(party.request(prompt="none")))["error"] == "consent_required"
    agree(web, party.request())
    assert party.back(web.browser.get(party.request(prompt="none")))["code"]
    clock.forward(seconds=1)
    assert party.back(web.browser.get(party.request(prompt="none", max_age="0")))["error"] == "login_required"


@pytest.mark.parametrize("more", [{"prompt": "login"}, {"max_age": "60"}])
def test_a_proof_that_is_too_old_is_given_again(
    party: Party, ben_in: WebDoor, clock: Time, more: dict[str, Any]
) -> None:
    agree(ben_in, party.request())
    at = clock.forward(minutes=5)
    page = ben_in.open(party.request(**more))
    assert ben_in.address.startswith("/login/password/"), ben_in.address
    form = next(one for one in page.forms if "password" in one.values)
    answer = ben_in.browser.post("/login/password/", {**form.values, "password": PASSWORD})
    answer = ben_in.browser.get(answer["Location"])
    party.redeem(party.back(answer)["code"])
    assert party.claims()["auth_time"] == int(at.timestamp())


def test_a_second_factor_that_the_client_needs_is_asked_for(
    acme: Company, web: WebDoor, ben: User, post: Post
) -> None:
    configure(TwoFactor__SkipOptions="device")
    party = party_of(acme, needs_factor=True, asks_consent=False)
    sign_in(web, BEN, PASSWORD)
    turn_on(ben)
    party.redeem(party.back(confirmed(web, web.open(party.request()), post))["code"])
    claims = party.claims()
    assert claims["acr"] == MFA
    assert "otp" in claims["amr"]


def test_whoever_has_none_yet_turns_one_on_and_goes_on(
    acme: Company, web: WebDoor, ben: User, post: Post, clock: Time
) -> None:
    party = party_of(acme, needs_factor=True, asks_consent=False)
    sign_in(web, BEN, PASSWORD)
    assert party.back(web.browser.get(party.request(prompt="none")))["error"] == "login_required"
    path = party.request()
    page = web.open(path)
    assert "Wiki lets nobody in by a password alone" in page.text
    assert "/account/security/" in page.links
    form = next(one for one in page.forms if "Back to Wiki without one" in one.buttons)
    token = form.values["csrfmiddlewaretoken"]
    allowed = web.browser.post(form.action, {"csrfmiddlewaretoken": token, "allow": "1"})
    assert "Wiki lets nobody in" in allowed.content.decode()
    again = web.browser.post(form.action, {"csrfmiddlewaretoken": token, "again": "1"})
    assert "There is none yet" in again.content.decode()
    left = web.browser.post(form.action, {"csrfmiddlewaretoken": token, "deny": "1"})
    assert party.back(left)["error"] == "unmet_authentication_requirements"
    assert AuditEvent.objects.get(event="oidc:session:refused").company_id == acme.pk
    turn_on(ben)
    party.redeem(party.back(confirmed(web, web.open(path), post))["code"])
    assert party.claims()["acr"] == MFA


def test_also_whoever_has_signed_in_for_this_very_request(
    acme: Company, web: WebDoor, ben: User, post: Post
) -> None:
    party = party_of(acme, needs_factor=True, asks_consent=False)
    web.send(next(one for one in web.open(party.request()).forms if "username" in one.values), username=BEN)
    page = web.send(next(one for one in web.page.forms if "password" in one.values), password=PASSWORD)
    assert "Wiki lets nobody in by a password alone" in page.text
    turn_on(ben)
    page = web.send(next(one for one in page.forms if "I have turned one on" in one.buttons), again="1")
    party.redeem(party.back(confirmed(web, page, post))["code"])
    assert party.claims()["acr"] == MFA


def test_whoever_was_let_in_by_help_is_led_to_one_too(
    acme: Company, web: WebDoor, ben: User, clock: Time
) -> None:
    configure(TwoFactor__Policy="required", TwoFactor__NoVerifiedContactBehaviour="allow")
    User.objects.filter(pk=ben.pk).update(email_verified_at=None)
    party = party_of(acme, needs_factor=True, asks_consent=False)
    sign_in(web, BEN, PASSWORD)
    Session.objects.update(methods=["pwd", "helped"])
    assert "Wiki lets nobody in by a password alone" in web.open(party.request()).text


@pytest.mark.parametrize(
    ("more", "error"), [({}, "unmet_authentication_requirements"), ({"prompt": "login"}, "access_denied")]
)
def test_saying_no_there_takes_no_new_proof(
    acme: Company, web: WebDoor, ben: User, more: dict[str, str], error: str
) -> None:
    party = party_of(acme, needs_factor=True, asks_consent=False)
    sign_in(web, BEN, PASSWORD)
    page = web.open(party.request(**more))
    if more:
        page = web.send(next(one for one in page.forms if "password" in one.values), password=PASSWORD)
    form = next(one for one in page.forms if "Back to Wiki without one" in one.buttons)
    said = party.back(web.browser.post(form.action, form.values | {"deny": "1"}))
    assert said["error"] == error


def test_one_mailbox_twice_is_no_second_factor(
    acme: Company, web: WebDoor, ben: User, post: Post, clock: Time
) -> None:
    User.objects.filter(pk=ben.pk).update(password=make_password(None), password_changed_at=None)
    party = party_of(acme, needs_factor=True, asks_consent=False)
    web.magic(BEN)
    web.use(post.link(BEN))
    path = party.request()
    assert "Wiki lets nobody in by a password alone" in web.open(path).text
    turn_on(ben)
    clock.forward(seconds=61)
    page = web.open(path)
    page = web.send(next(one for one in page.forms if "code" in one.values), code=post.code(BEN))
    clock.forward(seconds=61)
    form = next(one for one in page.forms if "code" in one.values)
    answer = web.browser.post("/login/code/", {**form.values, "code": post.code(BEN)})
    said = party.back(web.browser.get(answer["Location"]))
    assert said["error"] == "unmet_authentication_requirements"
    assert not any("otp" in one.methods for one in Session.objects.all())


def test_whoever_can_have_none_is_refused_there_and_let_in_where_it_was_only_wished(
    acme: Company, web: WebDoor, ben: User, clock: Time
) -> None:
    configure(TwoFactor__Policy="off")
    needs, wishes = (
        party_of(acme, needs_factor=True, asks_consent=False),
        party_of(acme, name="B", asks_consent=False),
    )
    sign_in(web, BEN, PASSWORD)
    clock.forward(seconds=5)
    for party, more in ((needs, {}), (wishes, {"acr_values": MFA})):
        page = web.open(party.request(**more))
        form = next(one for one in page.forms if "password" in one.values)
        answer = web.browser.post("/login/password/", {**form.values, "password": PASSWORD})
        said = party.back(web.browser.get(answer["Location"]))
        if party is needs:
            assert said["error"] == "unmet_authentication_requirements"
        else:
            party.redeem(said["code"])
            assert party.claims()["acr"] == SFA


def test_who_is_of_another_company_is_not_let_in(party: Party, web: WebDoor, cleo: User) -> None:
    browser = cast.browser(cleo)
    assert party.back(browser.get(party.request()))["error"] == "access_denied"


def test_a_client_of_everybody_lets_everybody_in(cleo: User, ben_in: WebDoor) -> None:
    party = party_of(None, asks_consent=False)
    assert party.back(cast.browser(cleo).get(party.request()))["code"]
    assert party.back(ben_in.browser.get(party.request()))["code"]


def test_a_hint_of_another_person_is_answered_by_no(party: Party, ben_in: WebDoor, ada: User) -> None:
    signed_in_to(party, ben_in)
    mine = party.tokens["id_token"]
    assert party.back(ben_in.browser.get(party.request(id_token_hint=mine)))["code"]
    other = cast.browser(ada)
    assert party.back(other.get(party.request(id_token_hint=mine)))["error"] == "login_required"
    assert party.back(ben_in.browser.get(party.request(id_token_hint="x.y.z")))["error"] == "login_required"


@pytest.mark.parametrize(
    ("hint", "proposed"), [(BEN, BEN), ("x" * 900, "x" * 254), ('"><b>', "&quot;&gt;&lt;b&gt;")]
)
def test_the_name_that_a_client_knows_is_proposed(
    party: Party, web: WebDoor, hint: str, proposed: str
) -> None:
    web.open(party.request(login_hint=hint))
    html = web.answer.content.decode()
    assert f'value="{proposed}"' in html
    assert html.count("autofocus") == 1


# --- where everything is


def test_discovery_says_what_is_so(party: Party) -> None:
    said = party.http.get("/.well-known/openid-configuration").json()
    assert said["issuer"] == issuer()
    assert said["response_types_supported"] == ["code"]
    assert said["code_challenge_methods_supported"] == ["S256"]
    assert said["grant_types_supported"] == ["authorization_code", "refresh_token"]
    for name, address in said.items():
        if name.endswith("_endpoint") or name == "jwks_uri":
            path = address.removeprefix(issuer())
            assert party.http.get(path).status_code not in {404, 500}, address
    assert party.http.get("/.well-known/oauth-authorization-server").json() == said


def test_claims_are_those_of_now(party: Party, ben_in: WebDoor, ben: User, root: User, clock: Time) -> None:
    signed_in_to(party, ben_in, scope=EVERYTHING)
    role = Role.objects.get(name=cast.AGENT, company=None)
    change_user(ben, UserDraft(roles=[role]), by=cast.acting(root), now=clock())
    assert party.userinfo()["roles"] == [cast.AGENT]


def test_the_person_sees_the_session(party: Party, ben_in: WebDoor) -> None:
    signed_in_to(party, ben_in)
    assert "Wiki" in ben_in.open("/account/sessions/").text


def test_codes_that_nobody_used_leave_nothing(party: Party, ben_in: WebDoor, clock: Time) -> None:
    from oidc.housekeeping import prune

    agree(ben_in, party.request())
    signed_in_to(party, ben_in)
    clock.forward(hours=2)
    prune(now=timezone.now())
    assert ClientSession.objects.count() == 1
    assert Session.objects.filter(kind="openid").count() == 1
    assert timedelta() < ClientSession.objects.get().session.expires_at - clock()
