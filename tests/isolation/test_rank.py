"""Nobody gives more than he has: not at once, not by a role, a permission, a move, or by what two of them make together.

Ada administers Acme with rank 60; every attempt is hers, over REST and in the administration (mission P4, attack F 21).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from accounts.models import User
from audit.events import Event
from audit.models import AuditEvent
from tenants.models import Company, Kind, Permission, Privilege, Reach, Role
from tests import cast
from tests.isolation.cases import filled, form_of
from tests.isolation.database import changes, state
from tests.isolation.them import Them
from tests.isolation.visits import Call, Visitor, undone


@dataclass
class Stage:
    """Acme with people and roles that Ada may and may not touch, and Root's things beside it."""

    ada: User
    ben: User
    boss: User  # stands above Ada
    lookout: User  # may do nothing, and see the people of every company
    root: User
    acme: Company
    globex: Company
    full: Role
    company_administrator: Role  # shared by all companies, and Ada's own
    agent: Role  # shared by all companies
    high: Role  # of Acme, above Ada
    rich: Role  # of Acme, low, with a privilege that Ada has not
    wide: Role  # of Acme, low, sees every company
    plain: Role  # of Acme, nobody has it
    hers: Role  # of Acme, Ada and Ben have it
    boss_has: Role  # of Acme, low; the boss has it too
    lookout_has: Role  # of Acme, low; the lookout has it too
    manage: Privilege
    beyond: Privilege  # that Ada has not
    permission: Permission  # of Ben, in his own company
    wide_permission: Permission  # of the lookout
    visitor: Visitor


@pytest.fixture(scope="module")
def stage(house: None) -> Stage:
    """Everybody and everything that the attempts speak of."""
    acme, globex = Company.objects.create(name="Acme"), Company.objects.create(name="Globex")

    def role(name: str, rank: int = 10, company: Company = acme) -> Role:
        return Role.objects.create(name=name, rank=rank, company=company)

    def person(name: str, *roles: Role, built_in: str = cast.AGENT) -> User:
        found = cast.person(f"{name}@acme.example", company=acme, role=built_in)
        found.roles.add(*roles)
        return found

    high, rich, wide, plain = role("High", 80), role("Rich"), role("Wide"), role("Plain")
    hers, boss_has, lookout_has = role("Hers"), role("Boss has"), role("Lookout has")
    beyond = Privilege.objects.get(name="Companies - Manage")
    rich.privileges.add(beyond)
    Permission.objects.create(role=wide, kind=Kind.USER, reach=Reach.EVERY)
    ada = person("ada", hers, built_in=cast.COMPANY_ADMINISTRATOR)
    ben, lookout = person("ben", hers), person("lookout", lookout_has)
    return Stage(
        ada=ada,
        ben=ben,
        boss=person("boss", high, boss_has),
        lookout=lookout,
        root=cast.person("root@portal.example", company=None, role=cast.FULL),
        acme=acme,
        globex=globex,
        full=Role.objects.get(name=cast.FULL),
        company_administrator=Role.objects.get(name=cast.COMPANY_ADMINISTRATOR),
        agent=Role.objects.get(name=cast.AGENT),
        high=high,
        rich=rich,
        wide=wide,
        plain=plain,
        hers=hers,
        boss_has=boss_has,
        lookout_has=lookout_has,
        manage=Privilege.objects.get(name="Users - Manage"),
        beyond=beyond,
        permission=Permission.objects.create(user=ben, kind=Kind.DELIVERY, reach=Reach.OWN),
        wide_permission=Permission.objects.create(user=lookout, kind=Kind.USER, reach=Reach.EVERY),
        visitor=Visitor("ada", ada),
    )


KINDS = {
    User: "users",
    Role: "roles",
    Permission: "permissions",
    Company: "companies",
    Privilege: "privileges",
}
PAGES = {
    User: "accounts/user",
    Role: "tenants/role",
    Permission: "tenants/permission",
    Company: "tenants/company",
    Privilege: "tenants/privilege",
}


def _id(value: Any) -> Any:
    if isinstance(value, list):
        return [_id(one) for one in value]
    return str(value.uid) if hasattr(value, "uid") else value


