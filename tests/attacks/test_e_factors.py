"""E: what an administrator changed counts at once, for whoever is about to prove or add a second factor as well."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Thread
from typing import Any

import pytest
from django.db import connections
from django.utils import timezone
from pytest_django import Settings

from accounts.models import Session, User
from accounts.people import UserDraft, change_user, lock_user, set_password
from core import epoch
from core.db import unit
from core.models import Epoch
from core.outcomes import Denied
from tenants.actor import system_actor
from tests.cast import Api
from tests.factors import App, app_of
from tests.journeys.doors import ApiDoor, sign_in
from tests.journeys.passkeys import ORIGIN, begin_by_passkey, device_of, options_at, show
from tests.journeys.stage import NEW_PASSWORD, PASSWORD, Post, configure
from twofactor.models import Factor
from twofactor.services.administered import turn_off_factors

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db(transaction=True)]
BEN = "ben@acme.example"
THIEVES = "thief@evil.example"
HELD = 0.4  # seconds that an administrator's change is under way
Change = Callable[[User], Any]


@pytest.fixture(autouse=True)
def named(settings: Settings) -> None:
    """The portal has a name."""
    settings.PUBLIC_URL = ORIGIN


def lock(user: User) -> Any:
    return lock_user(user, reason="stolen", by=system_actor(), now=timezone.now())


def disable(user: User) -> Any:
    return change_user(user, UserDraft(is_active=False), by=system_actor(), now=timezone.now())


def rename(user: User) -> Any:
    draft = UserDraft(email="other@acme.example")
    return change_user(user, draft, by=system_actor(), now=timezone.now())


def reset(user: User) -> Any:
    return turn_off_factors(user, reason="stolen", by=system_actor(), now=timezone.now())


def give_password(user: User) -> Any:
    return set_password(user, NEW_PASSWORD, must_change=False, by=system_actor(), now=timezone.now())


class Under:
    """An administrator's change of Ben that is under way, in a transaction that takes its time."""

    def __init__(self, change: Change, user: User) -> None:
        self._change, self._user = change, user
        self._made, self._said = Event(), list[Any]()
        self._thread = Thread(target=self._run)

    def _run(self) -> None:
        try:
            with unit():
                self._said.append(self._change(User.objects.get(pk=self._user.pk)))
                self._made.set()
                time.sleep(HELD)
        finally:
            self._made.set()
            connections.close_all()

    def __enter__(self) -> None:
        self._thread.start()
        self._made.wait(10)

    def __exit__(self, *_error: object) -> None:
        self._thread.join(10)
        assert self._said
        assert not isinstance(self._said[0], Denied)


# --- a step that waits for the change


@pytest.mark.parametrize("kind", ["email", "totp"])
@pytest.mark.parametrize("change", [lock, disable, rename, give_password])
def test_whoever_enrols_meanwhile_does_not_take_the_change_over(
    ben: User, post: Post, kind: str, change: Change
) -> None:
    configure(
        TwoFactor__Policy="required", TwoFactor__CodeGeneration="both" if kind == "email" else "external"
    )
    User.objects.filter(pk=ben.pk).update(email_verified_at=None)
    door = ApiDoor()
    assert sign_in(door, BEN, PASSWORD).step == "enrol"
    assert not door.take("enrol", kind=kind).refused
    code = App(door.body["secret"]).code() if kind == "totp" else post.code(BEN)
    with Under(change, ben):
        said = door.take("enrol", code=code)
    assert said.refused
    assert not door.is_in()
    assert not Session.objects.filter(ended_at=None).exists()
    assert not Factor.objects.filter(user=ben).exclude(confirmed_at=None).exists()


