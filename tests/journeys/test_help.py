"""Behaviour `agent`: an administrator makes sure of the person, and this one sign-in goes on (mission T4)."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts.impersonation import begin_impersonation
from accounts.limits import unlock_user
from accounts.models import ApiKey, Session, User
from accounts.people import UserDraft, change_user, lock_user
from accounts.principal import principal_of_session
from accounts.sessions import end_all
from audit.models import AuditEvent
from audit.record import Origin
from core import oath, sealed
from core.db import unit
from delivery.models import Delivery
from login.help.answering import TWICE, confirm_person
from login.help.asking import number_of
from login.housekeeping import prune
from login.models import HelpRequest
from tenants.actor import Actor, system_actor
from tenants.models import Company, Role
from tests import cast
from tests.cast import Api
from tests.journeys.doors import ApiDoor, Door, Said, WebDoor, sign_in
from tests.journeys.stage import NEW_PASSWORD, PASSWORD, Post, Time, configure
from tests.journeys.test_settings_of_the_factor import ADA, BEN, turn_on, wrong
from tests.parallel import in_parallel
from twofactor.models import Factor
from twofactor.services.two_persons import TOO_NEW

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db]
HOW = "called back on the number of the staff list"


@pytest.fixture(autouse=True)
def agent(acme: Company) -> None:
    """Whoever has no way to prove it, is helped."""
    configure(TwoFactor__Policy="required", TwoFactor__NoVerifiedContactBehaviour="agent")


@pytest.fixture
def asked(door: Door, ben: User, ada: User, clock: Time) -> HelpRequest:
    """Ben, who has no way to prove it, has asked."""
    clock.forward(minutes=1)
    User.objects.filter(pk=ben.pk).update(email_verified_at=None)
    said = sign_in(door, BEN, PASSWORD)
    assert said.step == "help", said
    assert not HelpRequest.objects.exists()  # nothing is asked for by looking
    said = door.take("help")
    assert said.step == "help", said
    return HelpRequest.objects.get()


def read_out(said: Said) -> str:
    """The number, as the person sees it."""
    return str(said.facts.get("number") or "".join(one for one in said.text if one.isdigit()))


def answer(request: HelpRequest, by: User, verb: str = "confirm", **given: Any) -> Any:
    """This administrator's answer over REST."""
    wanted = {"number": number_of(request), "how": HOW} if verb == "confirm" else {"why": "a stranger"}
    return Api(by).post(f"help-requests/{request.uid}/{verb}/", wanted | given)


def app_code(user: User) -> str:
    """What the app shows that this person is setting up."""
    factor = Factor.objects.get(user=user, kind="totp")
    step = oath.step_at(timezone.now().timestamp())
    return oath.code_at(sealed.unseal(factor, "secret"), step, algorithm="SHA1", digits=6)


def actor(user: User) -> Actor:
    principal = principal_of_session(str(Api(user).session.uid))
    assert principal is not None
    return principal.actor(address="192.0.2.1")


def events(*names: str) -> list[str]:
    return list(
        AuditEvent.objects.filter(event__in=[f"login:help:{one}" for one in names]).values_list(
            "event", flat=True
        )
    )


# --- the story


def test_an_administrator_lets_this_one_sign_in_go_on(
    door: Door, asked: HelpRequest, ada: User, ben: User
) -> None:
    assert number_of(asked) in read_out(door.take("help"))
    assert not door.is_in()
    found = answer(asked, ada)
    assert (found.status_code, found.json()["state"]) == (200, "confirmed"), found.content
    assert door.take("help").step == "done"
    assert door.is_in()
    session = Session.objects.get(user=ben, ended_at=None)
    assert session.methods == ["pwd", "helped"]  # which stands for no second factor wherever one is asked for
    assert events("asked", "confirmed") == ["login:help:confirmed", "login:help:asked"]
    told = [one.context["sentence"] for one in Delivery.objects.filter(template="notice").order_by("id")]
    assert ["asked an administrator for help" in told[0], "Ada" in told[1]] == [True, True]
    # The next sign-in asks anew.
    assert sign_in(door.stranger(), BEN, PASSWORD).step == "help"


