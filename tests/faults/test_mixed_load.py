"""Everything at the same time to the same few people: nobody waits for another for ever, and no row is half-written."""

import random
import time
from collections import Counter
from collections.abc import Callable

import pytest
from django.utils import timezone

from accounts.ending import end_own_others, sign_out_everywhere
from accounts.models import Session, User
from core import entropy
from delivery.tasks import drain
from tenants.models import Company, Role
from tests.cast import AGENT, MEMBER, Api, acting
from tests.faults.database import deadlocks
from tests.faults.figures import soak_seconds, told
from tests.faults.invariants import findings
from tests.journeys.doors import ApiDoor, WebDoor
from tests.journeys.stage import *  # noqa: F403
from tests.journeys.stage import PASSWORD, Post, _server, configure  # noqa: F401
from tests.parallel import in_parallel
from twofactor.methods.sent import CODE_PURPOSE
from twofactor.models import Challenge

pytestmark = [pytest.mark.postgresql_only, pytest.mark.django_db(transaction=True)]
THREADS = 12
ADA, BEN = "ada@acme.example", "ben@acme.example"


class Crowd:
    """One of many who do whatever comes to mind; `statuses` is what the doors answered."""

    def __init__(self, number: int, *, root: User, ada: User, ben: User, acme: Company) -> None:
        self.dice, self.statuses = random.Random(number), Counter[int]()
        self.root, self.ada, self.ben, self.acme = root, ada, ben, acme
        self.program, self.address = Api(root), f"203.0.113.{number + 1}"
        self.web = WebDoor(address=self.address)

    def one_thing(self) -> None:
        """Something."""
        self.dice.choice(self._things)()

    @property
    def _things(self) -> list[Callable[[], None]]:
        return [
            self.sign_in, self.sign_in, self.on_pages, self.with_a_code, self.with_a_code, self.guess, self.forget, drain,
            self.lock, self.unlock, self.unlock, self.change_roles, self.change_settings, self.sign_out, self.end_one, self.end_own,
        ]  # fmt: skip

    def _program(self, method: str, path: str, body: object) -> None:
        answer = self.program._call(method, path, body, {})
        self.statuses[answer.status_code] += 1

    def _door(self) -> ApiDoor:
        return ApiDoor(address=self.address)

    def _count(self, door: ApiDoor | WebDoor) -> None:
        self.statuses[door.answer.status_code] += 1

    def sign_in(self) -> None:
        door = self._door()
        door.begin(BEN)
        door.take("password", password=PASSWORD)
        self._count(door)
        if door.refresh:
            door.is_in()
            door.post("/api/v1/tokens/refresh/", {"refresh_token": door.refresh})
            self._count(door)

    def on_pages(self) -> None:
        self.web.begin(BEN)
        self.web.take("password", password=PASSWORD)
        self._count(self.web)
        self.web.open("/account/")
        self._count(self.web)

    def with_a_code(self) -> None:
        door = self._door()
        door.begin(ADA)
        if door.take("password", password=PASSWORD).step == "code":
            newest = Challenge.objects.latest("id")  # another's at times: then it is a wrong code
            door.take("code", code=entropy.derived_code(purpose=CODE_PURPOSE, id=str(newest.uid), digits=6))
        self._count(door)

    def guess(self) -> None:
        door = self._door()
        door.begin(self.dice.choice([ADA, BEN]))
        door.take("password", password="a wrong guess")
        self._count(door)

    def forget(self) -> None:
        door = self._door()
        door.forgotten(BEN)
        self._count(door)

    def lock(self) -> None:
        self._program("POST", f"users/{self.ben.uid}/lock/", {"reason": "lost phone"})

    def unlock(self) -> None:
        self._program("POST", f"users/{self.dice.choice([self.ada, self.ben]).uid}/unlock/", {})

    def change_roles(self) -> None:
        names = self.dice.choice([[MEMBER], [AGENT], [MEMBER, AGENT]])
        roles = [str(one.uid) for one in Role.objects.filter(name__in=names, company=None)]
        self._program("PATCH", f"users/{self.ben.uid}/", {"roles": roles})

    def change_settings(self) -> None:
        path = self.dice.choice(["settings/", f"companies/{self.acme.uid}/settings/"])
        minutes = self.dice.randrange(10, 60)
        self._program(
            "PATCH", path, {"values": {"Session.IdleLockMinutes": minutes}, "reason": "trying it out"}
        )

    def sign_out(self) -> None:
        sign_out_everywhere(self.ben, by=acting(self.root), now=timezone.now())

    def end_one(self) -> None:
        session = self._session()
        if session is not None:
            self._program("DELETE", f"sessions/{session.uid}/", None)

    def end_own(self) -> None:
        session = self._session()
        if session is not None:
            end_own_others(session, origin=acting(self.ben).origin, now=timezone.now())

    def _session(self) -> Session | None:
        live = Session.objects.filter(user=self.ben, ended_at=None).select_related("user", "browser")
        return self.dice.choice([*live[:20], None])


def test_a_crowd_that_does_everything_at_once_deadlocks_nobody(
    root: User, ada: User, ben: User, acme: Company, post: Post
) -> None:
    configure(TwoFactor__SkipOptions="device")
    crowd = [Crowd(number, root=root, ada=ada, ben=ben, acme=acme) for number in range(THREADS)]
    until = time.monotonic() + soak_seconds(6)

    def work(number: int) -> None:
        while time.monotonic() < until:
            crowd[number].one_thing()

    in_parallel(THREADS, work, seconds=soak_seconds(6) + 60)
    statuses = sum((one.statuses for one in crowd), Counter[int]())
    told(f"{sum(statuses.values())} answers: {dict(sorted(statuses.items()))}")
    assert deadlocks() == 0
    assert max(statuses) < 500
    assert {200, 401, 409} <= set(statuses)
    assert findings() == []
