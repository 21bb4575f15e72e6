"""Every setting of the second factor, as a person who signs in feels it."""

import pytest
from django.utils import timezone

from accounts.models import User
from audit.record import Origin
from tenants.models import Company, Role
from tests import cast
from tests.journeys.doors import ApiDoor, Door, WebDoor, sign_in
from tests.journeys.stage import NEW_PASSWORD, PASSWORD, Post, Time, configure
from twofactor.models import Factor, FactorKind
from twofactor.services.factors import add_factor

pytestmark = pytest.mark.django_db
ADA, BEN = "ada@acme.example", "ben@acme.example"


def turn_on(user: User) -> None:
    add_factor(user, kind=FactorKind.EMAIL, origin=Origin(actor=user), now=timezone.now())


def wrong(code: str) -> str:
    return str((int(code) + 1) % 10 ** len(code)).zfill(len(code))


# --- policy


@pytest.mark.parametrize(("policy", "step"), [("off", "done"), ("optional", "done"), ("required", "code")])
def test_the_global_policy_holds_for_who_turned_nothing_on(
    door: Door, ben: User, policy: str, step: str
) -> None:
    if policy != "optional":  # which is the default
        configure(TwoFactor__Policy=policy)
    assert sign_in(door, BEN, PASSWORD).step == step


@pytest.mark.parametrize(("policy", "step"), [("off", "done"), ("optional", "code"), ("required", "code")])
def test_the_global_policy_holds_for_who_turned_one_on(door: Door, ben: User, policy: str, step: str) -> None:
    turn_on(ben)
    if policy != "optional":
        configure(TwoFactor__Policy=policy)
    assert sign_in(door, BEN, PASSWORD).step == step


def test_a_company_may_ask_for_more(door: Door, ben: User, acme: Company) -> None:
    configure(acme, TwoFactor__Policy="required")
    assert sign_in(door, BEN, PASSWORD).step == "code"


def test_a_company_may_not_ask_for_less(door: Door, ben: User, acme: Company) -> None:
    configure(TwoFactor__Policy="required")
    configure(acme, TwoFactor__Policy="off")
    assert sign_in(door, BEN, PASSWORD).step == "code"


def test_the_policy_of_one_company_is_none_of_another(door: Door, ben: User, globex: Company) -> None:
    configure(globex, TwoFactor__Policy="required")
    assert sign_in(door, BEN, PASSWORD).step == "done"


def test_a_role_may_ask_for_more(door: Door, ben: User) -> None:
    ben.roles.add(Role.objects.create(name="Guard", rank=5, twofactor_policy="required"))
    assert sign_in(door, BEN, PASSWORD).step == "code"


def test_a_role_may_not_ask_for_less(door: Door, ben: User) -> None:
    configure(TwoFactor__Policy="required")
    ben.roles.set([Role.objects.create(name="Guest", rank=5, twofactor_policy="off")])
    assert sign_in(door, BEN, PASSWORD).step == "code"


def test_administrators_need_one_whatever_the_settings_say(door: Door, ada: User, acme: Company) -> None:
    configure(TwoFactor__Policy="off")
    configure(acme, TwoFactor__Policy="off")
    assert sign_in(door, ADA, PASSWORD).step == "code"


# --- no verified contact


def test_without_a_contact_it_may_be_denied(door: Door, ada: User) -> None:
    User.objects.filter(pk=ada.pk).update(email_verified_at=None)
    configure(TwoFactor__NoVerifiedContactBehaviour="deny")
    said = sign_in(door, ADA, PASSWORD)
    assert (said.step, said.status) == ("ended", 401)
    assert "you have no way to prove it" in said.text
    assert not door.is_in()


def test_where_nothing_can_be_set_up_the_sign_in_is_denied_in_words(door: Door, ada: User) -> None:
    configure(TwoFactor__CodeGeneration="internal", TwoFactor__EmailField="none")
    said = sign_in(door, ADA, PASSWORD)
    assert (said.step, said.status) == ("ended", 401)
    assert "ask your administrator" in said.text


def test_without_a_contact_it_may_be_allowed(door: Door, ada: User) -> None:
    User.objects.filter(pk=ada.pk).update(email_verified_at=None)
    configure(TwoFactor__NoVerifiedContactBehaviour="allow")
    assert sign_in(door, ADA, PASSWORD).step == "done"