def _pk(value: Any) -> Any:
    if isinstance(value, list):
        return [_pk(one) for one in value]
    return "" if value is None else value.pk if hasattr(value, "pk") else value


@dataclass(frozen=True)
class Attempt:
    """What Ada tries: to change `what`, or (a class) to make one, with these values; `does` names another verb than changing."""

    what: Any
    values: Mapping[str, Any]
    does: str = ""

    @property
    def _is_new(self) -> bool:
        return isinstance(self.what, type)

    def over_rest(self) -> Call:
        """The attempt as a call of the API."""
        model = self.what if self._is_new else type(self.what)
        path, data = f"/api/v1/{KINDS[model]}/", {name: _id(value) for name, value in self.values.items()}
        if self._is_new:
            return Call("POST", path, data=data)
        if self.does == "delete":
            return Call("DELETE", f"{path}{self.what.uid}/")
        return Call(
            "POST" if self.does else "PATCH",
            f"{path}{self.what.uid}/{self.does and f'{self.does}/'}",
            data=data,
        )

    def in_the_administration(self, visitor: Visitor) -> Call:
        """The attempt as the form that a browser would send."""
        model = self.what if self._is_new else type(self.what)
        page = {"": "change", "password": "set_password"}.get(self.does, self.does)
        where = "add" if self._is_new else f"{self.what.pk}/{page}"
        path = f"/admin/{PAGES[model]}/{where}/"
        form = form_of(visitor, path)
        data = (
            {}
            if form is None
            else filled(form, _Nobody())
            if not self._is_new
            else {"kind": "delivery", "reach": "own"}
        )
        data |= {
            {"password": "new_password"}.get(name, name): _pk(value) for name, value in self.values.items()
        }
        return Call("POST", path, data=data)


class _Nobody(Them):
    """Nothing to fill empty fields with: what is empty stays so."""

    def pk(self, kind: str) -> int:
        return 0


def _person(name: str, **more: Any) -> dict[str, Any]:
    return {
        "email": f"{name}@acme.example",
        "display_name": name,
        "password": "correct horse battery staple",
        **more,
    }