def test_the_page_goes_on_by_itself(asked: HelpRequest, ada: User, door: Door) -> None:
    if not isinstance(door, WebDoor):
        return
    page = door.open("/login/help/")
    number = number_of(asked)
    assert f"{number[:3]} {number[3:]}" in page.text
    assert b'http-equiv="refresh"' in door.answer.content
    answer(asked, ada)
    page = door.open("/login/help/")
    assert "made sure that it is you" in page.text
    assert number not in page.text.replace(" ", "")
    assert not door.is_in()  # no session is given by merely looking
    assert door.take("help").step == "done"


def test_by_the_administration(asked: HelpRequest, ada: User, door: Door) -> None:
    browser = cast.browser(ada)
    listed = browser.get(reverse("admin:login_helprequest_changelist")).content.decode()
    shown = browser.get(reverse("admin:login_helprequest_change", args=[asked.pk])).content.decode()
    assert BEN in listed
    assert BEN in shown
    assert "People asking for help" in browser.get("/admin/").content.decode()
    number = number_of(asked)
    assert number not in listed + shown
    path = reverse("admin:login_helprequest_confirm", args=[asked.pk])
    assert number not in browser.get(path).content.decode()
    refused = browser.post(path, {"number": wrong(number), "how": HOW})
    assert "not the number" in refused.content.decode()
    assert browser.post(path, {"number": f"{number[:3]} {number[3:]}", "how": HOW}).status_code == 302
    assert door.take("help").step == "done"


def test_denied(asked: HelpRequest, ada: User, door: Door) -> None:
    assert answer(asked, ada, "deny").json()["state"] == "denied"
    said = door.take("help")
    assert (said.step, said.status) == ("ended", 401)
    assert "could not make sure" in said.text
    assert not door.is_in()
    assert answer(asked, ada).json()["code"] == "not_waiting"


def test_the_page_of_who_was_denied_says_so(asked: HelpRequest, ada: User, door: Door) -> None:
    if isinstance(door, WebDoor):
        answer(asked, ada, "deny")
        assert "could not make sure" in door.open("/login/help/").text


# --- every place where the settings allow it


@pytest.mark.parametrize("option", ["MaxCodeChecks", "MaxCodeSends"])
def test_after_the_codes_are_used_up(
    door: Door, ben: User, ada: User, post: Post, clock: Time, option: str
) -> None:
    turn_on(ben)
    clock.forward(minutes=5)
    configure(**{f"TwoFactor__{option}": 1, f"TwoFactor__BehaviourAfter{option}": "agent"})
    assert sign_in(door, BEN, PASSWORD).step == "code"
    code = post.code(BEN)
    clock.forward(minutes=2)
    said = door.take("resend") if option == "MaxCodeSends" else door.take("code", code=wrong(code))
    said = said if said.step == "help" else door.take("code", code=wrong(code))
    assert said.step == "help", said
    assert door.take("code", code=code).step == "help"  # the right code comes too late
    assert not door.is_in()
    clock.forward(minutes=1)
    door.take("help")
    request = HelpRequest.objects.get()
    assert request.reason in {"sends_used_up", "checks_used_up"}
    assert answer(request, ada).status_code == 200
    assert door.take("help").step == "done"


def test_not_where_a_session_is_confirmed(door: Door, ben: User) -> None:
    configure(TwoFactor__Policy="off")
    assert sign_in(door, BEN, PASSWORD).step == "done"
    User.objects.filter(pk=ben.pk).update(email_verified_at=None)
    configure(TwoFactor__Policy="required")
    assert door.confirm().step == "password"
    assert door.take("password", password=PASSWORD).step == "ended"
    assert not HelpRequest.objects.exists()


def test_not_where_a_password_is_forgotten(door: Door, ben: User, post: Post) -> None:
    configure(TwoFactor__Policy="off")
    door.forgotten(BEN)
    link = post.link(BEN)
    configure(TwoFactor__Policy="required", TwoFactor__CodeGeneration="external")
    said = door.use(link)
    assert said.step == "ended", said
    assert not HelpRequest.objects.exists()


# --- two administrators for an administrator


@pytest.fixture
def eve(acme: Company) -> User:
    """Another administrator of Acme."""
    return cast.person("eve@acme.example", company=acme, role=cast.COMPANY_ADMINISTRATOR)


@pytest.fixture
def other(acme: Company) -> User:
    """A third one."""
    return cast.person("ora@acme.example", company=acme, role=cast.COMPANY_ADMINISTRATOR)


