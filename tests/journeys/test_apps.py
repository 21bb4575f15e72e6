"""Signing in with an authenticator app and with recovery codes: by pages and over REST."""

import pytest
from django.utils import timezone

from accounts.models import Session, User
from accounts.people import set_password
from delivery.models import Delivery
from tenants.actor import system_actor
from tenants.models import Company
from tests.factors import App, app_of, mailbox_of, paper_of
from tests.journeys.doors import ApiDoor, Door, WebDoor, sign_in
from tests.journeys.stage import NEW_PASSWORD, PASSWORD, Post, Time, configure
from tests.parallel import in_parallel
from twofactor.models import Challenge, Factor, RecoveryCode

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db]
ADA, BEN = "ada@acme.example", "ben@acme.example"


@pytest.fixture
def app(ben: User, clock: Time) -> App:
    """Ben's app."""
    return app_of(ben)


# --- the app


def test_the_code_of_the_app_signs_in(door: Door, app: App) -> None:
    said = sign_in(door, BEN, PASSWORD)
    assert said.step == "code"
    if isinstance(door, WebDoor):
        assert "Enter the verification code on your device" in said.text
        assert "Send another code" not in said.text
    else:
        assert said.facts["method"] == {"id": "totp", "kind": "totp", "label": ""}
        assert said.facts["prompt"].startswith("Enter the verification code")
        assert (said.facts["sent_to"], said.facts["delivery"], said.facts["checks_left"]) == (None, None, 5)
    assert not door.is_in()
    assert door.take("code", code=app.code()).step == "done"
    assert door.is_in()
    assert not Delivery.objects.exists()  # nothing is sent
    assert Session.objects.get().methods == ["pwd", "otp"]


@pytest.mark.parametrize("algorithm", ["SHA1", "SHA256", "SHA512"])
@pytest.mark.parametrize("digits", [6, 8])
def test_every_kind_of_app_works(api: ApiDoor, ben: User, algorithm: str, digits: int) -> None:
    app = app_of(ben, algorithm=algorithm, digits=digits)
    sign_in(api, BEN, PASSWORD)
    assert api.take("code", code=app.code()).step == "done"


def test_one_of_several_apps_will_do(door: Door, ben: User, app: App) -> None:
    other = app_of(ben)
    for one in (app, other):
        mine = door.stranger()
        sign_in(mine, BEN, PASSWORD)
        assert mine.take("code", code=one.code()).step == "done"
    used = Factor.objects.exclude(last_used_at=None)
    assert used.count() == 2


def test_a_code_is_good_once_whatever_sign_in_it_is_typed_into(door: Door, app: App, clock: Time) -> None:
    sign_in(door, BEN, PASSWORD)
    code = app.code()
    assert door.take("code", code=code).step == "done"
    for seconds in (0, 20, 29):
        other = door.stranger()
        clock.forward(seconds=seconds)
        sign_in(other, BEN, PASSWORD)
        assert other.take("code", code=code).refused
        assert not other.is_in()


def test_no_older_code_counts_once_a_newer_one_did(door: Door, app: App, clock: Time) -> None:
    older = app.code()
    clock.forward(seconds=30)
    sign_in(door, BEN, PASSWORD)
    assert door.take("code", code=app.code()).step == "done"
    other = door.stranger()
    sign_in(other, BEN, PASSWORD)
    assert other.take("code", code=older).refused


@pytest.mark.parametrize(
    ("seconds", "taken"), [(-600, False), (-60, False), (-30, True), (30, True), (60, False), (600, False)]
)
def test_a_clock_may_be_off_by_a_step_and_no_more(api: ApiDoor, app: App, seconds: int, taken: bool) -> None:
    sign_in(api, BEN, PASSWORD)
    assert api.take("code", code=app.code(seconds=seconds)).refused is not taken
    assert api.is_in() is taken


def test_a_clock_that_goes_wrong_slowly_is_followed(api: ApiDoor, app: App, clock: Time) -> None:
    """Thirty seconds more each time: the app is found where it was last seen."""
    for off in (30, 60, 90, 120):
        clock.forward(minutes=5)
        mine = api.stranger()
        sign_in(mine, BEN, PASSWORD)
        assert mine.take("code", code=app.code(seconds=off)).step == "done", off
    clock.forward(minutes=5)
    mine = api.stranger()
    sign_in(mine, BEN, PASSWORD)
    assert mine.take("code", code=app.code()).refused  # two minutes from where it was last seen


