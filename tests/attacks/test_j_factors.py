"""J: who proves or changes a second factor and an administrator never wait for each other, and no company waits for another's service."""

import threading
import time
from collections.abc import Callable, Iterator

import pytest
from django.contrib.auth.hashers import make_password
from django.db import connections
from django.utils import timezone
from pytest_django import Settings

from accounts.models import Session, User
from tenants.models import Company
from tests import cast
from tests.attacks.parallel import at_once
from tests.attacks.people import BEN, without_factors
from tests.cast import Api
from tests.factors import App, app_of, mailbox_of, paper_of
from tests.journeys.doors import ApiDoor, Door, sign_in
from tests.journeys.outside_stage import *  # noqa: F403
from tests.journeys.outside_stage import _service  # noqa: F401
from tests.journeys.passkeys import ORIGIN, device_of, given_passkey, options_at, show
from tests.journeys.stage import PASSWORD, Post, Time, configure
from tests.services.verification import Service, verification_service
from tests.waiting import until
from twofactor.methods import webservice
from twofactor.models import Factor

ROUNDS = 8
APART = 0.003  # seconds by which the one begins later than the other, a little more each round
Work = Callable[[], int]
Prepare = Callable[[User, Post], Work]


@pytest.fixture(autouse=True)
def named(settings: Settings) -> None:
    """The portal has a name."""
    settings.PUBLIC_URL = ORIGIN


# --- what Ben is about to do


def begun(method: str = "") -> ApiDoor:
    door = ApiDoor()
    said = sign_in(door, BEN, PASSWORD)
    if said.step == "method":
        said = door.take("method", method=method)
    assert not said.refused, said
    return door


def by_app(ben: User, post: Post) -> Work:
    app, door = app_of(ben), begun()
    code = app.code()
    return lambda: door.take("code", code=code).status


def by_passkey(ben: User, post: Post) -> Work:
    device = device_of()
    given_passkey(ben, device)
    door = begun()
    credential = device.get(options_at(door))
    return lambda: show(door, credential).status


def by_recovery_code(ben: User, post: Post) -> Work:
    app_of(ben)
    codes, door = paper_of(ben), begun("recovery")
    return lambda: door.take("code", code=codes[0]).status


def by_mail(ben: User, post: Post) -> Work:
    mailbox_of(ben)
    door = begun()
    code = post.code(BEN)
    return lambda: door.take("code", code=code).status


def choose(ben: User, post: Post) -> Work:
    app_of(ben)
    mailbox_of(ben)
    door = ApiDoor()
    sign_in(door, BEN, PASSWORD)
    return lambda: door.take("method", method="totp").status


def ask_for_an_address(ben: User, post: Post) -> Work:
    program = Api(ben)
    return lambda: program.post("me/email/", {"email": "new@acme.example"}).status_code


def begin_an_app(ben: User, post: Post) -> Work:
    program = Api(ben)
    return lambda: program.post("me/factors/", {"kind": "totp"}).status_code


def confirm_an_app(ben: User, post: Post) -> Work:
    program = Api(ben)
    made = program.post("me/factors/", {"kind": "totp"}).json()
    code = App(made["secret"]).code()
    return lambda: program.post(f"me/factors/{made['id']}/confirm/", {"code": code}).status_code


def remove(ben: User, post: Post) -> Work:
    app_of(ben)
    program, factor = Api(ben), Factor.objects.get(user=ben)
    return lambda: program.delete(f"me/factors/{factor.uid}/").status_code


def confirm(ben: User, post: Post) -> Work:
    program, door = Api(ben), ApiDoor()
    handle = program.post("me/confirm/").json()["handle"]
    return lambda: door.post("/api/v1/login/password/", {"handle": handle, "password": PASSWORD}).status


WORK = [
    by_app, by_passkey, by_recovery_code, by_mail, choose, ask_for_an_address, begin_an_app, confirm_an_app, remove, confirm,
]  # fmt: skip