Attempts = dict[str, Callable[[Stage], Attempt]]
DIRECT: Attempts = {
    "the highest role for Ben": lambda s: Attempt(s.ben, {"roles": [s.full]}),
    "the highest role for herself": lambda s: Attempt(s.ada, {"roles": [s.company_administrator, s.full]}),
    "the highest role for somebody new": lambda s: Attempt(
        User, _person("new", company=s.acme, roles=[s.full])
    ),
    "a role above her own": lambda s: Attempt(s.ben, {"roles": [s.high]}),
    "a role with a privilege that she has not": lambda s: Attempt(s.ben, {"roles": [s.rich]}),
    "a role that sees every company": lambda s: Attempt(s.ben, {"roles": [s.agent, s.wide]}),
}
BY_A_ROLE: Attempts = {
    "a new role above her own": lambda s: Attempt(Role, {"name": "New", "rank": 61, "company": s.acme}),
    "a new role with a privilege that she has not": lambda s: Attempt(
        Role, {"name": "New", "rank": 10, "company": s.acme, "privileges": [s.beyond]}
    ),
    "a new role for every company": lambda _s: Attempt(Role, {"name": "New", "rank": 10, "company": None}),
    "a new role for another company": lambda s: Attempt(
        Role, {"name": "New", "rank": 10, "company": s.globex}
    ),
    "her own role made higher": lambda s: Attempt(s.hers, {"rank": 61}),
    "her own role with a privilege that she has not": lambda s: Attempt(s.hers, {"privileges": [s.beyond]}),
    "the shared role that she has, made higher": lambda s: Attempt(s.company_administrator, {"rank": 61}),
    "the shared role that she has, with a privilege more": lambda s: Attempt(
        s.company_administrator, {"privileges": [s.beyond]}
    ),
    "the shared role that she has, without a second factor": lambda s: Attempt(
        s.company_administrator, {"twofactor_policy": "off"}
    ),
    "the shared role of agents, with a privilege that she has": lambda s: Attempt(
        s.agent, {"privileges": [s.manage]}
    ),
    "the shared role of agents, renamed": lambda s: Attempt(s.agent, {"name": "Mine"}),
    "the shared role of agents, deleted": lambda s: Attempt(s.agent, {}, "delete"),
    "the highest role, emptied": lambda s: Attempt(s.full, {"privileges": []}),
    "a role above her own, made low": lambda s: Attempt(s.high, {"rank": 1}),
    "a role with a privilege that she has not, without it": lambda s: Attempt(s.rich, {"privileges": []}),
    "a role of somebody above her, with a privilege that she has": lambda s: Attempt(
        s.boss_has, {"privileges": [s.manage]}
    ),
    "a role of somebody who sees every company, with a privilege that she has": lambda s: Attempt(
        s.lookout_has, {"privileges": [s.manage]}
    ),
    "a role above her own, deleted": lambda s: Attempt(s.high, {}, "delete"),
}
BY_A_PERMISSION: Attempts = {
    "every company for herself": lambda s: Attempt(
        Permission, {"user": s.ada, "kind": "*", "reach": "every"}
    ),
    "every company for Ben": lambda s: Attempt(Permission, {"user": s.ben, "kind": "user", "reach": "every"}),
    "another company for herself": lambda s: Attempt(
        Permission, {"user": s.ada, "kind": "*", "reach": "one", "company": s.globex}
    ),
    "every company for her role": lambda s: Attempt(
        Permission, {"role": s.hers, "kind": "role", "reach": "every"}
    ),
    "something for the shared role that she has": lambda s: Attempt(
        Permission, {"role": s.company_administrator, "kind": "user", "reach": "own"}
    ),
    "something for a shared role": lambda s: Attempt(
        Permission, {"role": s.agent, "kind": "user", "reach": "own"}
    ),
    "something for somebody above her": lambda s: Attempt(
        Permission, {"user": s.boss, "kind": "user", "reach": "own"}
    ),
    "something for a role of somebody above her": lambda s: Attempt(
        Permission, {"role": s.boss_has, "kind": "user", "reach": "own"}
    ),
    "something for a role with a privilege that she has not": lambda s: Attempt(
        Permission, {"role": s.rich, "kind": "company", "reach": "own"}
    ),
    "something for Root": lambda s: Attempt(Permission, {"user": s.root, "kind": "user", "reach": "own"}),
    "a permission of Ben made wide": lambda s: Attempt(s.permission, {"reach": "every"}),
    "a permission of Ben turned to another company": lambda s: Attempt(
        s.permission, {"reach": "one", "company": s.globex}
    ),
    "a wide permission made narrow": lambda s: Attempt(s.wide_permission, {"reach": "own"}),
    "a wide permission taken away": lambda s: Attempt(s.wide_permission, {}, "delete"),
}
BY_A_MOVE: Attempts = {
    "herself out of every company": lambda s: Attempt(s.ada, {"company": None}),
    "herself into another company": lambda s: Attempt(s.ada, {"company": s.globex}),
    "Ben out of every company": lambda s: Attempt(s.ben, {"company": None}),
    "Ben into another company": lambda s: Attempt(s.ben, {"company": s.globex}),
    "somebody new without a company": lambda s: Attempt(User, _person("new", company=None, roles=[s.agent])),
    "somebody new in another company": lambda s: Attempt(User, _person("new", company=s.globex)),
}
ABOVE: Attempts = {
    "somebody above her renamed": lambda s: Attempt(s.boss, {"display_name": "Nobody"}),
    "the address of somebody above her": lambda s: Attempt(s.boss, {"email": "mallory@acme.example"}),
    "the password of somebody above her": lambda s: Attempt(
        s.boss, {"password": "correct horse battery staple"}, "password"
    ),
    "somebody above her locked": lambda s: Attempt(s.boss, {"reason": "why not"}, "lock"),
    "somebody above her unlocked": lambda s: Attempt(s.boss, {}, "unlock"),
    "somebody above her disabled": lambda s: Attempt(s.boss, {"is_active": False}),
    "somebody above her deleted": lambda s: Attempt(s.boss, {}, "delete"),
    "somebody above her made low": lambda s: Attempt(s.boss, {"roles": [s.agent]}),
    "somebody who sees more than she does": lambda s: Attempt(
        s.lookout, {"roles": [s.company_administrator]}
    ),
    "her company switched off": lambda s: Attempt(s.acme, {"is_active": False}),
    "her company deleted": lambda s: Attempt(s.acme, {}, "delete"),
    "a company more": lambda _s: Attempt(Company, {"name": "New"}),
    "a privilege of the product renamed": lambda s: Attempt(s.manage, {"name": "New"}),
    "a privilege more": lambda _s: Attempt(Privilege, {"application": "CRM", "name": "New"}),
}
ATTEMPTS = DIRECT | BY_A_ROLE | BY_A_PERMISSION | BY_A_MOVE | ABOVE
# What is within her powers, so that a refusal of the others is about them and not about how they are asked.
ALLOWED: Attempts = {
    "a role that she may give": lambda s: Attempt(s.ben, {"roles": [s.agent, s.plain]}),
    "a new person": lambda s: Attempt(User, _person("new", company=s.acme, roles=[s.agent])),
    "a new role": lambda s: Attempt(
        Role, {"name": "New", "rank": 60, "company": s.acme, "privileges": [s.manage]}
    ),
    "a role that nobody has": lambda s: Attempt(s.plain, {"rank": 60, "privileges": [s.manage]}),
    "a role that she and Ben have": lambda s: Attempt(s.hers, {"rank": 60, "privileges": [s.manage]}),
    "a permission for Ben": lambda s: Attempt(Permission, {"user": s.ben, "kind": "user", "reach": "own"}),
    "a permission for a role": lambda s: Attempt(
        Permission, {"role": s.hers, "kind": "user", "reach": "own"}
    ),
    "a permission of Ben": lambda s: Attempt(s.permission, {"kind": "user"}),
    "a permission of Ben taken away": lambda s: Attempt(s.permission, {}, "delete"),
    "the password of Ben": lambda s: Attempt(s.ben, {"password": "correct horse battery staple"}, "password"),
    "Ben locked": lambda s: Attempt(s.ben, {"reason": "why not"}, "lock"),
}