@pytest.mark.parametrize("code", ["", "12345", "1234567", "abcdef", "٤٢٤٢٤٢", "😀" * 6, "0" * 12])
def test_what_is_no_code_is_refused(door: Door, app: App, code: str) -> None:
    sign_in(door, BEN, PASSWORD)
    assert door.take("code", code=code).refused
    assert door.take("code", code=app.code()).step == "done"


def test_after_the_last_try_even_the_right_code_fails(door: Door, app: App) -> None:
    configure(TwoFactor__MaxCodeChecks=2)
    sign_in(door, BEN, PASSWORD)
    for _time in range(2):
        assert door.take("code", code=app.wrong()).refused
    said = door.take("code", code=app.code())
    assert said.step == "ended"
    assert "tried too often" in said.text
    assert not door.is_in()


def test_each_prompt_counts_as_a_send(door: Door, app: App, clock: Time) -> None:
    configure(TwoFactor__MaxCodeSends=2, TwoFactor__CodeExpiryMinutes=1)
    sign_in(door, BEN, PASSWORD)
    clock.forward(minutes=2)
    late = door.take("code", code=app.code())
    assert late.refused
    assert "no longer good" in late.text
    assert not door.take("resend").refused
    clock.forward(minutes=2)
    assert door.take("resend").step == "ended"
    assert not door.is_in()
    assert Challenge.objects.count() == 2


def test_the_code_of_somebody_else_s_app_is_a_wrong_one(door: Door, ada: User, app: App) -> None:
    hers = app_of(ada)
    sign_in(door, BEN, PASSWORD)
    assert door.take("code", code=hers.code()).refused
    assert not door.is_in()


def test_an_app_that_is_not_set_up_yet_counts_for_nothing(api: ApiDoor, ben: User, app: App) -> None:
    Factor.objects.update(confirmed_at=None)
    sign_in(api, BEN, PASSWORD)
    assert api.take("code", code=app.code()).refused


@pytest.mark.django_db(transaction=True)
def test_of_fifty_uses_of_one_code_at_once_one_signs_in(ben: User, app: App) -> None:
    doors = [ApiDoor() for _ in range(10)]
    for door in doors[:8]:  # no more sign-ins are begun in ten minutes than codes may be asked for
        assert sign_in(door, BEN, PASSWORD).step == "code"
    code, steps = app.code(), list[str]()

    def work(number: int) -> None:
        said = doors[number % 8].take("code", code=code)
        steps.append(said.step)

    in_parallel(50, work)
    assert steps.count("done") == 1
    assert Session.objects.count() == 1


# --- recovery codes


def test_a_recovery_code_stands_in_for_the_app_and_works_once(door: Door, ben: User, app: App) -> None:
    codes = paper_of(ben)
    said = sign_in(door, BEN, PASSWORD)
    assert said.step == "method"
    assert door.take("method", method="recovery").step == "code"
    assert door.take("code", code=codes[0].lower().replace("-", " ")).step == "done"
    other = door.stranger()
    sign_in(other, BEN, PASSWORD)
    other.take("method", method="recovery")
    assert other.take("code", code=codes[0]).refused
    assert other.take("code", code=codes[1]).step == "done"
    assert RecoveryCode.objects.exclude(used_at=None).count() == 2


@pytest.mark.parametrize("code", ["", "AAAAA-AAAAA", "A", "0" * 12, "\u0430" * 10, "%" * 11])
def test_what_is_no_recovery_code_is_refused(door: Door, ben: User, app: App, code: str) -> None:
    paper_of(ben)
    sign_in(door, BEN, PASSWORD)
    door.take("method", method="recovery")
    assert door.take("code", code=code).refused
    assert not door.is_in()


def test_new_recovery_codes_void_the_old_ones(door: Door, ben: User, app: App) -> None:
    old = paper_of(ben)
    new = paper_of(ben)
    assert set(old).isdisjoint(new)
    sign_in(door, BEN, PASSWORD)
    door.take("method", method="recovery")
    assert door.take("code", code=old[0]).refused
    assert door.take("code", code=new[0]).step == "done"


def test_recovery_codes_are_counted_like_any_other(door: Door, ben: User, app: App) -> None:
    codes = paper_of(ben)
    configure(TwoFactor__MaxCodeChecks=2)
    sign_in(door, BEN, PASSWORD)
    door.take("method", method="recovery")
    for _time in range(2):
        assert door.take("code", code="BBBBB-BBBBB").refused
    assert door.take("code", code=codes[0]).step == "ended"
    assert not RecoveryCode.objects.exclude(used_at=None).exists()