@pytest.fixture
def of_ada(door: Door, ada: User, eve: User, other: User, clock: Time) -> HelpRequest:
    """Ada, who administers, has asked."""
    clock.forward(days=1, minutes=1)
    User.objects.filter(pk=ada.pk).update(email_verified_at=None)
    assert sign_in(door, ADA, PASSWORD).step == "help"
    door.take("help")
    return HelpRequest.objects.get()


def test_it_takes_two(door: Door, of_ada: HelpRequest, eve: User, other: User) -> None:
    first = answer(of_ada, eve).json()
    assert (first["state"], first["needed"]) == ("waiting", 2)
    said = door.take("help")
    assert said.step == "help"
    assert not door.is_in()
    assert answer(of_ada, eve).json()["code"] == "already_confirmed"
    assert door.take("help").step == "help"
    assert answer(of_ada, other).json()["state"] == "confirmed"
    assert door.take("help").step == "done"
    assert events("confirmedonce", "confirmed") == ["login:help:confirmed", "login:help:confirmedonce"]


def test_the_person_is_none_of_the_two(of_ada: HelpRequest, ada: User) -> None:
    assert answer(of_ada, ada).json()["code"] == "own_account"


def test_the_second_is_none_whom_the_first_made_meanwhile(
    of_ada: HelpRequest, acme: Company, eve: User
) -> None:
    answer(of_ada, eve)
    puppet = cast.person("puppet@acme.example", company=acme, role=cast.COMPANY_ADMINISTRATOR)
    assert answer(of_ada, puppet).json()["code"] == TOO_NEW.code


def test_nor_whose_password_was_replaced_meanwhile(of_ada: HelpRequest, eve: User, other: User) -> None:
    answer(of_ada, eve)
    User.objects.filter(pk=other.pk).update(password_changed_at=timezone.now())
    assert answer(of_ada, other).json()["code"] == TOO_NEW.code


def test_the_word_of_one_who_was_locked_meanwhile_does_not_count(
    of_ada: HelpRequest, eve: User, other: User, root: User
) -> None:
    answer(of_ada, eve)
    lock_user(eve, reason="gone", by=cast.acting(root), now=timezone.now())
    assert answer(of_ada, other).json()["state"] == "waiting"


@pytest.mark.django_db(transaction=True)
def test_one_administrator_twice_at_once_is_one(acme: Company, ada: User, eve: User) -> None:
    User.objects.filter(pk=ada.pk).update(email_verified_at=None)
    door = ApiDoor()
    sign_in(door, ADA, PASSWORD)
    door.take("help")
    User.objects.update(created_at=timezone.now() - timedelta(days=9), password_changed_at=None)
    request, by, found = HelpRequest.objects.get(), actor(eve), list[Any]()

    def confirm(_number: int) -> None:
        given = {"number": number_of(request), "how": HOW}
        found.append(confirm_person(request, **given, by=by, now=timezone.now()))

    in_parallel(4, confirm)
    assert [one is TWICE for one in found].count(True) == 3, found
    request.refresh_from_db()
    assert request.state == "waiting"


# --- who may not


def test_neither_a_key_nor_who_acts_as_another(asked: HelpRequest, ada: User, root: User) -> None:
    given = {"number": number_of(asked), "how": HOW, "now": timezone.now()}
    assert confirm_person(asked, **given, by=system_actor()).code == "confirm_first"  # type: ignore[union-attr]
    begun = begin_impersonation(ada, reason="why", may_change=True, by=actor(root), now=timezone.now())
    principal = principal_of_session(str(begun.session.uid))  # type: ignore[union-attr]
    assert principal is not None
    denied = confirm_person(asked, **given, by=principal.actor(address=""))
    assert denied.code in {"confirm_first", "not_found", "forbidden"}  # type: ignore[union-attr]


def test_nor_who_was_let_in_by_help_himself(asked: HelpRequest, ada: User) -> None:
    there = Api(ada)
    Session.objects.filter(pk=there.session.pk).update(methods=["pwd", "otp", "helped"])
    found = there.post(f"help-requests/{asked.uid}/confirm/", {"number": number_of(asked), "how": HOW})
    assert found.json()["code"] == "forbidden"


