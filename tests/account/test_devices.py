"""Skip options and remembered devices: for every kind of factor, and gone with whatever they stood on."""

from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone

from accounts.middleware import BROWSER_COOKIE
from accounts.models import User
from audit.record import Origin
from core import entropy
from tests.account.apps import App, recovery_codes, set_up
from tests.cast import acting
from tests.journeys.doors import Door, WebDoor, sign_in
from tests.journeys.stage import PASSWORD, Time, configure
from twofactor.methods.sent import CODE_PURPOSE
from twofactor.models import Challenge, Factor, FactorKind
from twofactor.services.administered import forget_devices, turn_off_factors
from twofactor.services.factors import add_factor, change_factor, remove_factor

pytestmark = pytest.mark.django_db
BEN = "ben@acme.example"
Prove = Callable[[Door], str]
KINDS = ("email", "sms", "totp", "recovery")


def sent(_door: Door) -> str:
    """The code that was sent last, as the message would have it."""
    challenge = Challenge.objects.filter(purpose="sign-in").order_by("-pk").first()
    assert challenge is not None
    return entropy.derived_code(purpose=CODE_PURPOSE, id=str(challenge.uid), digits=challenge.digits)


@pytest.fixture(params=KINDS)
def prove(request: pytest.FixtureRequest, ben: User, clock: Time) -> Prove:
    """Ben, who has turned on a factor of this kind, and what he answers with."""
    kind, web = request.param, WebDoor()
    if kind in {"email", "sms"}:
        User.objects.filter(pk=ben.pk).update(phone="+4930123456", phone_verified_at=timezone.now())
        ben.refresh_from_db()
        add_factor(ben, kind=FactorKind(kind), origin=Origin(actor=ben), now=timezone.now())

        def read(door: Door) -> str:
            return sent(door)

        read.kind = kind  # type: ignore[attr-defined]
        return read
    sign_in(web, BEN, PASSWORD)
    app: App = set_up(web)
    codes = recovery_codes(web) if kind == "recovery" else []
    clock.forward(seconds=30)

    def answer(_door: Door) -> str:
        if codes:
            return codes.pop()
        clock.forward(seconds=30)
        return app.code()

    answer.kind = kind  # type: ignore[attr-defined]
    return answer


def give(door: Door, prove: Prove, **more: Any) -> str:
    """The second proof, in the way of this test; the step that comes after it."""
    kind = getattr(prove, "kind", "")
    said = door.take("method", method=kind) if kind and is_asked_how(door) else None
    assert said is None or said.step == "code", said
    return door.take("code", code=prove(door), **more).step


def is_asked_how(door: Door) -> bool:
    if isinstance(door, WebDoor):
        return door.address == "/login/method/"
    return getattr(door, "body", {}).get("step") == "method"


def first_proof(door: Door) -> str:
    return sign_in(door, BEN, PASSWORD).step


def test_session_asks_at_each_sign_in_and_not_when_confirming(door: Door, prove: Prove) -> None:
    first_proof(door)
    assert give(door, prove) == "done"
    door.confirm()
    assert door.take("password", password=PASSWORD).step == "done"
    assert first_proof(door.stranger()) in {"code", "method"}


def test_never_asks_when_confirming_too(door: Door, prove: Prove, clock: Time) -> None:
    configure(TwoFactor__SkipOptions="never")
    first_proof(door)
    assert give(door, prove) == "done"
    clock.forward(seconds=16)
    door.confirm()
    assert door.take("password", password=PASSWORD).step in {"code", "method"}
    assert give(door, prove) == "done"


def test_device_asks_once_in_a_browser_that_was_to_be_remembered(
    web: WebDoor, prove: Prove, clock: Time
) -> None:
    configure(TwoFactor__SkipOptions="device", TwoFactor__RememberDeviceDays=2)
    first_proof(web)
    assert give(web, prove, remember="on") == "done"
    web.leave()
    assert first_proof(web) == "done"
    web.leave()
    clock.forward(days=2)
    assert first_proof(web) in {"code", "method"}