def test_without_a_contact_the_own_address_may_be_verified_on_the_way(
    door: Door, ada: User, post: Post
) -> None:
    User.objects.filter(pk=ada.pk).update(email_verified_at=None)
    said = sign_in(door, ADA, PASSWORD)
    assert said.step == "enrol"
    assert not post.to(ADA)  # nothing is sent before the person asks
    assert door.take("enrol").step == "enrol"
    code = post.code(ADA)
    said = door.take("enrol", code=wrong(code))
    assert said.refused
    assert not door.is_in()
    assert door.take("enrol", code=code).step == "done"
    assert door.is_in()
    ada.refresh_from_db()
    assert ada.email_verified_at
    assert Factor.objects.get(user=ada).kind == FactorKind.EMAIL
    assert sign_in(door.stranger(), ADA, PASSWORD).step == "code"


def test_who_enrols_may_have_another_code_but_not_without_end(
    door: Door, ada: User, post: Post, clock: Time
) -> None:
    User.objects.filter(pk=ada.pk).update(email_verified_at=None)
    configure(TwoFactor__MaxCodeSends=2)
    sign_in(door, ADA, PASSWORD)
    door.take("enrol")
    post.deliver()
    clock.forward(seconds=20)
    assert not door.take("enrol").refused
    clock.forward(seconds=20)
    assert door.take("enrol").step == "ended"
    assert len(post.to(ADA)) == 2


# --- how many codes, how many tries


@pytest.mark.parametrize("most", [1, 3])
def test_one_code_more_than_the_maximum_ends_the_sign_in(
    door: Door, ada: User, post: Post, clock: Time, most: int
) -> None:
    if most != 3:  # the default
        configure(TwoFactor__MaxCodeSends=most)
    sign_in(door, ADA, PASSWORD)
    for _ in range(most - 1):
        post.deliver()
        clock.forward(seconds=16)
        assert not door.take("resend").refused
    code = post.code(ADA)
    clock.forward(seconds=16)
    said = door.take("resend")
    assert said.step == "ended"
    assert "Too many codes were asked for" in said.text
    assert len(post.to(ADA)) == most
    assert door.take("code", code=code).step in {"ended", "username"}
    assert not door.is_in()
    assert sign_in(door.stranger(), ADA, PASSWORD).step == "code"  # denied was this sign-in, not the person


def test_one_code_too_many_may_lock_the_account(door: Door, ada: User, clock: Time) -> None:
    configure(TwoFactor__MaxCodeSends=1, TwoFactor__BehaviourAfterMaxCodeSends="lock")
    sign_in(door, ADA, PASSWORD)
    clock.forward(seconds=16)
    said = door.take("resend")
    assert said.step == "ended"
    assert "your account is locked now" in said.text
    ada.refresh_from_db()
    assert ada.locked_at
    assert "do not fit" in sign_in(door.stranger(), ADA, PASSWORD).text


def test_one_code_too_many_may_make_wait(door: Door, ada: User, post: Post, clock: Time) -> None:
    configure(TwoFactor__MaxCodeSends=1, TwoFactor__BehaviourAfterMaxCodeSends="wait")
    sign_in(door, ADA, PASSWORD)
    code = post.code(ADA)
    clock.forward(seconds=16)
    said = door.take("resend")
    assert (said.step, said.refused) == ("code", True)
    assert "try again in 10 minutes" in said.text
    assert door.take("code", code=code).status == 429  # no check either while one waits
    other = sign_in(door.stranger(), ADA, PASSWORD)  # and none by beginning again
    assert other.status == 429 or other.refused
    assert len(post.to(ADA)) == 1
    clock.forward(minutes=11)
    assert not door.take("resend").refused
    assert door.take("code", code=post.code(ADA)).step == "done"