def test_nor_who_has_not_proved_it_recently(asked: HelpRequest, ada: User) -> None:
    there = Api(ada)
    Session.objects.filter(pk=there.session.pk).update(confirmed_at=timezone.now() - timedelta(hours=1))
    found = there.post(f"help-requests/{asked.uid}/confirm/", {"number": number_of(asked), "how": HOW})
    assert found.json()["code"] == "confirm_first"


def test_nor_of_another_company_nor_without_the_privilege(
    asked: HelpRequest, globex: Company, acme: Company
) -> None:
    elsewhere = cast.person("gus@globex.example", company=globex, role=cast.COMPANY_ADMINISTRATOR)
    agent = cast.person("agnes@acme.example", company=acme, role=cast.AGENT)
    for user in (elsewhere, agent):
        assert answer(asked, user).status_code in {403, 404}
        assert answer(asked, user, "deny").status_code in {403, 404}
        listed = Api(user).get("help-requests/")
        assert listed.status_code == 403 or not listed.json()["results"]
    asked.refresh_from_db()
    assert asked.state == "waiting"


def test_nor_who_stands_below(of_ada: HelpRequest, ada: User, acme: Company) -> None:
    low = Role.objects.create(name="Help desk", rank=20, company=acme)
    agent = Role.objects.get(name=cast.COMPANY_ADMINISTRATOR, company=None)
    low.privileges.set(
        agent.privileges.filter(name__in=["Help - Answer", "Users - View", "Administration - Open"])
    )
    low.permissions.create(kind="*", reach="own")
    desk = cast.person("desk@acme.example", company=acme, role=cast.MEMBER)
    desk.roles.set([low])
    found = answer(of_ada, desk)
    assert found.status_code == 403, found.content
    assert answer(of_ada, desk, "deny").status_code == 403


# --- late, wrong, withdrawn


def test_three_wrong_numbers_deny_it(asked: HelpRequest, ada: User, door: Door) -> None:
    number = wrong(number_of(asked))
    for _attempt in range(3):
        assert answer(asked, ada, number=number).json()["code"] == "number_wrong"
    assert answer(asked, ada).json()["code"] == "not_waiting"
    assert door.take("help").step == "ended"
    assert len(events("refused")) == 3


def test_what_was_withdrawn_is_not_answered(asked: HelpRequest, ada: User, door: Door) -> None:
    if not isinstance(door, WebDoor):
        return  # a program has nothing to withdraw by: it lets the time pass
    door.post("/login/cancel/")
    found = answer(asked, ada)
    assert (found.status_code, found.json()["code"]) == (409, "not_waiting")
    asked.refresh_from_db()
    assert asked.state == "withdrawn"
    assert door.open("/login/help/").text
    assert not door.is_in()


def test_what_is_too_old_is_not_answered(
    door: Door, ben: User, ada: User, clock: Time, acme: Company
) -> None:
    User.objects.filter(pk=ben.pk).update(email_verified_at=None)
    sign_in(door, BEN, PASSWORD)
    clock.forward(minutes=10)
    door.take("help")
    clock.forward(minutes=29)
    assert door.take("help").step == "help"
    clock.forward(minutes=1)
    request = HelpRequest.objects.get()
    assert answer(request, ada).json()["code"] == "not_waiting"
    shown = Api(ada).get(f"help-requests/{request.uid}/").json()
    assert shown["state"] == "expired"
    assert not Api(ada).get("help-requests/?state=waiting").json()["results"]
    assert len(Api(ada).get("help-requests/?state=expired").json()["results"]) == 1
    assert door.take("help").step == "ended"
    prune(now=timezone.now())
    request.refresh_from_db()
    assert request.state == "expired"
    prune(now=timezone.now() + timedelta(days=31))
    assert not HelpRequest.objects.exists()


def test_who_is_confirmed_and_does_not_go_on_is_out(door: Door, ben: User, ada: User, clock: Time) -> None:
    User.objects.filter(pk=ben.pk).update(email_verified_at=None)
    clock.forward(minutes=5)
    sign_in(door, BEN, PASSWORD)
    door.take("help")
    answer(HelpRequest.objects.get(), ada)
    clock.forward(minutes=15)
    assert door.take("help").step == "ended"
    assert not door.is_in()


def test_an_account_that_changed_meanwhile_is_not_let_in(
    asked: HelpRequest, ada: User, ben: User, root: User, door: Door
) -> None:
    lock_user(ben, reason="stolen", by=cast.acting(root), now=timezone.now())
    assert answer(asked, ada).json()["code"] == "not_waiting"
    assert door.take("help").step == "ended"


