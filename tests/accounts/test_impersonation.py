"""An administrator acts as somebody below him: how it begins, what it shows and shuts, and everything that ends it."""

from datetime import timedelta
from typing import Any

import jwt
import pytest
from django.test import Client as Browser
from django.urls import reverse
from django.utils import timezone

from accounts.api_keys import KeyDraft, make_key
from accounts.impersonation import Begun, begin_impersonation, end_in_books
from accounts.middleware import IMPERSONATION_COOKIE, SESSION_COOKIE
from accounts.models import ApiKey, Session, SessionKind, User
from accounts.people import lock_user
from accounts.principal import principal_of_session
from accounts.sessions import end_all
from accounts.tokens.issue import access_token
from audit.models import AuditEvent
from audit.record import Origin
from core import epoch
from core.db import unit
from core.outcomes import Denied
from delivery.models import Delivery
from tenants.actor import Actor, system_actor
from tenants.models import Company, Privilege, Role, SettingsRevision
from tests import cast
from tests.cast import Api, Browse, Call
from tests.journeys.stage import configure
from tests.parallel import in_parallel

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db]
WHY = "Ben cannot find his sessions"


def by(user: User) -> Actor:
    """This person, in a fresh sign-in."""
    session = cast.Api(user).session
    principal = principal_of_session(str(session.uid))
    assert principal is not None
    return principal.actor(address="192.0.2.1")


def begin(user: User, *, by: Actor, **more: Any) -> Begun | Denied:
    given: dict[str, Any] = {"reason": WHY, "may_change": False} | more
    return begin_impersonation(user, **given, by=by, now=timezone.now())


def begun(user: User, *, by: Actor, **more: Any) -> Begun:
    found = begin(user, by=by, **more)
    assert isinstance(found, Begun), found
    return found


def act_as(page: Browser, user: User, **given: Any) -> Any:
    """This browser, as the person."""
    path = reverse("admin:accounts_user_impersonate", args=[user.pk])
    return page.post(path, {"reason": WHY, **given})


@pytest.fixture
def page(browser: Browse, ada: User, ben: User) -> Browser:
    """Ada's browser, as Ben."""
    page = browser(ada)
    answer = act_as(page, ben)
    assert (answer.status_code, answer["Location"]) == (302, "/"), answer.content.decode()
    return page


@pytest.fixture
def program(api: Call, ada: User, ben: User) -> Api:
    """Ada's program, as Ben."""
    own = api(ada)
    answer = own.post(f"users/{ben.uid}/impersonate/", {"reason": WHY})
    assert answer.status_code == 201, answer.content
    there = api(None)
    there.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
    there.tokens = answer.json()
    return there


# --- beginning -----------------------------------------------------------------------------------------------------------


def test_the_pages_are_those_of_the_person_with_a_banner_on_each(page: Browser, ada: User) -> None:
    for path in ("/", "/cobrowse/agent/", "/nowhere/"):
        text = page.get(path).content.decode()
        assert "You are acting as Ben" in text, path
        assert "reading only" in text
        assert 'action="/impersonation/end/"' in text
    assert "Administration" not in page.get("/").content.decode()


@pytest.mark.parametrize("path", ["/account/", "/account/password/", "/admin/", "/team/", "/login/confirm/"])
def test_the_persons_account_and_the_administration_are_shut(page: Browser, path: str) -> None:
    assert page.get(path).status_code == 403


def test_the_person_is_told_with_name_reason_and_time(page: Browser, ada: User, ben: User) -> None:
    mail = Delivery.objects.get(to=ben.email)
    said = str(mail.context)
    for part in ("Ada", WHY, "30 minutes", "can change nothing"):
        assert part in said


def test_a_person_without_a_verified_address_is_told_at_the_one_that_there_is(ada: User, ben: User) -> None:
    User.objects.filter(pk=ben.pk).update(email_verified_at=None)
    begun(ben, by=by(ada))
    assert Delivery.objects.filter(to=ben.email).count() == 1


def test_the_person_reads_afterwards_who_it_was_when_and_why(
    page: Browser, browser: Browse, ben: User
) -> None:
    page.post("/impersonation/end/")
    text = browser(ben).get("/account/sessions/").content.decode()
    for part in ("Administrators who acted as you", "Ada", WHY, "reading only"):
        assert part in text


