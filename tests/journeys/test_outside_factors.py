"""Codes that an organisation's own verification service checks, through both doors."""

import json

import pytest
from django.utils import timezone

from accounts.models import Session, User
from audit.models import AuditEvent
from audit.record import Origin
from core.outcomes import Denied
from tenants.models import Company
from tenants.settings import snapshot
from tests import directory
from tests.journeys.doors import ApiDoor, Door, WebDoor, sign_in
from tests.journeys.outside_stage import *  # noqa: F403
from tests.journeys.outside_stage import ADA, BEN, MILLISECONDS, _service  # noqa: F401
from tests.journeys.stage import PASSWORD, Post, Time, configure
from tests.services.verification import APP, FOB, Service
from twofactor.models import Challenge, FactorKind
from twofactor.services.factors import add_factor
from twofactor.services.provided import provided_for

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db]
RIGHT, OF_FOB = "AB-12", "445566"
USUAL = "Enter the verification code on your device to sign in."
UNJUDGED = "The code could not be checked"
NOBODY_JUDGES = "the service that checks it does not answer"


def refusals() -> list[str]:
    rows = AuditEvent.objects.filter(event="login:code:refused").order_by("id")
    return [str(one["reason"]) for one in rows.values_list("details", flat=True)]


# --- straight on, or by choice


def test_its_only_way_is_asked_for_at_once_and_its_yes_signs_in(
    door: Door, ben: User, service: Service
) -> None:
    assert sign_in(door, BEN, PASSWORD).step == "code"
    assert door.take("code", code=f" {RIGHT} ").step == "done"
    assert door.is_in()
    [looked], [check] = service.lookups(), service.checks()
    challenge = Challenge.objects.get()
    assert looked.asked == {"user": BEN, "realm": "internal"}
    assert check.asked == looked.asked | {"method": "app", "code": RIGHT, "request": str(challenge.uid)}
    assert (challenge.kind, challenge.address) == ("webservice", "app")
    assert Session.objects.get().methods == ["pwd", "otp"]


def test_of_several_ways_one_is_chosen_by_its_name_and_no_code_of_another_is_good(
    door: Door, ben: User, service: Service
) -> None:
    service.methods = (APP, FOB)
    assert sign_in(door, BEN, PASSWORD).step == "method"
    assert door.take("method", method="webservice:none").refused
    assert door.take("method", method="webservice").refused
    assert door.take("method", method="webservice:fob").step == "code"
    assert door.take("code", code=RIGHT).refused
    assert door.take("code", code=OF_FOB).step == "done"
    assert [one.asked["method"] for one in service.checks()] == ["fob", "fob"]


def test_the_names_of_the_ways_are_shown_as_the_service_writes_them(
    web: WebDoor, api: ApiDoor, ben: User, service: Service
) -> None:
    service.methods = (APP, {"id": "fob", "label": "<b>Key fob</b> & more"})
    said = sign_in(web, BEN, PASSWORD)
    assert "SecureApp Verification service of your organisation" in said.text
    assert "<b>Key fob</b>" not in web.answer.content.decode()
    assert "<b>Key fob</b> & more" in said.text
    said = sign_in(api, BEN, PASSWORD)
    assert said.facts["methods"] == [
        {"id": "webservice:app", "kind": "webservice", "label": "SecureApp"},
        {"id": "webservice:fob", "kind": "webservice", "label": "<b>Key fob</b> & more"},
    ]


def test_the_prompt_is_the_one_of_the_settings(door: Door, ben: User, service: Service) -> None:
    def prompt() -> str:
        one = door.stranger()
        said = sign_in(one, BEN, PASSWORD)
        return said.text + str(said.facts.get("prompt", ""))

    assert USUAL in prompt()
    configure(TwoFactor__ExternalPrompt="Type what your key fob shows.")
    assert "Type what your key fob shows." in prompt()


def test_another_way_can_be_chosen_and_counts_as_a_send(door: Door, ben: User, service: Service) -> None:
    service.methods = (APP, FOB)
    configure(TwoFactor__MaxCodeSends=2)
    sign_in(door, BEN, PASSWORD)
    door.take("method", method="webservice:fob")
    assert door.take("method", method="webservice:app").step == "code"
    assert door.take("code", code=OF_FOB).refused
    assert door.take("method", method="webservice:fob").step == "ended"


def test_what_was_typed_is_not_shown_again(web: WebDoor, ben: User, service: Service) -> None:
    sign_in(web, BEN, PASSWORD)
    assert f"SecureApp: {USUAL}" in web.page.text
    web.take("code", code="typed-by-ben")
    assert "typed-by-ben" not in web.answer.content.decode()
    service.mode = "closed"
    web.take("code", code="typed-by-ben")
    assert "typed-by-ben" not in web.answer.content.decode()