def test_nor_whoever_has_become_an_administrator_since_for_whom_it_takes_two(
    asked: HelpRequest, ada: User, root: User, ben: User, door: Door
) -> None:
    assert answer(asked, ada).status_code == 200
    role = Role.objects.get(name=cast.COMPANY_ADMINISTRATOR, company=None)
    change_user(ben, UserDraft(roles=[role]), by=cast.acting(root), now=timezone.now())
    said = door.take("help")
    assert said.step != "done", said
    assert not door.is_in()
    assert AuditEvent.objects.filter(event="login:attempt:denied", details__reason="help_denied").exists()


def test_nor_one_that_changed_after_the_answer(
    asked: HelpRequest, ada: User, ben: User, root: User, door: Door
) -> None:
    answer(asked, ada)
    lock_user(ben, reason="stolen", by=cast.acting(root), now=timezone.now())
    assert door.take("help").step == "ended"
    assert not door.is_in()


def test_the_answer_is_for_who_asked_alone(asked: HelpRequest, ada: User, door: Door) -> None:
    other = door.stranger()
    assert sign_in(other, BEN, PASSWORD).step == "help"
    answer(asked, ada)
    assert other.take("help").step == "help"
    assert not other.is_in()


def test_three_a_day(door: Door, ben: User) -> None:
    User.objects.filter(pk=ben.pk).update(email_verified_at=None)
    for _time in range(3):
        sign_in(door, BEN, PASSWORD)
        assert door.take("help").step == "help"
    sign_in(door, BEN, PASSWORD)
    said = door.take("help")
    assert (said.status, HelpRequest.objects.count()) == (429, 3)
    assert "Too many" in said.text, said.text


def test_whoever_unlocks_gives_new_requests(door: Door, ben: User, ada: User) -> None:
    User.objects.filter(pk=ben.pk).update(email_verified_at=None)
    for _time in range(4):
        sign_in(door, BEN, PASSWORD)
        door.take("help")
    page = cast.browser(ada).get(reverse("admin:accounts_user_change", args=[ben.pk])).content.decode()
    assert "Requests for help: refused" in page
    assert reverse("admin:accounts_user_unlock", args=[ben.pk]) in page
    assert unlock_user(ben, by=cast.acting(ada), now=timezone.now()) is None
    sign_in(door, BEN, PASSWORD)
    assert door.take("help").status == 200


def test_help_is_no_way_round_the_first_proof(door: Door, ben: User) -> None:
    User.objects.filter(pk=ben.pk).update(email_verified_at=None)
    door.begin(BEN)
    assert door.take("help").step == "password"
    assert not HelpRequest.objects.exists()


def test_nor_round_a_factor_that_there_is(door: Door, ben: User) -> None:
    turn_on(ben)
    assert sign_in(door, BEN, PASSWORD).step == "code"
    assert door.take("help").step == "code"
    assert not HelpRequest.objects.exists()


def test_a_helped_session_is_over_when_everything_ends(
    asked: HelpRequest, ada: User, ben: User, door: Door
) -> None:
    answer(asked, ada)
    door.take("help")
    with unit():
        end_all(ben, reason="changed", origin=Origin(), now=timezone.now())
    assert not door.is_in()


# --- what whoever was let in may do


def test_typing_the_name_anew_leaves_nobody_waiting(asked: HelpRequest, ada: User, door: Door) -> None:
    if not isinstance(door, WebDoor):
        return  # a program that begins anew has two sign-ins
    door.begin(BEN)
    asked.refresh_from_db()
    assert asked.state == "withdrawn"
    assert answer(asked, ada).json()["code"] == "not_waiting"


