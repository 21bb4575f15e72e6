"""The attacks of A, B, C, E and K against apps and recovery codes: steps skipped, codes used twice or guessed, seeds read."""

import base64

import pytest
from django.db import connection
from django.utils import timezone

from accounts.limits import unlock_user
from accounts.models import Session, User
from accounts.people import lock_user
from audit.models import AuditEvent
from core import sealed
from core.errors import PortalError
from tenants.actor import system_actor
from tenants.models import Company
from tests.attacks.addresses import every_path
from tests.attacks.parallel import at_once
from tests.attacks.people import BEN
from tests.cast import Api
from tests.factors import App, app_of, mailbox_of, paper_of
from tests.journeys.doors import ApiDoor, Door, WebDoor, sign_in
from tests.journeys.stage import PASSWORD, Post, Time, configure
from twofactor.models import Challenge, Factor, RecoveryCode

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db]


@pytest.fixture
def app(ben: User, clock: Time) -> App:
    """Ben's app."""
    return app_of(ben)


# --- A: steps skipped, or taken for somebody else


def test_no_step_but_the_code_leads_on(door: Door, ben: User, app: App) -> None:
    paper_of(ben)
    sign_in(door, BEN, PASSWORD)
    for step, fields in (
        ("password", {"password": PASSWORD}),
        ("change-password", {"current_password": PASSWORD, "new_password": "five apples on a shelf 3"}),
        ("enrol", {"kind": "email", "value": BEN}),
        ("enrol", {"kind": "totp"}),
        ("passkey", {"credential": "{}"}),
        ("challenge", {"answer": app.code()}),
        ("done", {}),
        ("code", {"code": app.code()}),  # no way was chosen yet
    ):
        assert door.take(step, **fields).refused, step
        assert not door.is_in()
    assert not Session.objects.exists()


def test_the_app_of_the_attacker_proves_nothing_for_the_victim(
    door: Door, ben: User, ada: User, app: App
) -> None:
    """Mallory sets up an app of her own and types its codes into Ben's sign-in; and she begins to enrol it there."""
    hers = app_of(ada)
    sign_in(door, BEN, PASSWORD)
    for code in (hers.code(), hers.code(seconds=30), hers.code(seconds=-30)):
        assert door.take("code", code=code).refused
    assert door.take("enrol", kind="totp").refused
    assert Factor.objects.filter(user=ben).count() == 1
    assert not door.is_in()


def test_with_an_app_a_mailed_link_is_not_enough(door: Door, ben: User, app: App, post: Post) -> None:
    """Whoever reads the mailbox sets no new password without the app."""
    door.forgotten(BEN)
    said = door.use(post.link(BEN))
    assert said.step == "code"
    assert door.take("change-password", new_password="five apples on a shelf 3").refused
    assert door.take("method", method="email").refused
    assert door.take("code", code=app.wrong()).refused
    assert door.take("code", code=app.code()).step == "change-password"


@pytest.mark.parametrize("change", [{"CodeGeneration": "external"}, {"EmailField": "none"}], ids=str)
def test_where_the_settings_forbid_what_somebody_chose_a_strangers_app_does_not_take_its_place(
    door: Door, ben: User, change: dict[str, str]
) -> None:
    """Ben turned on codes by mail; Mallory knows his password, and what is left to set up at the sign-in is an app, anybody's."""
    mailbox_of(ben)
    configure(**{f"TwoFactor__{name}": value for name, value in change.items()})
    said = sign_in(door, BEN, PASSWORD)
    assert said.step == "ended"
    assert door.take("enrol", kind="totp").step in {"ended", "username"}
    assert not door.is_in()
    assert not Factor.objects.filter(kind="totp").exists()


# --- B: twice, on two nodes


@pytest.mark.django_db(transaction=True)
def test_one_code_at_two_nodes_at_once_signs_in_once(ben: User, app: App) -> None:
    doors = [(ApiDoor, WebDoor)[number % 2]() for number in range(8)]
    for door in doors:
        assert sign_in(door, BEN, PASSWORD).step == "code"
    code = app.code()
    said = at_once(lambda number: doors[number].take("code", code=code), times=8)
    assert [one.step for one in said].count("done") == 1
    assert Session.objects.count() == 1
    assert sum(door.is_in() for door in doors) == 1


@pytest.mark.django_db(transaction=True)
def test_fifty_checks_at_once_are_no_more_than_allowed(ben: User, app: App) -> None:
    """Half of the fifty hold the right code; but only one more is looked at, and then none."""
    configure(TwoFactor__MaxCodeChecks=3)
    door = ApiDoor()
    sign_in(door, BEN, PASSWORD)
    handle, wrong = door.handle, app.wrong()

    def guess(code: str) -> str:
        return ApiDoor().post("/api/v1/login/code/", {"handle": handle, "code": code}).facts.get("code", "")

    for _time in range(2):
        assert guess(wrong) == "try_again"
    answers = at_once(lambda number: guess(wrong if number % 2 else app.code()))
    assert Challenge.objects.get().checks == 3  # one more, be it right or wrong
    assert answers.count("try_again") + Session.objects.count() == 1


# --- C: guessing