def test_the_trail_says_who_why_and_when_it_ended(page: Browser, ada: User, ben: User) -> None:
    started = AuditEvent.objects.get(event="accounts:impersonation:started")
    assert (started.actor_name, started.subject_name) == (ada.username, ben.username)
    assert (started.details["reason"], started.details["mode"]) == (WHY, "read")
    page.post("/impersonation/end/")
    ended = AuditEvent.objects.get(event="accounts:impersonation:ended")
    assert (ended.actor_name, ended.subject_name) == (ada.username, ben.username)


def test_leaving_leads_back_to_the_persons_page_as_oneself(page: Browser, ada: User, ben: User) -> None:
    answer = page.post("/impersonation/end/")
    assert answer["Location"] == reverse("admin:accounts_user_change", args=[ben.pk])
    assert "You are yourself again." in page.get(answer["Location"]).content.decode()
    assert not Session.objects.filter(
        Session.live(now=timezone.now()), kind=SessionKind.IMPERSONATION
    ).exists()


def test_tokens_say_who_acts(program: Api, ada: User, ben: User, root: User, api: Call) -> None:
    assert program.tokens is not None
    claims = jwt.decode(program.tokens["access_token"], options={"verify_signature": False})
    assert (claims["sub"], claims["act"]) == (str(ben.uid), {"sub": str(ada.uid)})
    me = program.get("me/").json()
    assert me["user"]["username"] == ben.username
    assert me["session"]["kind"] == "impersonation"
    assert me["session"]["impersonator"] == {
        "id": str(ada.uid),
        "username": ada.username,
        "display_name": "Ada",
        "reads_only": True,
    }
    told = api(root).post("tokens/introspect/", {"token": program.tokens["access_token"]}).json()
    assert (told["active"], told["act"]) == (True, {"sub": str(ada.uid)})
    refreshed = api(None).post("tokens/refresh/", {"refresh_token": program.tokens["refresh_token"]})
    assert refreshed.status_code == 200
    again = jwt.decode(refreshed.json()["access_token"], options={"verify_signature": False})
    assert again["act"] == {"sub": str(ada.uid)}
    assert api(ada).get("me/").json()["session"]["impersonator"] is None


def test_nothing_of_the_persons_own_sign_ins_changes(ada: User, ben: User) -> None:
    rule = "security-authentication-rules.max-account-sessions"
    configure(Login__Security__Strict=True)
    configure(**{rule.replace("-", "_").replace(".", "__"): 1})
    own = cast.Api(ben)
    before = User.objects.values("last_login", "last_login_address", "security_version").get(pk=ben.pk)
    begun(ben, by=by(ada))
    assert own.get("me/").status_code == 200
    assert (
        User.objects.values("last_login", "last_login_address", "security_version").get(pk=ben.pk) == before
    )
    cast.Api(ben)
    assert (
        Session.objects.filter(Session.live(now=timezone.now()), kind=SessionKind.IMPERSONATION).count() == 1
    )


# --- only reading --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/cobrowse/agent/", "/", "/team/", "/account/sessions/end-others/"])
def test_a_page_that_only_reads_sends_nothing(page: Browser, path: str) -> None:
    answer = page.post(path, {"digits": "123456789"})
    assert answer.status_code == 403
    assert "Nothing was changed" in answer.content.decode()


@pytest.mark.parametrize("method", ["post", "patch", "delete"])
@pytest.mark.parametrize(
    "path",
    ["users/", "me/confirm/", "sessions/", "settings/", "/cobrowse/rest/live/sessions/123456789/join"],
)
def test_a_program_that_only_reads_sends_nothing(program: Api, method: str, path: str) -> None:
    given = () if method == "delete" else ({},)
    answer = getattr(program, method)(path, *given)
    assert (answer.status_code, answer.json()["code"]) == (403, "read_only")


def test_a_cookie_that_only_reads_changes_nothing_over_the_api(page: Browser, ben: User) -> None:
    answer = page.post("/api/v1/users/", {}, content_type="application/json")
    assert (answer.status_code, answer.json()["code"]) == (403, "read_only")


def test_who_said_that_he_has_to_may_change_what_the_person_may_and_is_named_beside_it(
    browser: Browse, root: User, ada: User, ben: User
) -> None:
    page = browser(root)
    assert act_as(page, ada, may_change="on").status_code == 302
    answer = page.patch(
        f"/api/v1/users/{ben.uid}/", {"display_name": "Benjamin"}, content_type="application/json"
    )
    assert answer.status_code == 200, answer.content
    event = AuditEvent.objects.filter(event="accounts:user:changed").latest("id")
    assert event.actor_name == ada.username
    assert (event.details["impersonator"], event.details["impersonator_uid"]) == (
        root.username,
        str(root.uid),
    )
    # Not what is the person's own, and not the administration.
    assert page.get("/admin/").status_code == 403
    assert page.post("/account/password/", {}).status_code == 403
    assert "can change what you can change" in str(Delivery.objects.get(to=ada.email).context)