def test_in_a_helped_session_a_factor_is_turned_on_first(
    asked: HelpRequest, ada: User, ben: User, door: Door, clock: Time
) -> None:
    answer(asked, ada)
    door.take("help")
    user = User.objects.get(pk=ben.pk)
    if isinstance(door, ApiDoor):
        refused = door.post("/api/v1/me/email/", {"email": "eve@evil.example"}, bearer=door.access)
        assert refused.facts["code"] == "factor_needed_first", refused
        key = {"name": "nightly", "scopes": ["users:read"], "days": 3}
        assert door.post("/api/v1/api-keys/", key, bearer=door.access).status in {403, 409}
        begun = door.post("/api/v1/me/factors/", {"kind": "totp"}, bearer=door.access)
        assert begun.status == 200, begun
        path, code = f"/api/v1/me/factors/{begun.facts['id']}/confirm/", app_code(user)
        assert door.post(path, {"code": code}, bearer=door.access).status == 200
        again = door.post("/api/v1/me/email/", {"email": "eve@evil.example"}, bearer=door.access)
        assert (
            again.facts["code"] == "confirm_first"
        )  # by the new factor: the password alone had let nobody in
        return
    assert isinstance(door, WebDoor)
    door.open("/account/contacts/")
    form = next(one for one in door.page.forms if one.action == "/account/contacts/email/")
    assert "Turn one on first" in door.send(form, email="eve@evil.example").text
    form = next(one for one in door.open("/account/keys/new/").forms if "name" in one.values)
    assert "let you in without a second factor" in door.send(form, name="nightly", days="3").text
    assert not ApiKey.objects.exists()
    page = door.open("/account/security/app/")
    assert not page.errors
    assert "/account/security/app/" in door.address


def test_the_list_asks_as_much_for_many_as_for_one(
    asked: HelpRequest, ada: User, acme: Company, door: Door
) -> None:
    if not isinstance(door, ApiDoor):
        return

    def questions() -> int:
        there = Api(ada)
        there.get("help-requests/")
        with CaptureQueriesContext(connection) as seen:
            assert there.get("help-requests/").status_code == 200
        return len(seen)

    one = questions()
    for number in range(5):
        user = cast.person(f"p{number}@acme.example", company=acme, role=cast.COMPANY_ADMINISTRATOR)
        now = timezone.now()
        HelpRequest.objects.create(
            user=user, company=acme, reason="no_method", created_at=now, expires_at=now
        )
    assert questions() == one
    needed = {row["username"]: row["needed"] for row in Api(ada).get("help-requests/").json()["results"]}
    assert (needed[BEN], needed["p1@acme.example"]) == (1, 2)


def test_whoever_has_no_password_sets_none_in_a_helped_session(
    api: ApiDoor, ben: User, ada: User, post: Post, clock: Time
) -> None:
    User.objects.filter(pk=ben.pk).update(password="!x", password_changed_at=None)
    clock.forward(minutes=1)
    api.magic(BEN)
    assert api.use(post.link(BEN)).step == "help"
    api.take("help")
    answer(HelpRequest.objects.get(), ada)
    assert api.take("help").step == "done"
    said = api.post("/api/v1/me/password/", {"new_password": NEW_PASSWORD}, bearer=api.access)
    assert said.status in {403, 409}, said


def test_a_word_that_counts_no_longer_can_be_said_anew(
    of_ada: HelpRequest, eve: User, other: User, door: Door
) -> None:
    answer(of_ada, eve)
    User.objects.filter(pk=eve.pk).update(security_version=eve.security_version + 1)
    eve.refresh_from_db()
    if isinstance(door, ApiDoor):
        assert door.take("help").facts["status"] == "waiting"
    assert answer(of_ada, other).json()["state"] == "waiting"
    assert answer(of_ada, eve).json()["state"] == "confirmed"


def test_nor_whose_right_was_given_meanwhile(of_ada: HelpRequest, eve: User, other: User) -> None:
    answer(of_ada, eve)
    User.objects.filter(pk=other.pk).update(admin_changed_at=timezone.now())
    assert answer(of_ada, other).json()["code"] == TOO_NEW.code


def test_one_denies_an_administrators_request(of_ada: HelpRequest, eve: User, door: Door) -> None:
    assert answer(of_ada, eve, "deny").json()["state"] == "denied"
    assert door.take("help").step == "ended"


def test_who_waits_learns_by_the_same_step_of_a_due_change(
    asked: HelpRequest, ada: User, ben: User, door: Door
) -> None:
    User.objects.filter(pk=ben.pk).update(must_change_password=True)
    answer(asked, ada)
    said = door.take("help")
    assert (said.step, said.refused) == ("change-password", False)


def test_who_is_denied_is_told(asked: HelpRequest, ada: User) -> None:
    answer(asked, ada, "deny")
    told = Delivery.objects.filter(template="notice").order_by("-id").first()
    assert told is not None
    assert "could not make sure" in told.context["sentence"]
