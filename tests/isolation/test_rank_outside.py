"""The same over what the Configuration Server keeps: nobody gives external people more than he has, or touches who has more.

Ada administers Acme with rank 60, and Lou keeps people, tenants, directories and companies everywhere with the same rank. Xena and Zoe
are kept in the Configuration Server themselves, and were given at their sign-in just what Ada and Lou have (mission P4, P5).
"""

from collections.abc import Mapping

import pytest

from configserver import models as outside
from configserver.directory import Directory
from configserver.models import Person, SolutionPackage, Tenant
from tenants.models import Company
from tests.configserver.packages import package
from tests.isolation.attempts import (
    Attempt,
    Attempts,
    refused_in_the_administration,
    refused_over_rest,
)
from tests.isolation.database import changes, state
from tests.isolation.outside_stage import GROUP, LOW, PASSWORD, RICH, Stage, build
from tests.isolation.visits import undone


@pytest.fixture(scope="module")
def stage(house: None) -> Stage:
    """Everybody and everything that the attempts speak of."""
    return build()


def _new(**more: object) -> Attempt:
    return Attempt(Person, {"name": "new", "display_name": "New", "password": PASSWORD, **more})


GIVEN: Attempts = {
    "a role above her own": lambda s: Attempt(s.dora, {"roles": [s.agent, s.high]}),
    "a role with a privilege that she has not": lambda s: Attempt(s.dora, {"roles": [s.settler]}),
    "a role that sees the mails of every company": lambda s: Attempt(s.dora, {"roles": [s.mailer]}),
    "a role above her own for somebody new": lambda s: _new(tenant=s.acmes, roles=[s.high]),
    "a role with a privilege that she has not for somebody new": lambda s: _new(
        tenant=s.acmes, roles=[s.settler]
    ),
}
OF_A_COMPANY: Attempts = {
    "a role with a privilege of the installation": lambda s: Attempt(s.dora, {"roles": [s.rich]}),
    "a role that sees every company": lambda s: Attempt(s.dora, {"roles": [s.wide]}),
    "a role that sees another company": lambda s: Attempt(s.dora, {"roles": [s.elsewhere]}),
    "a role that sees every company for somebody new": lambda s: _new(tenant=s.acmes, roles=[s.wide]),
    "somebody into another company": lambda s: Attempt(s.dora, {"tenant": s.globexes}),
    "somebody into no company": lambda s: Attempt(s.dora, {"tenant": s.nowhere}),
    "somebody new in another company": lambda s: _new(tenant=s.globexes),
    "somebody new in no company": lambda s: _new(tenant=s.nowhere),
    "somebody to a directory": lambda s: Attempt(s.dora, {"directory": s.head}),
    "somebody of another company renamed": lambda s: Attempt(s.greta, {"display_name": "Mine"}),
    "the password of somebody of another company": lambda s: Attempt(
        s.greta, {"password": PASSWORD}, "password"
    ),
    "somebody of another company deleted": lambda s: Attempt(s.greta, {}, "delete"),
    "a permission for somebody": lambda s: Attempt(
        outside.Permission, {"person": s.dora, "kind": "user", "reach": "own"}
    ),
    "a permission of somebody taken away": lambda s: Attempt(s.own, {}, "delete"),
    "a new role": lambda _s: Attempt(outside.Role, {"name": "New", "rank": 1}),
    "a role changed": lambda s: Attempt(s.free, {"rank": 1}),
    "the own tenant switched off": lambda s: Attempt(s.acmes, {"is_active": False}),
    "a tenant more": lambda _s: Attempt(Tenant, {"dbid": 505, "name": "Mine"}),
    "a directory renamed": lambda s: Attempt(s.head, {"name": "Mine"}),
    "a package": lambda _s: Attempt(SolutionPackage, {"file": LOW}),
    "a package rolled back": lambda s: Attempt(s.brought_low, {}, "rollback"),
    "the own company linked to another tenant": lambda s: Attempt(s.acme, {"tenant_dbid": 999}),
}


def _touches(name: str) -> Attempts:
    """Everything that can be done to this person."""

    def on(values: Mapping[str, object], does: str = "") -> object:
        return lambda s: Attempt(getattr(s, name), values, does)

    return {
        f"{name} renamed": on({"display_name": "Nobody"}),
        f"the address of {name}": on({"email": "mallory@x.example"}),
        f"the external id of {name}": on({"external_id": "mallory"}),
        f"{name} switched off": on({"is_active": False}),
        f"{name} made low": lambda s: Attempt(getattr(s, name), {"roles": [s.free]}),
        f"the password of {name}": on({"password": PASSWORD}, "password"),
        f"the entry of {name} forgotten": on({}, "forget-entry"),
        f"{name} unlocked": on({}, "unlock"),
        f"{name} deleted": on({}, "delete"),
    }