@pytest.fixture
def as_ada(root: User, ada: User) -> Api:
    """Root's program, as Ada, with changes allowed."""
    answer = cast.Api(root).post(f"users/{ada.uid}/impersonate/", {"reason": WHY, "may_change": True})
    there = cast.Api(None)
    there.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
    return there


def test_with_changes_allowed_the_persons_own_account_stays_shut_over_the_api(as_ada: Api, ada: User) -> None:
    own = cast.Api(ada)
    principal = principal_of_session(str(own.session.uid))
    assert principal is not None
    draft = KeyDraft(user=ada, name="ci", scopes=["users:read"], days=9)
    key = make_key(draft, session=own.session, by=principal.actor(address=""), now=timezone.now())
    assert isinstance(key, ApiKey)
    assert as_ada.delete(f"api-keys/{key.uid}/").json()["code"] == "own_account"
    assert as_ada.patch(f"api-keys/{key.uid}/", {"name": "other"}).json()["code"] == "own_account"
    assert as_ada.delete(f"sessions/{own.session.uid}/").json()["code"] == "own_account"
    for changed in ({"display_name": "Not Ada"}, {"language": "de"}, {"must_change_password": True}):
        assert as_ada.patch(f"users/{ada.uid}/", changed).json()["code"] == "own_account"
    assert (
        as_ada.post(f"users/{ada.uid}/password/", {"password": "two kettles under the bridge 8"}).status_code
        == 409
    )
    for path in ("me/factors/", "me/password/", "me/confirm/", "api-keys/"):
        assert as_ada.post(path, {}).status_code in {400, 403, 405}, path
    assert own.get("me/").json()["user"]["display_name"] == "Ada"


def test_revisions_of_settings_say_who_really_did_it(
    as_ada: Api, root: User, ada: User, acme: Company
) -> None:
    given = {"values": {"Session.IdleLockMinutes": 30}, "reason": "x"}
    assert as_ada.patch(f"companies/{acme.uid}/settings/", given).status_code == 200
    revision = SettingsRevision.objects.get(company=acme)
    assert revision.author_name == f"{root.username} as {ada.username}"


# --- who may, and who may not --------------------------------------------------------------------------------------------


def refusal(user: User, *, by: Actor, **more: Any) -> str:
    found = begin(user, by=by, **more)
    assert isinstance(found, Denied), found
    return found.code


def test_only_people_below_oneself_and_in_reach(ada: User, ben: User, cleo: User, root: User) -> None:
    assert refusal(root, by=by(ada)) == "not_found"
    assert refusal(cleo, by=by(ada)) == "not_found"
    assert refusal(ada, by=by(ada)) == "own_account"
    peer = cast.person("peer@acme.example", company=ada.company, role=cast.COMPANY_ADMINISTRATOR)
    assert refusal(peer, by=by(ada)) == "rank_too_high"
    assert refusal(ada, by=by(ben)) == "not_found"
    assert not Session.objects.filter(kind=SessionKind.IMPERSONATION).exists()


def test_who_may_do_something_that_the_administrator_may_not_is_not_below(ada: User, ben: User) -> None:
    role = Role.objects.create(name="Odd", rank=5, company=ada.company)
    role.privileges.add(Privilege.objects.create(application="Elsewhere", name="Everything"))
    ben.roles.add(role)
    assert refusal(ben, by=by(ada)) == "privilege_not_held"


def test_without_the_privilege_the_recent_proof_or_a_sign_in_nobody_does(ada: User, ben: User) -> None:
    actor = by(ada)
    Session.objects.filter(uid=actor.sign_in).update(confirmed_at=timezone.now() - timedelta(minutes=11))
    assert refusal(ben, by=actor) == "confirm_first"
    assert refusal(ben, by=system_actor()) == "confirm_first"
    _loses_the_privilege(ada, ben)
    assert refusal(ben, by=by(ada)) == "forbidden"


@pytest.mark.parametrize("reason", ["", "  ", "x" * 301])
def test_a_reason_is_needed(ada: User, ben: User, reason: str) -> None:
    found = begin(ben, by=by(ada), reason=reason)
    assert isinstance(found, Denied)
    assert found.field == "reason"