# --- wrong, late, silent


def test_a_wrong_code_counts_and_after_the_last_one_even_the_right_one_is_not_asked(
    door: Door, ben: User, service: Service
) -> None:
    configure(TwoFactor__MaxCodeChecks=3)
    sign_in(door, BEN, PASSWORD)
    for _ in range(3):
        assert door.take("code", code="wrong").refused
    assert door.take("code", code=RIGHT).step == "ended"
    assert not door.is_in()
    assert [one.asked["code"] for one in service.checks()] == ["wrong"] * 3
    assert refusals() == ["try_again"] * 3 + ["checks_used_up"]


def test_too_late_is_no_check_but_a_new_prompt_which_counts_as_a_send(
    door: Door, ben: User, service: Service
) -> None:
    sign_in(door, BEN, PASSWORD)
    assert door.take("code", code="wrong").refused
    service.mode = "slow"
    said = door.take("code", code=RIGHT)
    assert (said.step, said.refused) == ("code", True)
    assert UNJUDGED in said.text
    newest, first = Challenge.objects.all()
    assert (first.checks, newest.checks) == (1, 0)
    service.mode = "ok"
    service.release.set()
    assert door.take("code", code=RIGHT).step == "done"
    assert refusals() == ["try_again", "unavailable"]
    # The trail says why, for whoever looks after the service.
    last = AuditEvent.objects.filter(event="login:code:refused").latest("id")
    assert last.details["why"] == "it took too long"


def test_one_prompt_more_than_the_maximum_ends_it(door: Door, ben: User, service: Service) -> None:
    configure(TwoFactor__MaxCodeSends=2)
    sign_in(door, BEN, PASSWORD)
    service.mode = "closed"
    assert door.take("code", code=RIGHT).step == "code"
    assert door.take("code", code=RIGHT).step == "ended"
    assert not door.is_in()
    assert len(service.checks()) == 2


def test_or_locks_the_account_or_lets_wait_as_the_settings_say(
    door: Door, ben: User, service: Service, clock: Time
) -> None:
    configure(TwoFactor__MaxCodeSends=1, TwoFactor__BehaviourAfterMaxCodeSends="wait")
    sign_in(door, BEN, PASSWORD)
    service.mode, service.only = "closed", "/check"
    assert door.take("code", code=RIGHT).status == 429
    clock.forward(minutes=10)
    configure(TwoFactor__BehaviourAfterMaxCodeSends="lock")
    assert sign_in(door.stranger(), BEN, PASSWORD).step == "code"
    other = door.stranger()
    sign_in(other, BEN, PASSWORD)
    assert other.take("code", code=RIGHT).step == "ended"
    ben.refresh_from_db()
    assert ben.locked_at


@pytest.mark.parametrize(
    "mode", ["slow", "drip", "drip_body", "huge", "endless", "garbage", "redirect", "error", "closed"]
)
def test_nothing_but_a_yes_in_time_lets_anybody_in(
    api: ApiDoor, ben: User, service: Service, mode: str
) -> None:
    sign_in(api, BEN, PASSWORD)
    service.mode = mode
    said = api.take("code", code=RIGHT)
    assert (said.status, said.step, said.facts["code"]) == (503, "code", "unavailable")
    assert not api.is_in()
    assert Challenge.objects.order_by("id")[0].checks == 0


@pytest.mark.parametrize(
    "raw",
    [
        b"", b"{}", b"[]", b"true", b'"accepted"', b'{"result": true}', b'{"result": "ACCEPTED"}', b'{"result": ["accepted"]}',
        b'{"result": null}', b'{"result": {"accepted": 1}}', b'{"accepted": "result"}', b'{"result": "accepted"', b"[" * 9_000,
        b'{"result": "accepted"} x', b"\xff\xfe", b'{"result": "accepted", "request": "another one"}', b"1" * 9_000,
    ],
)  # fmt: skip
def test_an_answer_that_does_not_keep_to_the_contract_is_no_yes(
    api: ApiDoor, ben: User, service: Service, raw: bytes
) -> None:
    sign_in(api, BEN, PASSWORD)
    service.mode, service.raw = "raw", raw
    assert api.take("code", code=RIGHT).status == 503
    assert not api.is_in()


def test_a_no_about_another_request_is_no_answer_either(api: ApiDoor, ben: User, service: Service) -> None:
    sign_in(api, BEN, PASSWORD)
    service.mode, service.raw = "raw", b'{"result": "refused", "request": "another one"}'
    assert api.take("code", code="wrong").status == 503
    assert Challenge.objects.order_by("id")[0].checks == 0