def _touches_here(name: str) -> Attempts:
    """Everything that can be done to the account of this person here."""

    def on(values: Mapping[str, object], does: str = "") -> object:
        return lambda s: Attempt(getattr(s, f"{name}_here"), values, does)

    return {
        f"the account of {name} locked": on({"reason": "why not"}, "lock"),
        f"the account of {name} unlocked": on({}, "unlock"),
        f"the account of {name} disabled": on({"is_active": False}),
        f"the account of {name} deleted": on({}, "delete"),
    }


ABOVE_BOTH = _touches("boss") | _touches("raised") | _touches_here("boss") | _touches_here("raised")
ABOVE_ADA = _touches("lookout") | _touches_here("lookout")
BY_A_ROLE: Attempts = {
    "a new role above one's own": lambda _s: Attempt(outside.Role, {"name": "New", "rank": 61}),
    "a new role with a privilege that one has not": lambda _s: Attempt(
        outside.Role, {"name": "New", "rank": 1, "privileges": [("Gatehouse", "Tokens - Introspect")]}
    ),
    "a role made higher": lambda s: Attempt(s.free, {"rank": 61}),
    "a role with a privilege more": lambda s: Attempt(
        s.free, {"privileges": [("Gatehouse", "Tokens - Introspect")]}
    ),
    "a role above one's own, made low": lambda s: Attempt(s.high, {"rank": 1}),
    "a role above one's own, renamed": lambda s: Attempt(s.high, {"name": "Mine"}),
    "a role with a privilege that one has not, without it": lambda s: Attempt(s.settler, {"privileges": []}),
    "a role that sees what one does not, renamed": lambda s: Attempt(s.mailer, {"name": "Mine"}),
    "a role above one's own, deleted": lambda s: Attempt(s.high, {}, "delete"),
}
BY_A_PERMISSION: Attempts = {
    "mails for a person": lambda s: Attempt(
        outside.Permission, {"person": s.dora, "kind": "delivery", "reach": "every"}
    ),
    "mails for a role": lambda s: Attempt(
        outside.Permission, {"role": s.agent, "kind": "delivery", "reach": "own"}
    ),
    "something for somebody above": lambda s: Attempt(
        outside.Permission, {"person": s.boss, "kind": "user", "reach": "own"}
    ),
    "something for somebody whom groups have raised": lambda s: Attempt(
        outside.Permission, {"person": s.raised, "kind": "user", "reach": "own"}
    ),
    "something for a role above": lambda s: Attempt(
        outside.Permission, {"role": s.high, "kind": "user", "reach": "own"}
    ),
    "a permission turned to mails": lambda s: Attempt(s.own, {"kind": "delivery"}),
    "a permission for mails made narrow": lambda s: Attempt(s.mails, {"reach": "own"}),
    "a permission for mails taken away": lambda s: Attempt(s.mails, {}, "delete"),
}
BY_A_DIRECTORY: Attempts = {
    "a group that gives a role above one's own": lambda s: Attempt(s.head, {"groups": [(GROUP, s.high)]}),
    "a group that gives a privilege that one has not": lambda s: Attempt(
        s.head, {"groups": [(GROUP, s.agent), (GROUP, s.settler)]}
    ),
    "a new directory whose group gives a role above one's own": lambda s: Attempt(
        Directory,
        {
            "name": "Mine",
            "protocol": "ldap",
            "servers": "ldaps://mallory.example",
            "base_dn": "dc=x",
            "user_filter": "(uid={login})",
            "groups": [(GROUP, s.high)],
        },
    ),
    "a group that gives a role above one's own, no more": lambda s: Attempt(s.generous, {"groups": []}),
    "a directory whose group gives a role above one's own, renamed": lambda s: Attempt(
        s.generous, {"name": "Mine"}
    ),
    "other servers for the chief": lambda s: Attempt(s.chiefs, {"servers": "ldaps://mallory.example"}),
    "another place of people for the chief": lambda s: Attempt(s.chiefs, {"base_dn": "dc=mallory"}),
    "the directory of the chief switched off": lambda s: Attempt(s.chiefs, {"is_active": False}),
    "the chief's directory may say who is of what company": lambda s: Attempt(
        s.chiefs, {"tenant_values": [("x", s.acmes)]}
    ),
    "another directory for the chief's tenant": lambda s: Attempt(
        s.nowhere, {"library": "directory", "directory": s.head}
    ),
    "the chief's tenant proved here": lambda s: Attempt(
        s.nowhere, {"library": "internal", "directory": None}
    ),
    "the chief's tenant below another": lambda s: Attempt(s.nowhere, {"parent": s.acmes}),
    "another number for the chief's tenant": lambda s: Attempt(s.nowhere, {"dbid": 909}),
    "the chief's tenant switched off": lambda s: Attempt(s.nowhere, {"is_active": False}),
    "a directory whose group gives a role above one's own, for a tenant": lambda s: Attempt(
        s.empty, {"library": "directory", "directory": s.generous}
    ),
    "a new tenant with such a directory": lambda s: Attempt(
        Tenant, {"dbid": 505, "name": "Mine", "library": "directory", "directory": s.generous}
    ),
    "such a directory for a person": lambda s: Attempt(s.dora, {"directory": s.generous}),
    "somebody new with such a directory": lambda s: _new(tenant=s.acmes, directory=s.generous),
    "a directory for the chief": lambda s: Attempt(s.chief, {"directory": s.head}),
    "the chief into a company": lambda s: Attempt(s.chief, {"tenant": s.acmes}),
    "the chief's tenant for a company": lambda s: Attempt(s.acme, {"tenant_dbid": 999}),
    "the chief's tenant for a new company": lambda _s: Attempt(
        Company, {"name": "New", "is_active": True, "tenant_dbid": 999}
    ),
    "the boss's tenant for no company": lambda s: Attempt(s.acme, {"tenant_dbid": 303}),
}
BY_A_PACKAGE: Attempts = {
    "a package with a role above one's own": lambda _s: Attempt(
        SolutionPackage,
        {"file": package('<cfg:role name="New" rank="61"/>', name="New")},
    ),
    "a package with a privilege that one has not": lambda _s: Attempt(SolutionPackage, {"file": RICH}),
    "a package that makes a role above one's own low": lambda _s: Attempt(
        SolutionPackage, {"file": package('<cfg:role name="High" rank="1"/>', name="New")}
    ),
    "a package with a role above one's own, rolled back": lambda s: Attempt(s.brought_high, {}, "rollback"),
}
ATTEMPTS_OF_ADA = GIVEN | OF_A_COMPANY | ABOVE_BOTH | ABOVE_ADA
ATTEMPTS_OF_LOU = GIVEN | ABOVE_BOTH | BY_A_ROLE | BY_A_PERMISSION | BY_A_DIRECTORY | BY_A_PACKAGE
TRIED = [
    *((name, who) for name in ATTEMPTS_OF_ADA for who in ("ada", "xena")),
    *((name, who) for name in ATTEMPTS_OF_LOU for who in ("lou", "zoe")),
]
ATTEMPTS = ATTEMPTS_OF_ADA | ATTEMPTS_OF_LOU
# To a company's administrator no tenant is offered on the form of a person: the own one is meant.
MEANS_HERS = {
    "somebody into another company",
    "somebody into no company",
    "somebody new in another company",
    "somebody new in no company",
    "somebody to a directory",
}
# What decides who signs in as oneself: whoever holds a session for a moment must not keep the account by it.
OF_ONESELF: dict[str, tuple[Mapping[str, object], str]] = {
    "the own user name": ({"name": "mallory"}, ""),
    "the own address": ({"email": "mallory@x.example"}, ""),
    "the own external id": ({"external_id": "mallory"}, ""),
    "the own password": ({"password": PASSWORD}, "password"),
    "the own entry": ({}, "forget-entry"),
    "oneself switched off": ({"is_active": False}, ""),
    "oneself deleted": ({}, "delete"),
}
# What is within their powers, so that a refusal of the others is about them and not about how they are asked.
ALLOWED_TO_ADA: Attempts = {
    "roles that she may give": lambda s: Attempt(s.dora, {"roles": [s.equal, s.free]}),
    "somebody new": lambda s: _new(tenant=s.acmes, roles=[s.equal], must_change_password=True),
    "somebody renamed": lambda s: Attempt(s.dora, {"name": "theodora", "display_name": "Theodora"}),
    "an address": lambda s: Attempt(s.dora, {"email": "theodora@x.example"}),
    "a password": lambda s: Attempt(s.dora, {"password": "two kettles under the bridge 8"}, "password"),
    "somebody switched off": lambda s: Attempt(s.dora, {"is_active": False}),
    "somebody deleted": lambda s: Attempt(s.dora, {}, "delete"),
    "an account locked": lambda s: Attempt(s.dora_here, {"reason": "why not"}, "lock"),
    "an account disabled": lambda s: Attempt(s.dora_here, {"is_active": False}),
}
ALLOWED_TO_LOU: Attempts = {
    "a role that sees every company": lambda s: Attempt(s.dora, {"roles": [s.wide, s.elsewhere, s.rich]}),
    "somebody who sees every company, switched off": lambda s: Attempt(s.lookout, {"is_active": False}),
    "somebody into another company": lambda s: Attempt(s.dora, {"tenant": s.globexes}),
    "a directory for a person": lambda s: Attempt(s.dora, {"directory": s.head}),
    "a new role": lambda _s: Attempt(
        outside.Role, {"name": "New", "rank": 60, "privileges": [("Gatehouse", "Users - Manage")]}
    ),
    "a role that nobody has": lambda s: Attempt(s.free, {"rank": 60, "privileges": [("Other", "Anything")]}),
    "a permission for a person": lambda s: Attempt(
        outside.Permission, {"person": s.dora, "kind": "user", "reach": "every"}
    ),
    "a permission of a person": lambda s: Attempt(s.own, {"reach": "every"}),
    "a group and its role": lambda s: Attempt(s.head, {"groups": [(GROUP, s.equal)]}),
    "another place of people": lambda s: Attempt(s.head, {"base_dn": "dc=other"}),
    "a directory for a tenant": lambda s: Attempt(s.empty, {"library": "directory", "directory": s.head}),
    "a tenant switched off": lambda s: Attempt(s.empty, {"is_active": False}),
    "a tenant more": lambda _s: Attempt(Tenant, {"dbid": 505, "name": "New"}),
    "a package": lambda _s: Attempt(
        SolutionPackage, {"file": package('<cfg:role name="New" rank="60"/>', name="New")}
    ),
    "a package rolled back": lambda s: Attempt(s.brought_low, {}, "rollback"),
    "a tenant for a new company": lambda _s: Attempt(
        Company, {"name": "New", "is_active": True, "tenant_dbid": 303}
    ),
}
DONE = [
    *((name, who) for name in ALLOWED_TO_ADA for who in ("ada", "xena")),
    *((name, who) for name in ALLOWED_TO_LOU for who in ("lou", "zoe")),
]
ALLOWED = ALLOWED_TO_ADA | ALLOWED_TO_LOU