# --- what they stood on


@pytest.fixture
def remembered(web: WebDoor, ben: User) -> WebDoor:
    """Ben's browser, remembered; he has codes by mail and by text message."""
    configure(TwoFactor__SkipOptions="device")
    User.objects.filter(pk=ben.pk).update(phone="+4930123456", phone_verified_at=timezone.now())
    ben.refresh_from_db()
    for kind in (FactorKind.EMAIL, FactorKind.SMS):
        add_factor(ben, kind=kind, origin=Origin(actor=ben), now=timezone.now())
    sign_in(web, BEN, PASSWORD)
    web.take("method", method="email")
    assert web.take("code", code=sent(web), remember="on").step == "done"
    web.leave()
    ben.refresh_from_db()
    assert first_proof(web) == "done"
    return web


def added(user: User, ada: User) -> Any:
    User.objects.filter(pk=user.pk).update(factor_kinds=",email,")
    Factor.objects.filter(user=user, kind="sms").delete()
    return add_factor(user, kind=FactorKind.SMS, origin=Origin(actor=user), now=timezone.now())


def removed(user: User, ada: User) -> Any:
    factor = Factor.objects.select_related("user__company").get(user=user, kind="sms")
    session = user.sessions.filter(ended_at=None).latest("pk")
    return remove_factor(factor, session=session, by=acting(user), now=timezone.now())


def reset(user: User, ada: User) -> Any:
    done = turn_off_factors(user, reason="lost", by=acting(ada), now=timezone.now())
    add_factor(User.objects.get(pk=user.pk), kind=FactorKind.EMAIL, origin=Origin(), now=timezone.now())
    return done


def forgotten(user: User, ada: User) -> Any:
    return forget_devices(user, by=acting(ada), now=timezone.now())


@pytest.mark.parametrize("change", [added, removed, reset, forgotten])
def test_a_change_of_factors_and_an_administrator_forget_every_browser(
    remembered: WebDoor, ben: User, ada: User, change: Callable[[User, User], Any]
) -> None:
    ben.refresh_from_db()
    change(ben, ada)
    if remembered.is_in():
        remembered.leave()
    assert first_proof(remembered) in {"code", "method"}


def test_a_name_or_a_preference_forgets_none(remembered: WebDoor, ben: User) -> None:
    """Neither says anything about who may stand for what."""
    factor = Factor.objects.select_related("user__company").get(user=ben, kind="sms")
    change_factor(factor, name="phone", preferred=True, origin=Origin(actor=ben), now=timezone.now())
    remembered.leave()
    assert first_proof(remembered) == "done"


def test_a_copied_cookie_of_a_browser_stands_for_nobody_else(
    remembered: WebDoor, cleo: User, ben: User
) -> None:
    thief = WebDoor()
    thief.browser.cookies[BROWSER_COOKIE] = remembered.browser.cookies[BROWSER_COOKIE].value
    assert sign_in(thief, "cleo@globex.example", PASSWORD).step == "code"
    assert not thief.is_in()


def test_an_older_copy_of_the_cookie_is_worthless(web: WebDoor, ben: User) -> None:
    """Remembering gives the browser a new token: whoever planted or copied the one before stands for nobody."""
    configure(TwoFactor__SkipOptions="device")
    sign_in(web, BEN, PASSWORD)
    web.leave()
    add_factor(ben, kind=FactorKind.EMAIL, origin=Origin(actor=ben), now=timezone.now())
    sign_in(web, BEN, PASSWORD)
    before = web.browser.cookies[BROWSER_COOKIE].value
    web.take("code", code=sent(web), remember="on")
    thief = WebDoor()
    thief.browser.cookies[BROWSER_COOKIE] = before
    assert first_proof(thief) == "code"