@pytest.mark.parametrize("change", [lock, give_password])
def test_a_password_that_is_due_does_not_come_after_the_administrators(ben: User, change: Change) -> None:
    User.objects.filter(pk=ben.pk).update(must_change_password=True)
    door = ApiDoor()
    assert sign_in(door, BEN, PASSWORD).step == "change-password"
    mine = "five apples on a shelf 3"
    with Under(change, ben):
        door.take("change-password", current_password=PASSWORD, new_password=mine)
    ben.refresh_from_db()
    assert not door.is_in()
    assert not Session.objects.filter(ended_at=None).exists()
    assert not ben.check_password(mine)


# --- a process that believes for a second in a session that has ended


@contextmanager
def believing_in(version: int) -> Iterator[None]:
    """What this process knows of the version row is a moment old, as in one that has not looked again yet."""
    newest = epoch.current()
    Epoch.objects.update(version=version)
    try:
        yield
    finally:
        Epoch.objects.update(version=newest + 1)


def passkey(thief: Api, post: Post) -> tuple[str, Any]:
    options = thief.post("me/passkeys/").json()["options"]
    return "me/passkeys/confirm/", {"credential": device_of().create(options)}


def app(thief: Api, post: Post) -> tuple[str, Any]:
    begun = thief.post("me/factors/", {"kind": "totp"}).json()
    return f"me/factors/{begun['id']}/confirm/", {"code": App(begun["secret"]).code()}


def mailbox(thief: Api, post: Post) -> tuple[str, Any]:
    return "me/factors/", {"kind": "email"}


def paper(thief: Api, post: Post) -> tuple[str, Any]:
    return "me/factors/", {"kind": "recovery"}


def address(thief: Api, post: Post) -> tuple[str, Any]:
    assert thief.post("me/email/", {"email": THIEVES}).status_code == 200
    return "me/email/confirm/", {"code": post.code(THIEVES)}


def another_address(thief: Api, post: Post) -> tuple[str, Any]:
    return "me/email/", {"email": THIEVES}


Add = Callable[[Api, Post], tuple[str, Any]]


@pytest.mark.parametrize("add", [passkey, app, mailbox, paper, address, another_address])
@pytest.mark.parametrize("change", [reset, give_password])
def test_in_the_second_after_the_end_a_thief_adds_nothing(
    ben: User, post: Post, add: Add, change: Change
) -> None:
    """Another process has not looked at the version row yet, and lets the ended session in."""
    app_of(ben)
    thief = Api(ben)
    path, body = add(thief, post)
    thief.get("me/factors/")
    version = epoch.current()
    assert not isinstance(change(User.objects.get(pk=ben.pk)), Denied)
    assert not Session.objects.filter(ended_at=None).exists()
    before, mails = _own(ben), len(post.to(THIEVES))
    with believing_in(version):
        assert thief.get("me/factors/").status_code == 200
        assert thief.post(path, body).status_code >= 400
    ben.refresh_from_db()
    assert (ben.email, _own(ben)) == (BEN, before)
    assert len(post.to(THIEVES)) == mails


def test_in_that_second_he_removes_nothing_either(ben: User) -> None:
    app_of(ben)
    thief, kept = Api(ben), Factor.objects.get()
    thief.get("me/factors/")
    version = epoch.current()
    assert not isinstance(give_password(User.objects.get(pk=ben.pk)), Denied)
    with believing_in(version):
        assert thief.get("me/factors/").status_code == 200
        assert thief.delete(f"me/factors/{kept.uid}/").status_code >= 400
    assert Factor.objects.get() == kept


def _own(user: User) -> list[str]:
    return sorted(Factor.objects.filter(user=user).exclude(confirmed_at=None).values_list("kind", flat=True))


def test_nor_does_he_come_back_by_a_passkey_of_his(ben: User) -> None:
    thief, device = Api(ben), device_of()
    made = device.create(thief.post("me/passkeys/").json()["options"])
    thief.get("me/factors/")
    version = epoch.current()
    give_password(User.objects.get(pk=ben.pk))
    with believing_in(version):
        thief.post("me/passkeys/confirm/", {"credential": made})
    door = ApiDoor()
    begin_by_passkey(door)
    assert show(door, device.get(options_at(door))).refused
    assert not door.is_in()