@pytest.mark.parametrize(("name", "who"), TRIED)
def test_over_rest_it_is_refused_and_written_down(name: str, who: str, db: None, stage: Stage) -> None:
    refused_over_rest(ATTEMPTS[name](stage), stage.visitors[who])


@pytest.mark.parametrize(("name", "who"), [(name, who) for name, who in TRIED if name not in MEANS_HERS])
def test_in_the_administration_it_is_refused_and_written_down(
    name: str, who: str, db: None, stage: Stage
) -> None:
    refused_in_the_administration(ATTEMPTS[name](stage), stage.visitors[who])


@pytest.mark.parametrize("who", ["ada", "xena"])
@pytest.mark.parametrize("name", sorted(MEANS_HERS))
def test_what_a_form_does_not_ask_for_is_passed_over(name: str, who: str, db: None, stage: Stage) -> None:
    attempt, visitor = ATTEMPTS[name](stage), stage.visitors[who]
    assert visitor.send(attempt.in_the_administration(visitor)).status == 302
    found = Person.objects.get(name="dora" if attempt.what is stage.dora else "new")
    assert (found.tenant, found.directory) == (stage.acmes, None)


@pytest.mark.parametrize("who", ["xena", "zoe"])
@pytest.mark.parametrize("name", OF_ONESELF)
def test_who_signs_in_as_oneself_is_for_somebody_else_to_say(
    name: str, who: str, db: None, stage: Stage
) -> None:
    values, does = OF_ONESELF[name]
    attempt, visitor = Attempt(stage.persons[who], values, does), stage.visitors[who]
    Person.objects.filter(pk=stage.persons[who].pk).update(entry="kept")
    refused_over_rest(attempt, visitor)
    refused_in_the_administration(attempt, visitor)


@pytest.mark.parametrize(("name", "who"), DONE)
def test_what_one_may_one_can(name: str, who: str, db: None, stage: Stage) -> None:
    attempt, before, visitor = ALLOWED[name](stage), state(), stage.visitors[who]
    for call in (attempt.over_rest(), attempt.in_the_administration(visitor)):
        with undone():
            answer = visitor.send(call)
            assert answer.status in {200, 201, 204, 302}, answer.text
            assert changes(before, state()) != []