def _both(mine: Work, theirs: Work, *, round_: int) -> dict[int, int]:
    """What both got who began at about the same moment; an error of the database would be 500 or above."""

    def work(number: int) -> tuple[int, int]:
        time.sleep(APART * max(0, (round_ - ROUNDS // 2) * (1 if number else -1)))
        return number, (theirs if number else mine)()

    return dict(at_once(work, times=2))


@pytest.mark.postgresql_only
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("prepare", WORK)
@pytest.mark.parametrize("verb", ["reset-factors", "lock"])
def test_whoever_proves_or_changes_a_factor_and_an_administrator_do_not_wait_for_each_other(
    ben: User, root: User, post: Post, clock: Time, prepare: Prepare, verb: str
) -> None:
    for round_ in range(ROUNDS):
        without_factors(ben)
        User.objects.filter(pk=ben.pk).update(locked_at=None, last_factor="")
        ben.refresh_from_db()
        mine, admin = prepare(ben, post), Api(root)

        def theirs(*, admin: Api = admin) -> int:
            return admin.post(f"users/{ben.uid}/{verb}/", {"reason": "stolen"}).status_code

        answers = _both(mine, theirs, round_=round_)
        assert max(answers.values()) < 500, (round_, answers)
        if answers[1] < 300:  # the administrator was told that it is done
            assert not Session.objects.filter(user=ben, ended_at=None).exists(), (round_, answers)
        clock.forward(minutes=20)


@pytest.mark.postgresql_only
@pytest.mark.django_db(transaction=True)
def test_nor_do_they_where_the_account_is_deleted(acme: Company, root: User, clock: Time) -> None:
    for round_ in range(ROUNDS):
        name = f"person{round_}@acme.example"
        person = cast.person(name, company=acme, role=cast.MEMBER)
        person.password, person.password_changed_at = make_password(PASSWORD), timezone.now()
        person.save()
        app_of(person)
        mailbox_of(person)
        door, admin = ApiDoor(), Api(root)
        assert sign_in(door, name, PASSWORD).step == "method"

        def mine(*, door: ApiDoor = door) -> int:
            return door.take("method", method="totp").status

        def theirs(*, person: User = person, admin: Api = admin) -> int:
            return admin.delete(f"users/{person.uid}/").status_code

        answers = _both(mine, theirs, round_=round_)
        assert max(answers.values()) < 500, (round_, answers)
        assert not User.objects.filter(pk=person.pk).exists()


# --- a service that hangs


@pytest.fixture
def few_threads(settings: Settings) -> Iterator[None]:
    """A process that asks others in two calls at once."""
    settings.HTTP_THREADS = 8
    for kept in (webservice.slots, webservice.slots_at):
        kept.cache_clear()
    yield
    for kept in (webservice.slots, webservice.slots_at):
        kept.cache_clear()


@pytest.mark.django_db(transaction=True)
def test_the_service_of_one_company_that_hangs_shuts_no_other_out(
    ben: User, cleo: User, globex: Company, service: Service, few_threads: None
) -> None:
    """Cleo administers her company, whose service she names herself; it may take half a minute for each call."""
    with verification_service(plain=True, host="127.0.0.1") as hers:
        hers.mode = "slow"
        configure(globex, TwoFactor__WebServiceUrlProduction=hers.url, TwoFactor__WebServiceTimeoutMs=30_000)
        browsers = [cast.browser(cleo) for _ in range(2)]

        def load(number: int) -> None:
            browsers[number].post("/account/security/turn-on/webservice/")
            connections.close_all()

        assert browsers[0].get("/account/security/").status_code == 200
        assert not hers.calls  # a page that is merely looked at waits for nobody
        threads = [threading.Thread(target=load, args=(number,)) for number in range(2)]
        for thread in threads:
            thread.start()
        until(lambda: hers.calls, seconds=10)
        time.sleep(0.5)  # both are under way, or the second one was refused
        said = sign_in(ApiDoor(), BEN, PASSWORD)
        hers.release.set()
        for thread in threads:
            thread.join(40)
    assert said.step == "code", said


# --- codes that somebody else's doings must not use up


@pytest.mark.django_db
def test_apps_that_are_begun_use_up_no_code_of_a_sign_in(door: Door, ben: User, post: Post) -> None:
    mailbox_of(ben)
    program = Api(ben)
    for _ in range(10):
        assert program.post("me/factors/", {"kind": "totp"}).status_code == 200
    assert sign_in(door, BEN, PASSWORD).step == "code"
    assert door.take("code", code=post.code(BEN)).step == "done"


@pytest.mark.django_db
def test_yet_apps_are_not_begun_without_end(ben: User) -> None:
    program = Api(ben)
    said = [program.post("me/factors/", {"kind": "totp"}).status_code for _ in range(31)]
    assert said == [200] * 30 + [429]