@pytest.mark.parametrize("most", [1, 5])
def test_one_try_more_than_the_maximum_ends_the_sign_in_even_with_the_right_code(
    door: Door, ada: User, post: Post, most: int
) -> None:
    if most != 5:  # the default
        configure(TwoFactor__MaxCodeChecks=most)
    sign_in(door, ADA, PASSWORD)
    code = post.code(ADA)
    for _ in range(most):
        said = door.take("code", code=wrong(code))
        assert said.refused
        assert "This code is not right" in said.text
    said = door.take("code", code=code)
    assert said.step == "ended"
    assert "tried too often" in said.text
    assert not door.is_in()


def test_one_try_too_many_may_lock_the_account(door: Door, ada: User, post: Post) -> None:
    configure(TwoFactor__MaxCodeChecks=1, TwoFactor__BehaviourAfterMaxCodeChecks="lock")
    sign_in(door, ADA, PASSWORD)
    code = post.code(ADA)
    door.take("code", code=wrong(code))
    assert "your account is locked now" in door.take("code", code=code).text
    ada.refresh_from_db()
    assert ada.locked_reason == "checks_used_up"


def test_one_try_too_many_may_make_wait(door: Door, ada: User, post: Post, clock: Time) -> None:
    configure(TwoFactor__MaxCodeChecks=1, TwoFactor__BehaviourAfterMaxCodeChecks="wait")
    sign_in(door, ADA, PASSWORD)
    code = post.code(ADA)
    door.take("code", code=wrong(code))
    said = door.take("code", code=code)
    assert said.status == 429
    clock.forward(minutes=11)
    said = door.take("code", code=code)  # that code is spent
    assert said.refused
    assert "no longer good" in said.text
    assert not door.take("resend").refused
    assert door.take("code", code=post.code(ADA)).step == "done"


def test_tries_are_counted_for_each_code_and_sends_for_the_sign_in(
    api: ApiDoor, ada: User, post: Post, clock: Time
) -> None:
    said = sign_in(api, ADA, PASSWORD)
    assert (said.facts["sends_left"], said.facts["checks_left"]) == (2, 5)
    api.take("code", code=wrong(post.code(ADA)))
    clock.forward(seconds=16)
    said = api.take("resend")
    assert (said.facts["sends_left"], said.facts["checks_left"]) == (1, 5)


# --- digits, expiry, mail


@pytest.mark.parametrize("digits", [4, 10])
def test_a_code_has_the_length_of_the_setting(door: Door, ada: User, post: Post, digits: int) -> None:
    configure(TwoFactor__CodeDigits=digits)
    sign_in(door, ADA, PASSWORD)
    code = post.code(ADA)
    assert len(code) == digits
    assert door.take("code", code=code).step == "done"


def test_a_code_is_good_for_the_minutes_of_the_setting(
    door: Door, ada: User, post: Post, clock: Time
) -> None:
    configure(TwoFactor__CodeExpiryMinutes=2)
    sign_in(door, ADA, PASSWORD)
    code = post.code(ADA)
    assert "for 2 minutes" in post.newest(ADA)
    clock.forward(minutes=2)
    said = door.take("code", code=code)
    assert said.refused
    assert "no longer good" in said.text
    assert not door.take("resend").refused
    clock.forward(minutes=1, seconds=59)
    assert door.take("code", code=post.code(ADA)).step == "done"


def test_mails_bear_the_sender_and_subject_of_the_company(
    door: Door, ada: User, cleo: User, post: Post, acme: Company
) -> None:
    configure(TwoFactor__EmailSubject="Your number")
    configure(
        acme, TwoFactor__EmailFrom="Acme <portal@acme.example>", TwoFactor__EmailSubject="Acme: your number"
    )
    sign_in(door, ADA, PASSWORD)
    sign_in(door.stranger(), "cleo@globex.example", PASSWORD)
    (mail,) = post.to(ADA)
    assert (mail["From"], mail["Subject"]) == ("Acme <portal@acme.example>", "Acme: your number")
    (mail,) = post.to("cleo@globex.example")
    assert (mail["From"], mail["Subject"]) == ("Gatehouse <no-reply@127.0.0.1>", "Your number")


# --- skip


def test_once_a_session_is_the_default_and_confirming_asks_for_the_password_alone(
    door: Door, ada: User, post: Post
) -> None:
    sign_in(door, ADA, PASSWORD)
    door.take("code", code=post.code(ADA))
    assert door.confirm().step == "password"
    assert door.take("password", password=PASSWORD).step == "done"
    assert door.is_in()
    assert sign_in(door.stranger(), ADA, PASSWORD).step == "code"