@pytest.mark.django_db(transaction=True)
def test_of_many_uses_of_one_recovery_code_at_once_one_signs_in(ben: User, app: App) -> None:
    codes = paper_of(ben)
    doors = [ApiDoor() for _ in range(5)]
    for door in doors:
        sign_in(door, BEN, PASSWORD)
        assert door.take("method", method="recovery").step == "code"
    steps: list[str] = []
    in_parallel(20, lambda number: steps.append(doors[number % 5].take("code", code=codes[0]).step))
    assert steps.count("done") == 1
    assert RecoveryCode.objects.exclude(used_at=None).count() == 1


# --- choice


def test_the_person_chooses_among_several_by_name_and_masked_address(
    door: Door, ben: User, app: App, post: Post
) -> None:
    mailbox_of(ben)
    said = sign_in(door, BEN, PASSWORD)
    assert said.step == "method"
    assert not post.to(BEN)
    if isinstance(door, ApiDoor):
        assert said.facts["methods"] == [
            {"id": "totp", "kind": "totp", "label": ""},
            {"id": "email", "kind": "email", "label": "b•••@acme.example"},
        ]
    else:
        assert "Authenticator app" in said.text
        assert "b•••@acme.example" in said.text
    assert BEN not in said.text.replace(f"Signing in as {BEN}", "")
    assert door.take("method", method="email").step == "code"
    assert door.take("code", code=post.code(BEN)).step == "done"


def test_apps_are_told_by_the_names_that_the_person_gave(door: Door, ben: User, app: App) -> None:
    app_of(ben)
    mailbox_of(ben)
    for factor, name in zip(
        Factor.objects.filter(kind="totp").order_by("pk"), ("Work phone", "Tablet"), strict=True
    ):
        Factor.objects.filter(pk=factor.pk).update(name=name)
    said = sign_in(door, BEN, PASSWORD)
    told = said.facts["methods"][0]["label"] if isinstance(door, ApiDoor) else said.text
    assert "Work phone, Tablet" in told


def test_the_way_used_last_is_proposed_first_and_the_preferred_one_before_it(
    api: ApiDoor, ben: User, app: App, post: Post
) -> None:
    mailbox_of(ben)

    def proposed() -> list[str]:
        return [one["id"] for one in sign_in(api.stranger(), BEN, PASSWORD).facts["methods"]]

    assert proposed() == ["totp", "email"]
    sign_in(api, BEN, PASSWORD)
    api.take("method", method="email")
    api.take("code", code=post.code(BEN))
    assert proposed() == ["email", "totp"]
    User.objects.filter(pk=ben.pk).update(preferred_factor="totp")
    assert proposed() == ["totp", "email"]


def test_whoever_chose_an_app_is_not_let_in_by_a_mailbox_that_he_did_not_choose(
    door: Door, ada: User, post: Post
) -> None:
    """Ada's address is verified and a factor is required of her: the app that she turned on is asked for, and nothing weaker."""
    app = app_of(ada)
    assert sign_in(door, ADA, PASSWORD).step == "code"
    said = door.take("method", method="email")
    assert said.refused
    assert not post.to(ADA)
    assert door.take("code", code=app.code()).step == "done"


def test_another_way_weakens_nothing_and_shares_the_counters(
    door: Door, ben: User, app: App, post: Post, clock: Time
) -> None:
    mailbox_of(ben)
    configure(TwoFactor__MaxCodeSends=3)
    sign_in(door, BEN, PASSWORD)
    assert door.take("method", method="email").step == "code"
    first = post.code(BEN)
    assert door.take("method", method="totp").step == "code"
    assert door.take("code", code=first).refused  # the mail's code is none of the app
    assert not door.is_in()
    clock.forward(seconds=16)
    assert door.take("method", method="email").step == "code"
    said = door.take("method", method="totp")
    assert said.step == "ended"  # a fourth time
    assert not door.is_in()


@pytest.mark.parametrize(
    "method", ["sms", "passkey", "webservice", "radius", "recovery", "nonsense", "totp:2", ""]
)
def test_no_way_is_taken_that_the_person_does_not_have(door: Door, ben: User, app: App, method: str) -> None:
    mailbox_of(ben)
    sign_in(door, BEN, PASSWORD)
    assert door.take("method", method=method).refused
    assert not door.is_in()