def test_nobody_acts_as_who_cannot_sign_in(ada: User, ben: User) -> None:
    lock_user(ben, reason="x", by=cast.acting(ada), now=timezone.now())
    ben.refresh_from_db()
    assert refusal(ben, by=by(ada)) == "cannot_sign_in"


def test_nobody_goes_on_from_one_person_to_the_next(program: Api, page: Browser, acme: Company) -> None:
    other = cast.person("other@acme.example", company=acme, role=cast.MEMBER)
    assert program.post(f"users/{other.uid}/impersonate/", {"reason": WHY}).status_code == 403
    assert act_as(page, other).status_code == 403
    assert Session.objects.filter(kind=SessionKind.IMPERSONATION).count() == 2


def test_the_door_of_the_api_refuses_as_the_page_does(api: Call, ada: User, ben: User, cleo: User) -> None:
    own = api(ada)
    assert own.post(f"users/{cleo.uid}/impersonate/", {"reason": WHY}).status_code == 404
    assert own.post(f"users/{ben.uid}/impersonate/", {}).status_code == 400
    assert own.post(f"users/{ben.uid}/impersonate/", {"reason": WHY, "mode": "x"}).status_code == 400
    assert own.post(f"users/{ben.uid}/impersonate/", {"reason": 7}).status_code == 400
    assert api(ben).post(f"users/{ben.uid}/impersonate/", {"reason": WHY}).status_code == 404
    assert api(None).post(f"users/{ben.uid}/impersonate/", {"reason": WHY}).status_code == 401
    Session.objects.filter(pk=own.session.pk).update(confirmed_at=timezone.now() - timedelta(minutes=11))
    with unit():
        epoch.bump()
    late = own.post(f"users/{ben.uid}/impersonate/", {"reason": WHY})
    assert (late.status_code, late.json()["code"]) == (403, "confirm_first")


# --- what ends it --------------------------------------------------------------------------------------------------------


def _signs_out(ada: User, ben: User) -> None:
    end_all(ada, reason="signed_out", origin=Origin(), now=timezone.now())


def _is_locked(ada: User, ben: User) -> None:
    lock_user(
        ada,
        reason="x",
        by=cast.acting(cast.person("r@x.example", company=None, role=cast.FULL)),
        now=timezone.now(),
    )


def _loses_the_privilege(ada: User, ben: User) -> None:
    from tenants.services import RoleDraft, change_role

    role = Role.objects.get(name=cast.COMPANY_ADMINISTRATOR, company=None)
    left = [one for one in role.privileges.all() if one.name != "Users - Impersonate"]
    changed = change_role(role, RoleDraft(privileges=left), by=system_actor(), now=timezone.now())
    assert not isinstance(changed, Denied), changed


def _ben_rises(ada: User, ben: User) -> None:
    from accounts.people import UserDraft, change_user

    role = Role.objects.get(name=cast.COMPANY_ADMINISTRATOR, company=None)
    changed = change_user(ben, UserDraft(roles=[role]), by=system_actor(), now=timezone.now())
    assert not isinstance(changed, Denied), changed


def _ben_is_locked(ada: User, ben: User) -> None:
    lock_user(ben, reason="x", by=cast.acting(ada), now=timezone.now())


@pytest.mark.parametrize(
    "ends",
    [_signs_out, _is_locked, _loses_the_privilege, _ben_rises, _ben_is_locked],
    ids=lambda one: one.__name__,
)
def test_it_ends_with_what_it_stood_on(program: Api, ada: User, ben: User, api: Call, ends: Any) -> None:
    assert program.get("me/").status_code == 200
    ends(ada, ben)
    assert program.get("me/").status_code == 401
    assert program.tokens is not None
    assert (
        api(None).post("tokens/refresh/", {"refresh_token": program.tokens["refresh_token"]}).status_code
        == 401
    )