def test_never_skip_asks_for_a_code_when_confirming_too(
    door: Door, ada: User, post: Post, clock: Time
) -> None:
    configure(TwoFactor__SkipOptions="never")
    sign_in(door, ADA, PASSWORD)
    door.take("code", code=post.code(ADA))
    clock.forward(seconds=16)
    door.confirm()
    assert door.take("password", password=PASSWORD).step == "code"
    assert door.take("code", code=post.code(ADA)).step == "done"
    assert door.is_in()


@pytest.fixture
def remembered(web: WebDoor, ada: User, post: Post) -> WebDoor:
    """Ada's browser, which she had remembered."""
    configure(TwoFactor__SkipOptions="device", TwoFactor__RememberDeviceDays=7)
    sign_in(web, ADA, PASSWORD)
    web.take("code", code=post.code(ADA), remember="on")
    assert web.is_in()
    web.leave()
    return web


def test_a_remembered_browser_stands_for_the_code(remembered: WebDoor) -> None:
    assert sign_in(remembered, ADA, PASSWORD).step == "done"
    assert "Firefox" in remembered.open("/account/security/").text


def test_another_browser_is_not_remembered(remembered: WebDoor) -> None:
    assert sign_in(remembered.stranger(), ADA, PASSWORD).step == "code"


def test_a_browser_is_remembered_for_one_person_only(remembered: WebDoor, cleo: User) -> None:
    assert sign_in(remembered, "cleo@globex.example", PASSWORD).step == "code"


def test_a_browser_is_remembered_for_so_many_days(remembered: WebDoor, clock: Time) -> None:
    clock.forward(days=7)
    assert sign_in(remembered, ADA, PASSWORD).step == "code"


def test_a_browser_is_not_remembered_unless_asked_to(web: WebDoor, ada: User, post: Post) -> None:
    configure(TwoFactor__SkipOptions="device")
    sign_in(web, ADA, PASSWORD)
    web.take("code", code=post.code(ADA))
    web.leave()
    assert sign_in(web, ADA, PASSWORD).step == "code"


def test_a_changed_password_forgets_every_browser(remembered: WebDoor) -> None:
    sign_in(remembered, ADA, PASSWORD)
    page = remembered.open("/account/password/")
    form = next(form for form in page.forms if "new_password" in form.values)
    remembered.send(form, current_password=PASSWORD, new_password=NEW_PASSWORD)
    remembered.leave()
    assert sign_in(remembered, ADA, NEW_PASSWORD).step == "code"


def test_a_forgotten_browser_is_asked_again(remembered: WebDoor) -> None:
    sign_in(remembered, ADA, PASSWORD)
    page = remembered.open("/account/security/")
    form = next(form for form in page.forms if "/devices/" in form.action)
    remembered.send(form)
    remembered.leave()
    assert sign_in(remembered, ADA, PASSWORD).step == "code"


def test_the_setting_session_asks_remembered_browsers_again(remembered: WebDoor) -> None:
    configure(TwoFactor__SkipOptions="session")
    assert sign_in(remembered, ADA, PASSWORD).step == "code"


def test_remembering_is_not_offered_where_the_setting_does_not_allow_it(
    web: WebDoor, ada: User, post: Post
) -> None:
    sign_in(web, ADA, PASSWORD)
    assert all("remember" not in form.choices for form in web.page.forms)
    web.take("code", code=post.code(ADA), remember="on")
    web.leave()
    configure(TwoFactor__SkipOptions="device")
    assert sign_in(web, ADA, PASSWORD).step == "code"


def test_two_companies_feel_their_own_settings(door: Door, ada: User, post: Post, globex: Company) -> None:
    dan = cast.person("dan@globex.example", company=globex, role=cast.COMPANY_ADMINISTRATOR)
    dan.password = ada.password
    dan.save()
    configure(globex, TwoFactor__CodeDigits=8)
    sign_in(door, ADA, PASSWORD)
    assert len(post.code(ADA)) == 6
    sign_in(door.stranger(), "dan@globex.example", PASSWORD)
    assert len(post.code("dan@globex.example")) == 8