@pytest.mark.parametrize(
    ("generation", "ways"), [("internal", ["email"]), ("external", ["totp"]), ("both", ["totp", "email"])]
)
def test_the_setting_says_who_makes_the_codes(
    api: ApiDoor, ben: User, app: App, generation: str, ways: list[str], acme: Company
) -> None:
    mailbox_of(ben)
    if generation != "both":
        configure(acme, TwoFactor__CodeGeneration=generation)
    said = sign_in(api, BEN, PASSWORD)
    found = said.facts.get("methods") or [said.facts["method"]]
    assert [one["id"] for one in found] == ways


def test_recovery_codes_are_possible_whoever_makes_the_codes(api: ApiDoor, ben: User, app: App) -> None:
    codes = paper_of(ben)
    configure(TwoFactor__CodeGeneration="internal")
    sign_in(api, BEN, PASSWORD)
    assert api.take("method", method="recovery").step == "code"
    assert api.take("code", code=codes[0]).step == "done"


def test_without_a_field_for_the_address_no_code_goes_there(door: Door, ada: User, post: Post) -> None:
    configure(TwoFactor__EmailField="none", TwoFactor__NoVerifiedContactBehaviour="deny")
    assert sign_in(door, ADA, PASSWORD).step == "ended"
    assert not post.to(ADA)


def test_the_organisation_s_words_stand_above_the_field(door: Door, app: App) -> None:
    configure(TwoFactor__ExternalPrompt="Type what the green device shows.")
    said = sign_in(door, BEN, PASSWORD)
    words = said.text if isinstance(door, WebDoor) else said.facts["prompt"]
    assert "Type what the green device shows." in words


# --- an app set up at the sign-in itself


def test_who_has_no_address_sets_an_app_up_at_sign_in(door: Door, ada: User, clock: Time) -> None:
    configure(TwoFactor__CodeGeneration="external")
    said = sign_in(door, ADA, PASSWORD)
    assert said.step == "enrol"
    said = door.take("enrol", kind="totp")
    assert said.step == "enrol"
    factor = Factor.objects.get()
    assert factor.confirmed_at is None
    if isinstance(door, ApiDoor):
        secret = said.facts["secret"]
        assert said.facts["otpauth_url"].startswith("otpauth://totp/Gatehouse:ada@acme.example?secret=")
    else:
        assert "<svg" in door.answer.content.decode()
        secret = _key(door)
    app = App(secret)
    off = door.take("enrol", kind="totp", code=app.code(seconds=600))
    assert off.refused
    assert "10 minutes off" in off.text
    left = off.facts.get("checks_left") if isinstance(door, ApiDoor) else off.text
    assert left == 4 if isinstance(door, ApiDoor) else "4 tries left" in str(left)
    assert not door.is_in()
    assert door.take("enrol", kind="totp", code=app.code()).step == "done"
    assert door.is_in()
    factor.refresh_from_db()
    assert factor.confirmed_at is not None
    clock.forward(seconds=60)
    other = door.stranger()
    assert sign_in(other, ADA, PASSWORD).step == "code"
    assert other.take("code", code=app.code()).step == "done"


def _key(door: WebDoor) -> str:
    page = door.answer.content.decode()
    return page.partition('class="key">')[2].partition("<")[0].replace(" ", "")


def test_whoever_has_an_address_verifies_that_one_and_no_app_of_anybody(
    door: Door, ada: User, post: Post
) -> None:
    User.objects.filter(pk=ada.pk).update(email_verified_at=None)
    assert sign_in(door, ADA, PASSWORD).step == "enrol"
    assert door.take("enrol", kind="totp").refused
    assert not Factor.objects.exists()


# --- what changed under way


def test_a_password_that_changed_under_way_ends_the_sign_in(door: Door, ben: User, app: App) -> None:
    sign_in(door, BEN, PASSWORD)
    set_password(ben, NEW_PASSWORD, must_change=False, by=system_actor(), now=timezone.now())
    assert door.take("code", code=app.code()).step == "ended"
    assert not door.is_in()


def test_an_app_that_was_removed_under_way_proves_nothing(door: Door, ben: User, app: App) -> None:
    sign_in(door, BEN, PASSWORD)
    code = app.code()
    Factor.objects.all().delete()
    assert door.take("code", code=code).refused
    assert not door.is_in()


def test_confirming_asks_for_the_app_again_where_nothing_is_skipped(
    door: Door, ben: User, app: App, clock: Time
) -> None:
    configure(TwoFactor__SkipOptions="never")
    sign_in(door, BEN, PASSWORD)
    assert door.take("code", code=app.code()).step == "done"
    clock.forward(minutes=4)
    door.confirm()
    assert door.take("password", password=PASSWORD).step == "code"
    assert door.take("code", code=app.code()).step == "done"
