"""Nobody gives more than he has: not at once, not by a role, a permission, a move, or by what two of them make together.

Ada administers Acme with rank 60; every attempt is hers, over REST and in the administration (mission P4, attack F 21). Xena, who is
kept in the Configuration Server and was given at her sign-in just what Ada has, tries the same.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from accounts.models import User
from tenants.models import Company, Kind, Permission, Privilege, Reach, Role
from tests import cast, directory
from tests.isolation.attempts import (
    Attempt,
    Attempts,
    refused_in_the_administration,
    refused_over_rest,
    twin,
)
from tests.isolation.database import changes, state
from tests.isolation.visits import Visitor, undone
from tests.journeys.stage import configure


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
    visitors: Mapping[str, Visitor]  # who tries: Ada and Xena


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
    configure(Login__ExternalAuthenticationMode="ConfigServer")
    xena = twin(ada, tenant=directory.tenant(directory.ACME_DBID, company=acme), name="xena")
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
        visitors={"ada": Visitor("ada", ada), "xena": Visitor("xena", xena)},
    )


def _person(name: str, **more: Any) -> dict[str, Any]:
    return {
        "email": f"{name}@acme.example",
        "display_name": name,
        "password": "correct horse battery staple",
        **more,
    }


WHO = pytest.mark.parametrize("who", ["ada", "xena"])
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
    "somebody above her locked down": lambda s: Attempt(s.boss, {"reason": "why not"}, "lock-down"),
    "somebody above her unlocked": lambda s: Attempt(s.boss, {}, "unlock"),
    "somebody above her without second factors": lambda s: Attempt(
        s.boss, {"reason": "why not"}, "reset-factors"
    ),
    "a temporary code for somebody above her": lambda s: Attempt(
        s.boss, {"reason": "why not"}, "temporary-code"
    ),
    "the wait of somebody above her ended": lambda s: Attempt(s.boss, {}, "end-recovery"),
    "devices of somebody above her forgotten": lambda s: Attempt(s.boss, {}, "forget-devices"),
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
    "Ben locked down": lambda s: Attempt(s.ben, {"reason": "why not"}, "lock-down"),
}


@WHO
@pytest.mark.parametrize("name", ATTEMPTS)
def test_over_rest_it_is_refused_and_written_down(name: str, who: str, db: None, stage: Stage) -> None:
    refused_over_rest(ATTEMPTS[name](stage), stage.visitors[who])


# A form without a company means her own there.
MEANS_HERS = {"somebody new without a company", "a new role for every company"}


@WHO
@pytest.mark.parametrize("name", sorted(ATTEMPTS.keys() - MEANS_HERS))
def test_in_the_administration_it_is_refused_and_written_down(
    name: str, who: str, db: None, stage: Stage
) -> None:
    refused_in_the_administration(ATTEMPTS[name](stage), stage.visitors[who])


@WHO
@pytest.mark.parametrize("name", ALLOWED)
def test_what_she_may_she_can(name: str, who: str, db: None, stage: Stage) -> None:
    attempt, before, visitor = ALLOWED[name](stage), state(), stage.visitors[who]
    for call in (attempt.over_rest(), attempt.in_the_administration(visitor)):
        with undone():
            answer = visitor.send(call)
            assert answer.status in {200, 201, 204, 302}, answer.text
            assert changes(before, state()) != []