def _trespasses(stage: Stage) -> int:
    return AuditEvent.objects.filter(event=Event.REFUSED, actor_uid=str(stage.ada.uid)).count()


@pytest.mark.parametrize("name", ATTEMPTS)
def test_over_rest_it_is_refused_and_written_down(name: str, db: None, stage: Stage) -> None:
    call, before = ATTEMPTS[name](stage).over_rest(), state()
    answer = stage.visitor.send(call)
    assert changes(before, state()) == []
    assert answer.status in {400, 403, 404, 409}, answer.text
    if answer.status == 403:
        assert _trespasses(stage) == 1


# A form without a company means her own there.
MEANS_HERS = {"somebody new without a company", "a new role for every company"}


@pytest.mark.parametrize("name", sorted(ATTEMPTS.keys() - MEANS_HERS))
def test_in_the_administration_it_is_refused_and_written_down(name: str, db: None, stage: Stage) -> None:
    call, before = ATTEMPTS[name](stage).in_the_administration(stage.visitor), state()
    answer = stage.visitor.send(call)
    assert changes(before, state()) == []
    # The page again with a sentence; or there is no such form for her.
    assert answer.status in {200, 403, 404}, answer.text
    unseen = answer.status == 404 or "is not one of the available choices" in answer.text
    assert unseen or _trespasses(stage) == 1
    assert answer.status != 200 or "errornote" in answer.text


@pytest.mark.parametrize("name", ALLOWED)
def test_what_she_may_she_can(name: str, db: None, stage: Stage) -> None:
    attempt, before = ALLOWED[name](stage), state()
    for call in (attempt.over_rest(), attempt.in_the_administration(stage.visitor)):
        with undone():
            answer = stage.visitor.send(call)
            assert answer.status in {200, 201, 204, 302}, answer.text
            assert changes(before, state()) != []