def test_tokens_are_worth_nothing_while_the_page_behind_them_is_idle(
    browser: Browse, ada: User, ben: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = browser(ada)
    answer = page.post(
        f"/api/v1/users/{ben.uid}/impersonate/", {"reason": WHY}, content_type="application/json"
    )
    there = cast.Api(None)
    there.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
    assert there.get("me/").status_code == 200
    Session.objects.filter(user=ada).update(seen_at=timezone.now() - timedelta(minutes=16))
    with unit():
        epoch.bump()
    assert there.get("me/").status_code == 401
    Session.objects.filter(user=ada).update(seen_at=timezone.now())
    assert there.get("me/").status_code == 200


def test_after_its_time_the_browser_does_nothing_as_its_own_person_unasked(
    page: Browser, ada: User, ben: User
) -> None:
    Session.objects.filter(kind=SessionKind.IMPERSONATION).update(
        expires_at=timezone.now() - timedelta(seconds=1)
    )
    end_all(ben, reason="x", origin=Origin(), now=timezone.now())
    path = f"/api/v1/users/{ben.uid}/"
    late = page.patch(path, {"display_name": "Oops"}, content_type="application/json")
    assert (late.status_code, late.json()["code"]) == (403, "impersonation_over")
    ben.refresh_from_db()
    assert ben.display_name == "Ben"
    # The cookie is gone with that answer, and the browser is Ada's own.
    assert page.cookies[IMPERSONATION_COOKIE].value == ""
    assert page.get("/admin/").status_code == 200


def test_after_its_time_a_page_says_that_one_is_oneself_again(page: Browser, ben: User) -> None:
    end_all(ben, reason="x", origin=Origin(), now=timezone.now())
    answer = page.get("/")
    assert answer.status_code == 403
    assert "You are yourself again" in answer.content.decode()
    assert page.get("/").status_code == 200


def test_signing_out_ends_both(page: Browser, ada: User) -> None:
    page.post("/logout/")
    assert not Session.objects.filter(Session.live(now=timezone.now())).exists()
    assert page.get("/admin/").status_code == 302


def test_the_cookie_is_nothing_without_the_sign_in_that_began_it(
    page: Browser, browser: Browse, ben: User, cleo: User
) -> None:
    stolen = page.cookies[IMPERSONATION_COOKIE].value
    alone = browser()
    alone.cookies[IMPERSONATION_COOKIE] = stolen
    assert alone.get("/account/").status_code == 302
    as_session = browser()
    as_session.cookies[SESSION_COOKIE] = stolen
    assert as_session.get("/account/").status_code == 302
    for other in (cleo, ben):
        with_own = browser(other)
        with_own.cookies[IMPERSONATION_COOKIE] = stolen
        assert with_own.get("/").status_code == 403
        assert with_own.get("/account/").status_code == 200


def test_a_second_person_ends_the_first(browser: Browse, ada: User, ben: User, acme: Company) -> None:
    actor = by(ada)
    other = cast.person("other@acme.example", company=acme, role=cast.MEMBER)
    first = begun(ben, by=actor)
    begun(other, by=actor)
    first.session.refresh_from_db()
    assert (first.session.ended_at is not None, first.session.ended_reason) == (True, "impersonation_over")


def _time_is_over(ada: User, ben: User) -> None:
    Session.objects.filter(kind=SessionKind.IMPERSONATION).update(expires_at=timezone.now())
    end_in_books(now=timezone.now())


def _the_person_ends_it(ada: User, ben: User) -> None:
    place = Session.objects.get(kind=SessionKind.IMPERSONATION)
    cast.browser(ben).post(f"/account/sessions/{place.uid}/end/")


def _the_token_is_revoked(ada: User, ben: User) -> None:
    place = Session.objects.get(kind=SessionKind.IMPERSONATION)
    token = access_token(place, now=timezone.now())[0]
    cast.Api(None).post("tokens/revoke/", {"token": token})


@pytest.mark.parametrize(
    "ends",
    [_signs_out, _is_locked, _ben_is_locked, _time_is_over, _the_person_ends_it, _the_token_is_revoked],
    ids=lambda one: one.__name__,
)
def test_every_end_stands_in_the_trail_once(program: Api, ada: User, ben: User, ends: Any) -> None:
    ends(ada, ben)
    end_in_books(now=timezone.now())
    event = AuditEvent.objects.get(event="accounts:impersonation:ended")
    assert event.subject_name == ben.username
    assert not Session.objects.filter(kind=SessionKind.IMPERSONATION, ended_at=None).exists()


def test_the_person_sees_it_among_the_own_sessions_and_ends_it(
    program: Api, browser: Browse, ada: User, ben: User
) -> None:
    own = browser(ben)
    text = own.get("/account/sessions/").content.decode()
    assert "Ada" in text
    place = Session.objects.get(kind=SessionKind.IMPERSONATION)
    own.post(f"/account/sessions/{place.uid}/end/")
    assert program.get("me/").status_code == 401


@pytest.mark.django_db(transaction=True)
def test_of_many_at_once_from_one_sign_in_one_is_left(ada: User, ben: User) -> None:
    actor = by(ada)
    in_parallel(8, lambda _n: begin(ben, by=actor))
    live = Session.objects.filter(Session.live(now=timezone.now()), kind=SessionKind.IMPERSONATION)
    assert live.count() == 1