def test_an_empty_or_endless_code_is_refused_without_asking(door: Door, ben: User, service: Service) -> None:
    sign_in(door, BEN, PASSWORD)
    for code in ("", "   ", "1" * 65, "a\0b"):
        assert door.take("code", code=code).refused
    assert not service.checks()


# --- what it has for a person


@pytest.mark.parametrize("behaviour", ["allow", "enrol", "deny"])
@pytest.mark.parametrize("mode", ["slow", "error", "garbage"])
def test_while_it_is_silent_nobody_is_let_in_for_want_of_its_ways(
    door: Door, ben: User, service: Service, behaviour: str, mode: str
) -> None:
    configure(TwoFactor__NoVerifiedContactBehaviour=behaviour)
    service.mode = mode
    said = sign_in(door, BEN, PASSWORD)
    assert (said.step, said.status) == ("ended", 401)
    assert NOBODY_JUDGES in said.text
    assert not door.is_in()


def test_while_it_is_silent_other_ways_are_offered(
    door: Door, ada: User, service: Service, post: Post
) -> None:
    configure(TwoFactor__CodeGeneration="both")
    service.mode = "error"
    assert sign_in(door, ADA, PASSWORD).step == "code"
    assert door.take("code", code=post.code(ADA)).step == "done"


def test_whoever_chose_it_does_not_fall_back_to_a_mailbox_while_it_is_silent(
    door: Door, ada: User, service: Service
) -> None:
    configure(TwoFactor__CodeGeneration="both")
    now = timezone.now()
    provided = provided_for(ada, snapshot(ada.company_id), now=now)
    made = add_factor(ada, kind=FactorKind.WEBSERVICE, origin=Origin(actor=ada), now=now, provided=provided)
    assert not isinstance(made, Denied)
    assert sign_in(door.stranger(), ADA, PASSWORD).step == "code"
    service.mode = "error"
    assert sign_in(door, ADA, PASSWORD).step == "ended"


@pytest.mark.parametrize(
    "methods",
    [
        [{"id": "app"}], [{"label": "App"}], ["app"], [None], "app", {"id": "app", "label": "App"},
        [{"id": "App", "label": "App"}], [{"id": "a:b", "label": "App"}], [{"id": "", "label": "App"}], [{"id": "a" * 31, "label": "App"}],
        [{"id": "app", "label": ""}], [{"id": "app", "label": " "}], [{"id": "app", "label": "a" * 61}], [{"id": 1, "label": "App"}],
        [{"id": "app", "label": "two\nlines"}], [{"id": "app", "label": "\u202eppA"}], [{"id": "app", "label": "a\0"}],
        [{"id": "app", "label": "\ud800"}], [APP, APP], [{"id": f"a{n}", "label": "App"} for n in range(6)],
    ],
)  # fmt: skip
def test_a_list_that_does_not_keep_to_the_contract_is_none(
    api: ApiDoor, ben: User, service: Service, methods: object
) -> None:
    configure(TwoFactor__NoVerifiedContactBehaviour="allow")
    service.mode, service.raw = "raw", json.dumps({"methods": methods}).encode()
    assert sign_in(api, BEN, PASSWORD).status == 401
    assert not api.is_in()


def test_whoever_it_has_nothing_for_is_as_without_it(door: Door, ben: User, service: Service) -> None:
    service.methods = ()
    configure(TwoFactor__NoVerifiedContactBehaviour="allow")
    assert sign_in(door, BEN, PASSWORD).step == "done"
    assert len(service.lookups()) == 1


def test_five_ways_are_all_offered(api: ApiDoor, ben: User, service: Service) -> None:
    service.methods = [{"id": "9" * 29 + str(n), "label": "x" * 60} for n in range(5)]
    assert len(sign_in(api, BEN, PASSWORD).facts["methods"]) == 5
    assert api.take("method", method=f"webservice:{'9' * 29}4").step == "code"


def test_of_people_kept_in_a_directory_it_is_told_so(door: Door, acme: Company, service: Service) -> None:
    configure(Login__ExternalAuthenticationMode="ConfigServer")
    tenant = directory.tenant(directory.ACME_DBID, company=acme)
    directory.person("dora", tenant=tenant, password=PASSWORD)
    assert sign_in(door, "dora", PASSWORD).step == "code"
    assert door.take("code", code=RIGHT).step == "done"
    assert {(one.asked["user"], one.asked["realm"]) for one in service.calls} == {("dora", "external")}
