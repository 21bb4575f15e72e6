"""The door through which our pages inside other sites sign in."""

from typing import Any

import pytest
from django.utils import timezone

from accounts.models import Integration, Session, SessionKind, User
from audit.models import AuditEvent
from core import epoch, ratelimit
from tenants.models import Company
from tests import cast
from tests.accounts.vouched import integration_of, token_of
from tests.cast import Api, Call

pytestmark = pytest.mark.django_db
DESK = "https://desk.example.com"
AGENT = {"role": "agent"}


@pytest.fixture(autouse=True)
def full_buckets() -> None:
    """The API's general rate starts afresh with every test."""
    ratelimit.NETWORKS.clear()


@pytest.fixture
def desk(acme: Company) -> Integration:
    """Acme's desk, which trusts one site."""
    return integration_of(acme, origins=[DESK])


def sign_in(desk: Integration, *, origin: str = DESK, token: str = "", **claims: Any) -> Any:
    token = token or token_of(desk, now=timezone.now(), **({"jti": "one"} | AGENT | claims))
    return Api(None).post("embed/sign-in/", {"token": token, "origin": origin})


def test_a_token_of_a_trusted_site_begins_a_bounded_session(desk: Integration, acme: Company) -> None:
    answer = sign_in(desk, displayName="New Comer")
    assert answer.status_code == 200, answer.content
    given = answer.json()
    assert given["user"]["display_name"] == "New Comer"
    assert given["company"] == {"id": str(acme.uid), "name": "Acme"}
    session = Session.objects.get()
    assert (session.kind, session.integration, session.methods) == (SessionKind.JWT, desk, ["fed"])
    caller = Api(None)
    caller.headers["Authorization"] = f"Bearer {given['access_token']}"
    assert caller.get("me/").json()["user"]["username"] == "newcomer@acme.example"
    assert caller.get("me/factors/").status_code == 403
    renewed = Api(None).post("tokens/refresh/", {"refresh_token": given["refresh_token"]})
    assert renewed.status_code == 200
    assert not answer.cookies


def test_it_never_lives_longer_than_what_vouched_for_it(desk: Integration) -> None:
    now = int(timezone.now().timestamp())
    assert sign_in(desk, exp=now + 120).json()["expires_in"] <= 180
    assert (Session.objects.get().expires_at - timezone.now()).total_seconds() <= 180


def test_a_token_works_once(desk: Integration) -> None:
    token = token_of(desk, now=timezone.now(), jti="one", **AGENT)
    assert sign_in(desk, token=token).status_code == 200
    again = sign_in(desk, token=token)
    assert (again.status_code, again.json()["code"]) == (401, "invalid_token")
    assert sign_in(desk, jti="one", displayName="Another").status_code == 401
    assert Session.objects.count() == 1


@pytest.mark.parametrize(
    "claims", [{"jti": ""}, {"jti": 7}, {"aud": "https://elsewhere.example"}, {"iss": "x"}]
)
def test_a_token_that_does_not_hold_begins_nothing(claims: dict[str, Any], desk: Integration) -> None:
    refused = sign_in(desk, **claims)
    assert (refused.status_code, refused.json()["code"]) == (401, "invalid_token")
    assert not Session.objects.exists()


def test_a_token_that_has_run_out_says_so_as_the_published_client_reads_it(desk: Integration) -> None:
    then = int(timezone.now().timestamp()) - 600
    refused = sign_in(desk, iat=then, exp=then + 300)
    assert (refused.status_code, refused.json()["detail"]) == (401, "jwt expired")


@pytest.mark.parametrize(
    "origin",
    ["https://desk.example.com.evil.example", "http://desk.example.com", "https://desk.example.com/", "null", "*",
     "https://DESK.example.com", " https://desk.example.com", "https://example.com", "https://desk.example.com:8443"],
)  # fmt: skip
def test_a_token_from_another_site_begins_nothing_and_makes_nobody(origin: str, desk: Integration) -> None:
    refused = sign_in(desk, origin=origin)
    assert (refused.status_code, refused.json()["code"]) == (403, "untrusted_origin")
    assert not User.objects.exists()
    assert AuditEvent.objects.get().details == {"reason": "origin"}
    assert sign_in(desk).status_code == 200  # nor was the token spent


def test_a_site_that_another_integration_trusts_does_not_count(desk: Integration, globex: Company) -> None:
    other = integration_of(globex, name="Other", origins=["https://other.example.com"])
    assert sign_in(desk, origin="https://other.example.com").status_code == 403
    assert sign_in(other, origin=DESK).status_code == 403