def test_an_app_cannot_be_guessed_by_beginning_again_and_again(ben: User, app: App, clock: Time) -> None:
    """Mallory knows the password. In a day she gets a hundred and fifty guesses at a million codes, whatever she varies."""
    paper_of(ben)
    mailbox_of(ben)
    guesses, ways, stopped = 0, ("totp", "recovery", "email"), False
    for number in range(200):
        door = ApiDoor(address=f"203.0.{number // 250}.{number % 250 + 1}")
        said = sign_in(door, BEN, PASSWORD)
        if said.step == "method":
            said = door.take("method", method=ways[number % 3])
        if said.step != "code" or said.refused:
            stopped = True
            break
        for _ in range(20):
            if door.take("code", code="AAAAAAAAAA" if number % 3 == 1 else app.wrong()).step != "code":
                break
            guesses += 1
        clock.forward(minutes=5)
    assert stopped
    assert guesses <= 150


def test_whoever_uses_the_victims_guesses_up_is_seen_and_the_victim_gets_in_the_next_day(
    ben: User, app: App, clock: Time
) -> None:
    for number in range(40):
        door = ApiDoor(address=f"203.0.113.{number + 1}")
        if sign_in(door, BEN, PASSWORD).step != "code":
            break
        clock.forward(minutes=2)
    assert AuditEvent.objects.filter(event="login:code:asked").count() == 30
    clock.forward(hours=24)
    mine = ApiDoor()
    sign_in(mine, BEN, PASSWORD)
    assert mine.take("code", code=app.code()).step == "done"


@pytest.mark.parametrize("behaviour", ["lock", "wait", "deny"])
def test_too_many_checks_of_an_app_do_what_the_settings_say(
    door: Door, ben: User, app: App, clock: Time, behaviour: str
) -> None:
    if behaviour != "deny":
        configure(TwoFactor__BehaviourAfterMaxCodeChecks=behaviour)
    configure(TwoFactor__MaxCodeChecks=1)
    sign_in(door, BEN, PASSWORD)
    door.take("code", code=app.wrong())
    said = door.take("code", code=app.code())
    assert said.refused
    assert not door.is_in()
    ben.refresh_from_db()
    assert (ben.locked_at is not None) is (behaviour == "lock")
    if behaviour == "wait":
        assert (said.status, said.step) == (429, "code")
        clock.forward(minutes=11)
        assert not door.take("resend").refused
        assert door.take("code", code=app.code()).step == "done"
    elif behaviour == "lock":
        assert sign_in(door.stranger(), BEN, PASSWORD).refused
        unlock_user(ben, by=system_actor(), now=timezone.now())
    if behaviour != "wait":
        clock.forward(minutes=1)
        other = door.stranger()
        sign_in(other, BEN, PASSWORD)
        assert other.take("code", code=app.code()).step == "done"


# --- E: after it should have ended


@pytest.mark.parametrize("change", ["locked", "disabled", "company"])
def test_whoever_was_shut_out_under_way_gets_nothing_for_a_right_code(
    door: Door, ben: User, app: App, acme: Company, change: str
) -> None:
    sign_in(door, BEN, PASSWORD)
    if change == "locked":
        lock_user(ben, reason="test", by=system_actor(), now=timezone.now())
    elif change == "disabled":
        User.objects.filter(pk=ben.pk).update(is_active=False)
    else:
        Company.objects.filter(pk=acme.pk).update(is_active=False)
    assert door.take("code", code=app.code()).step == "ended"
    assert not Session.objects.exists()


# --- K: seeds and codes at rest


def test_a_seed_is_sealed_and_a_moved_one_does_not_open(ben: User, ada: User, app: App) -> None:
    app_of(ada)
    first, second = Factor.objects.order_by("id")
    seed = sealed.unseal(first, "secret")
    with connection.cursor() as cursor:
        cursor.execute("SELECT secret FROM twofactor_factor")
        kept = " ".join(row[0] for row in cursor.fetchall())
    for shape in (seed.hex(), base64.b32encode(seed).decode(), base64.b64encode(seed).decode()):
        assert shape not in kept
    second.secret = first.secret
    with pytest.raises(PortalError):
        sealed.unseal(second, "secret")


def test_recovery_codes_are_hashed_one_by_one(ben: User, app: App) -> None:
    codes = paper_of(ben)
    kept = "\n".join(f"{row.selector} {row.hash}" for row in RecoveryCode.objects.all())
    assert RecoveryCode.objects.count() == len(set(codes)) == 10
    for code in codes:
        assert code not in kept
        assert code.replace("-", "") not in kept


def test_nobody_reads_a_seed_that_is_in_force(ben: User, ada: User, root: User, app: App) -> None:
    """Not the person, not an administrator, at no address of the product."""
    factor = Factor.objects.get()
    key = base64.b32encode(sealed.unseal(factor, "secret")).decode().rstrip("=")
    looked = 0
    for user in (ben, ada, root):
        program = Api(user)
        for path in every_path(ident=str(factor.uid)):
            if path.startswith(("/api/", "/account/", "/admin/")):
                looked += 1
                assert key not in program.get(path).content.decode(errors="replace"), path
    assert looked > 300
