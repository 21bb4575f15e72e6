"""When a verification service is asked and which one, what it counts for elsewhere, and many at once; through both doors."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import connection
from django.utils import timezone
from pytest_django import Settings

from accounts.models import Session, User
from tenants.models import Company
from tests import cast
from tests.attacks.parallel import at_once
from tests.journeys.doors import ApiDoor, Door, WebDoor, sign_in
from tests.journeys.outside_stage import *  # noqa: F403
from tests.journeys.outside_stage import ADA, BEN, MILLISECONDS, _service  # noqa: F401
from tests.journeys.stage import NEW_PASSWORD, PASSWORD, Post, Time, configure
from tests.services.verification import APP, Service, verification_service
from tests.waiting import until
from twofactor.models import Challenge, Factor, FactorKind

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db]
RIGHT = "AB-12"
NOBODY_JUDGES = "the service that checks it does not answer"


@pytest.fixture(scope="module")
def of_test() -> Iterator[Service]:
    """The one of the mode test; made before time stands still, or its certificate would be one of that day."""
    with verification_service() as running:
        yield running


# --- when it is asked, and which


def test_it_is_asked_about_nobody_before_the_password_and_of_nobody_who_needs_no_second_factor(
    door: Door, ben: User, service: Service
) -> None:
    door.begin(BEN)
    door.take("password", password="a wrong guess")
    sign_in(door.stranger(), "nobody@acme.example", "a wrong guess")
    configure(TwoFactor__Policy="optional")
    assert sign_in(door.stranger(), BEN, PASSWORD).step == "done"
    assert not service.calls


def test_the_mode_says_which_of_two_addresses_is_asked(
    door: Door, ben: User, service: Service, of_test: Service, settings: Settings, tmp_path: Path
) -> None:
    of_test.calls.clear()
    of_test.codes = {"app": "of the test"}
    both = tmp_path / "both.pem"
    both.write_text(service.authority.read_text() + of_test.authority.read_text())
    settings.OUTBOUND_CA_FILE = str(both)
    configure(TwoFactor__WebServiceUrlTest=f"{of_test.url}/", TwoFactor__WebServiceMode="test")
    one = door.stranger()
    sign_in(one, BEN, PASSWORD)
    assert one.take("code", code=RIGHT).refused
    assert one.take("code", code="of the test").step == "done"
    assert [call.path for call in of_test.calls] == ["/verify/methods", *["/verify/check"] * 2]
    assert not service.calls
    configure(TwoFactor__WebServiceMode="production")
    sign_in(door, BEN, PASSWORD)
    assert door.take("code", code="of the test").refused
    assert door.take("code", code=RIGHT).step == "done"
    assert len(of_test.calls) == 3


def test_where_the_portal_makes_the_codes_it_is_never_asked(
    door: Door, ada: User, service: Service, post: Post
) -> None:
    configure(TwoFactor__CodeGeneration="internal")
    assert sign_in(door, ADA, PASSWORD).step == "code"
    assert door.take("code", code=post.code(ADA)).step == "done"
    assert not service.calls


def test_a_company_has_a_service_of_its_own(
    door: Door, ben: User, acme: Company, globex: Company, service: Service
) -> None:
    configure(TwoFactor__WebServiceUrlProduction="")
    configure(acme, TwoFactor__WebServiceUrlProduction=service.url)
    configure(TwoFactor__NoVerifiedContactBehaviour="deny")
    dan = cast.person("dan@globex.example", company=globex, role=cast.MEMBER)
    User.objects.filter(pk=dan.pk).update(password=ben.password)
    assert sign_in(door.stranger(), "dan@globex.example", PASSWORD).step == "ended"
    assert not service.calls
    sign_in(door, BEN, PASSWORD)
    assert door.take("code", code=RIGHT).step == "done"


def test_unlocking_a_session_does_not_ask_it_again_unless_the_factor_is_asked_for(
    web: WebDoor, ben: User, service: Service, clock: Time
) -> None:
    sign_in(web, BEN, PASSWORD)
    web.take("code", code=RIGHT)
    calls = len(service.calls)
    clock.forward(minutes=20)
    assert web.confirm().step == "password"
    assert web.take("password", password=PASSWORD).step == "done"
    assert len(service.calls) == calls
    configure(TwoFactor__SkipOptions="never")
    clock.forward(minutes=20)
    web.confirm()
    assert web.take("password", password=PASSWORD).step == "code"
    assert web.take("code", code=RIGHT).step == "done"


# --- turning it on, and forgotten passwords


def test_a_person_turns_it_on_and_is_asked_from_then_on(api: ApiDoor, ben: User, service: Service) -> None:
    configure(TwoFactor__Policy="optional")
    assert sign_in(api, BEN, PASSWORD).step == "done"
    service.mode = "error"
    said = api.post("/api/v1/me/factors/", {"kind": "webservice"}, bearer=api.access)
    assert (said.status, said.facts["code"]) == (503, "unavailable")
    service.mode, service.methods = "ok", ()
    said = api.post("/api/v1/me/factors/", {"kind": "webservice"}, bearer=api.access)
    assert (said.status, said.facts["code"]) == (409, "method_not_permitted")
    service.methods = (APP,)
    assert api.post("/api/v1/me/factors/", {"kind": "webservice"}, bearer=api.access).status == 200
    assert Factor.objects.get().kind == FactorKind.WEBSERVICE
    other = api.stranger()
    assert sign_in(other, BEN, PASSWORD).step == "code"
    assert other.take("code", code=RIGHT).step == "done"
    assert Factor.objects.get().last_used_at


def test_a_forgotten_password_still_asks_for_its_code(
    door: Door, ben: User, service: Service, post: Post
) -> None:
    User.objects.filter(pk=ben.pk).update(email_verified_at=timezone.now())
    door.forgotten(BEN)
    assert door.use(post.link(BEN)).step == "code"
    assert door.take("code", code="wrong").refused
    assert door.take("code", code=RIGHT).step == "change-password"
    assert door.take("change-password", new_password=NEW_PASSWORD).step == "done"


def test_a_link_opens_nothing_while_it_is_silent(door: Door, ben: User, service: Service, post: Post) -> None:
    configure(TwoFactor__NoVerifiedContactBehaviour="allow")
    User.objects.filter(pk=ben.pk).update(email_verified_at=timezone.now())
    door.forgotten(BEN)
    service.mode = "error"
    said = door.use(post.link(BEN))
    assert said.step == "ended"
    assert NOBODY_JUDGES in said.text


def test_whoever_it_has_nothing_for_cannot_reset_through_the_mailbox_that_is_the_factor(
    door: Door, ada: User, service: Service, post: Post
) -> None:
    configure(TwoFactor__CodeGeneration="both")
    service.methods = ()
    door.forgotten(ADA)
    assert door.use(post.link(ADA)).step == "ended"


# --- at once


@pytest.mark.django_db(transaction=True)
def test_of_many_checks_at_once_no_more_reach_it_than_the_settings_allow(ben: User, service: Service) -> None:
    configure(TwoFactor__MaxCodeChecks=5, TwoFactor__WebServiceTimeoutMs=20_000)
    first = ApiDoor()
    assert sign_in(first, BEN, PASSWORD).step == "code"

    def guess(number: int) -> str:
        one = ApiDoor()
        one.handle = first.handle
        try:
            return one.take("code", code=f"guess {number}").step
        finally:
            connection.close()

    steps = at_once(guess, times=16)
    assert "done" not in steps
    assert len(service.checks()) <= 5
    assert sum(Challenge.objects.values_list("checks", flat=True)) <= 5


@pytest.mark.django_db(transaction=True)
def test_of_many_right_ones_at_once_one_signs_in(ben: User, service: Service) -> None:
    configure(TwoFactor__MaxCodeChecks=10, TwoFactor__WebServiceTimeoutMs=20_000)
    first = ApiDoor()
    sign_in(first, BEN, PASSWORD)

    def send(_number: int) -> str:
        one = ApiDoor()
        one.handle = first.handle
        try:
            return one.take("code", code=RIGHT).step
        finally:
            connection.close()

    assert at_once(send, times=8).count("done") == 1
    assert Session.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_yes_to_a_prompt_that_was_replaced_meanwhile_is_worth_nothing(ben: User, service: Service) -> None:
    configure(TwoFactor__WebServiceTimeoutMs=20_000)
    first, steps = ApiDoor(), list[str]()
    sign_in(first, BEN, PASSWORD)
    service.mode = "slow"

    def send() -> None:
        one = ApiDoor()
        one.handle = first.handle
        try:
            steps.append(one.take("code", code=RIGHT).facts["code"])
        finally:
            connection.close()

    waiting = threading.Thread(target=send)
    waiting.start()
    until(service.checks, seconds=10)
    assert first.take("resend").step == "code"
    service.release.set()
    waiting.join(20)
    assert steps == ["code_expired"]
    assert not Session.objects.exists()
    service.mode = "ok"
    assert first.take("code", code=RIGHT).step == "done"