def test_an_integration_that_is_switched_off_signs_nobody_in_and_ends_who_is(desk: Integration) -> None:
    given = sign_in(desk).json()
    Integration.objects.update(is_active=False)
    epoch.outrun(epoch.current())
    assert sign_in(desk, jti="two").status_code == 401
    caller = Api(None)
    caller.headers["Authorization"] = f"Bearer {given['access_token']}"
    assert caller.get("me/").status_code == 401


def test_a_cookie_beside_it_makes_no_difference(desk: Integration, acme: Company) -> None:
    browser = cast.browser(cast.person("ada@acme.example", company=acme, role=cast.COMPANY_ADMINISTRATOR))
    token = token_of(desk, now=timezone.now(), jti="one", **AGENT)
    answer = browser.post(
        "/api/v1/embed/sign-in/", {"token": token, "origin": DESK}, content_type="application/json"
    )
    assert answer.json()["user"]["username"] == "newcomer@acme.example"


@pytest.mark.parametrize("body", [{}, {"token": 7, "origin": DESK}, {"token": "x" * 9_000, "origin": DESK}])
def test_a_body_that_does_not_fit_is_400(body: dict[str, Any], api: Call) -> None:
    assert api(None).post("embed/sign-in/", body).status_code == 400


# --- the pages


PAGES = ("/embed/code", "/embed/session/abc-123")


def policy(answer: Any) -> dict[str, str]:
    return dict(part.strip().split(" ", 1) for part in answer.headers["Content-Security-Policy"].split(";"))


@pytest.mark.parametrize("path", PAGES)
def test_the_trusted_sites_and_no_others_may_show_a_page(path: str, acme: Company) -> None:
    desk = integration_of(acme, origins=[DESK, "http://127.0.0.1:8080"])
    answer = Api(None).browser.get(f"{path}?license={desk.licence_key}")
    assert answer.status_code == 200
    assert policy(answer)["frame-ancestors"] == f"{DESK} http://127.0.0.1:8080"
    assert policy(answer)["default-src"] == "'none'"
    assert policy(answer)["script-src"] == "'self'"
    assert "X-Frame-Options" not in answer.headers
    assert not answer.cookies
    assert answer.headers["Cache-Control"] == "no-store"
    assert f'data-origins="{DESK} http://127.0.0.1:8080 "' in answer.content.decode()


@pytest.mark.parametrize("path", PAGES)
def test_without_a_trusted_site_nobody_may(path: str, acme: Company) -> None:
    bare, off = integration_of(acme), integration_of(acme, name="Off", origins=[DESK], is_active=False)
    shut = Company.objects.create(name="Shut", is_active=False)
    of_shut = integration_of(shut, origins=[DESK])
    hostile = integration_of(acme, name="Hostile", origins=["*", "https://a b", "https://x; script-src *"])
    keys = [one.licence_key for one in (bare, off, of_shut, hostile)]
    for licence in (*keys, "", "x" * 20, "Z" * 20, "'none' *", f"{keys[0]}%0d%0a"):
        answer = Api(None).browser.get(path, {"license": licence})
        assert answer.status_code == 200
        assert policy(answer)["frame-ancestors"] == "'none'", licence
        assert 'data-origins=""' in answer.content.decode()


def test_pages_beside_them_stay_out_of_every_frame(acme: Company) -> None:
    desk = integration_of(acme, origins=[DESK])
    for path in ("/login/", "/embed/", "/embed/other", "/embed/code/", "/api/docs/"):
        answer = Api(None).browser.get(f"{path}?license={desk.licence_key}")
        assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"], path
        assert answer.headers.get("X-Frame-Options", "DENY") == "DENY", path


@pytest.mark.parametrize("path", PAGES)
def test_the_page_is_the_same_for_whoever_is_signed_in_beside_it(
    path: str, desk: Integration, ada: User
) -> None:
    url = f"{path}?license={desk.licence_key}"
    browser = cast.browser(ada)
    Session.objects.update(locked_at=timezone.now())
    epoch.outrun(epoch.current())
    locked, stranger = browser.get(url), Api(None).browser.get(url)
    assert locked.content == stranger.content
    assert locked.status_code == 200
    assert not locked.cookies


def test_the_pages_only_read(desk: Integration) -> None:
    for path in PAGES:
        assert Api(None).browser.post(path).status_code in {403, 405}
        assert Api(None).browser.head(path).status_code == 200


def test_a_session_is_named_by_plain_characters_alone() -> None:
    for name in ("a b", "<script>", "..", "a/b", "%22onload=x"):
        assert Api(None).browser.get(f"/embed/session/{name}").status_code == 404
