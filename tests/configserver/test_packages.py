"""Role packages as they are applied, brought up to date, and rolled back."""

import time
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import User
from audit.models import AuditEvent
from configserver import services
from configserver.models import Directory, Permission, Person, Privilege, Role, SolutionPackage
from configserver.services import BadPackage, Plan
from configserver.spd import LONGEST
from core.outcomes import Denied
from tenants.actor import Actor, system_actor
from tests import cast, directory
from tests.configserver.packages import AGENT, ANALYST, applied, back, not_back, package, refused
from tests.configserver.spd_files import SAMPLE, frame, install

pytestmark = pytest.mark.django_db


def everything() -> dict[str, tuple[Any, ...]]:
    """Every role with all that it gives, and whose it is."""
    return {
        role.name: (
            role.rank,
            role.description,
            sorted(role.privileges.values_list("application", "name")),
            sorted(role.permissions.values_list("kind", "reach", "tenant__dbid")),
            role.package,
        )
        for role in Role.objects.all()
    }


def planned(data: bytes) -> Plan:
    """What this file would change."""
    plan = services.plan_package(data, by=system_actor())
    assert isinstance(plan, Plan), plan
    return plan


def test_the_sample_brings_its_roles() -> None:
    data = SAMPLE.read_bytes()
    plan = planned(data)
    assert plan.refusal is None
    assert [role.name for role in plan.difference.added] == [
        "Company Administrator",
        "Application Designer",
        "Reporting Analyst",
        "Contact Centre Agent",
    ]
    assert not Role.objects.exists()  # it was only looked at
    done = applied(data)
    assert (done.name, done.version, done.deploymentkey) == ("IA Roles", "1.0.0", "ia-roles")
    assert done.roles == [role.name for role in plan.difference.added]
    administrator = Role.objects.get(name="Company Administrator")
    assert (administrator.rank, administrator.package) == (60, "IA Roles")
    assert administrator.privileges.count() == 6
    assert set(administrator.permissions.values_list("kind", "reach")) == {
        ("user", "own"),
        ("session", "own"),
        ("audit", "own"),
    }
    event = AuditEvent.objects.get(event="configserver:package:applied")
    assert event.details["added"] == done.roles
    assert (event.details["privileges_given"], event.details["privileges_taken"]) == (16, 0)
    assert event.subject_uid == str(done.uid)


def test_applied_again_it_would_change_nothing_and_is_refused() -> None:
    data = SAMPLE.read_bytes()
    applied(data)
    assert planned(data).difference.is_empty
    denied = refused(data)
    assert denied.code == "package_exists"
    assert "IA Roles" in str(denied.message)
    assert "1.0.0" in str(denied.message)
    assert SolutionPackage.objects.count() == 1


def test_a_later_version_changes_exactly_what_it_says() -> None:
    tenant = directory.tenant(101)
    applied(package(AGENT, ANALYST))
    monitor = Privilege.objects.get(name="Monitor")
    agent = Role.objects.get(name="Agent")
    changed = (
        '<cfg:role name="Agent" rank="25" description="Talks."><cfg:privilege application="Workspace" name="Chat"/>'
        '<cfg:permission kind="user" reach="one" tenant="101"/><cfg:permission kind="audit" reach="own"/></cfg:role>'
    )
    applied(package(changed, ANALYST, version="2.0"))
    assert everything() == {
        "Agent": (
            25,
            "Talks.",
            [("Workspace", "Chat")],
            [("audit", "own", None), ("user", "one", 101)],
            "Roles",
        ),
        "Analyst": (30, "", [("Reports", "View")], [], "Roles"),
    }
    assert Role.objects.get(name="Agent").uid == agent.uid  # it is the same role
    assert agent.permissions.get(kind="user").tenant == tenant
    assert not monitor.roles.exists()


def test_unchanged_permissions_keep_their_ids() -> None:
    seeing = '<cfg:role name="Agent"><cfg:permission kind="user" reach="own"/>{}</cfg:role>'
    applied(package(seeing.format("")))
    kept = Permission.objects.get()
    applied(package(seeing.format('<cfg:permission kind="audit" reach="every"/>'), version="2"))
    assert Permission.objects.get(kind="user").uid == kept.uid
    assert Permission.objects.count() == 2


def test_roles_of_other_names_stay_as_they_are() -> None:
    directory.role("By hand", privileges=[("Shop", "Refund")], opens=["user"])
    applied(package(ANALYST, name="Other"))
    before = everything()
    back(applied(package(AGENT)))
    assert everything() == before


def test_a_role_made_by_hand_is_taken_over_and_given_back() -> None:
    directory.role("Agent", rank=5, privileges=[("Shop", "Refund")], opens=["user"])
    before = everything()
    plan = planned(package(AGENT))
    assert plan.difference.taken_over == ("Agent",)
    done = applied(package(AGENT))
    assert everything() == {"Agent": (20, "", [("Workspace", "Monitor")], [], "Roles")}
    back(done)
    assert everything() == before


def test_a_role_of_another_package_is_taken_over_and_given_back() -> None:
    applied(package(AGENT, name="First"))
    before = everything()
    second = applied(package(AGENT, name="Second"))
    assert Role.objects.get().package == "Second"
    back(second)
    assert everything() == before


# --- what it ends ----------------------------------------------------------------------------------------------------------------


def test_whoever_has_a_changed_role_signs_in_again_and_nobody_else() -> None:
    applied(package(AGENT, ANALYST))
    tenant = directory.tenant(101)
    staff = Directory.objects.create(name="Staff", protocol="ldap", servers="ldaps://x", base_dn="x")
    agent, analyst = (Role.objects.get(name=name) for name in ("Agent", "Analyst"))
    holder = directory.person("dora", tenant=tenant, roles=[agent])
    other = directory.person("egon", tenant=tenant, roles=[analyst])
    by_group = directory.person("fritz", tenant=tenant, directory=staff)
    staff.groups.create(group="cn=agents", role=agent)
    chat = '<cfg:role name="Agent" rank="20"><cfg:privilege application="Workspace" name="Chat"/></cfg:role>'
    applied(package(chat, ANALYST, version="2"))
    versions = dict(Person.objects.values_list("name", "version"))
    assert versions == {
        "dora": holder.version + 1,
        "egon": other.version,
        "fritz": by_group.version + 1,
    }


def test_other_words_about_a_role_end_nothing() -> None:
    applied(package(AGENT))
    directory.person("dora", tenant=directory.tenant(101), roles=[Role.objects.get()])
    worded = AGENT.replace('rank="20"', 'rank="20" description="Talks."')
    applied(package(worded, version="2"))
    assert Role.objects.get().description == "Talks."
    assert Person.objects.get().version == 1


# --- dropped roles -----------------------------------------------------------------------------------------------------------------


def test_a_role_that_a_later_version_drops_goes() -> None:
    applied(package(AGENT, ANALYST))
    assert [role.name for role in planned(package(ANALYST, version="2")).difference.removed] == ["Agent"]
    applied(package(ANALYST, version="2"))
    assert set(everything()) == {"Analyst"}


def test_a_role_that_somebody_has_is_not_dropped() -> None:
    applied(package(AGENT, ANALYST))
    agent = Role.objects.get(name="Agent")
    persons = [
        directory.person(name, tenant=directory.tenant(101), roles=[agent]) for name in ("dora", "egon")
    ]
    staff = Directory.objects.create(name="Staff", protocol="ldap", servers="ldaps://x", base_dn="x")
    before = everything()
    denied = refused(package(ANALYST, version="2"))
    assert denied.code == "in_use"
    assert "“Agent” would go, and it is held by 2 persons." in str(denied.message)
    staff.groups.create(group="cn=agents", role=agent)
    assert "held by 2 persons and 1 group." in str(refused(package(ANALYST, version="2")).message)
    for one in persons:
        one.roles.clear()
    assert "held by 1 group." in str(refused(package(ANALYST, version="2")).message)
    assert everything() == before
    staff.groups.all().delete()
    applied(package(ANALYST, version="2"))


# --- rolling back ----------------------------------------------------------------------------------------------------------------


def test_rolled_back_everything_is_as_before() -> None:
    directory.tenant(101)
    directory.role("By hand")
    first = applied(
        package(
            '<cfg:role name="Agent" rank="7"><cfg:permission kind="user" reach="one" tenant="101"/></cfg:role>',
            ANALYST,
        )
    )
    before = everything()
    second = applied(package(AGENT, version="2"))
    plan = services.plan_roll_back(second, by=system_actor())
    assert isinstance(plan, Plan)
    assert [role.name for role in plan.difference.added] == ["Analyst"]
    assert [change.name for change in plan.difference.changed] == ["Agent"]
    assert back(second).rolled_back_at is not None
    assert everything() == before
    back(first)
    assert set(everything()) == {"By hand"}
    event = AuditEvent.objects.filter(event="configserver:package:reverted").latest("pk")
    assert set(event.details["removed"]) == {"Agent", "Analyst"}


def test_a_version_that_was_rolled_back_can_be_applied_again() -> None:
    back(applied(package(AGENT)))
    applied(package(AGENT))
    assert SolutionPackage.objects.count() == 2


def test_a_package_is_rolled_back_once() -> None:
    done = applied(package(AGENT))
    back(done)
    done.refresh_from_db()
    assert not_back(done).code == "rolled_back"


def test_under_a_later_package_that_touched_the_same_roles_it_stays() -> None:
    first = applied(package(AGENT, ANALYST))
    beside = applied(package('<cfg:role name="Clerk"/>', name="Beside"))
    later = applied(package(ANALYST, name="Later"))
    denied = not_back(first)
    assert denied.code == "superseded"
    assert "Later 1.0" in str(denied.message)
    back(beside)
    back(later)
    back(first)
    assert everything() == {}


def test_under_a_later_version_that_dropped_its_role_it_stays() -> None:
    first = applied(package(AGENT))
    applied(package(ANALYST, version="2"))
    assert not_back(first).code == "superseded"


def test_a_role_that_it_brought_and_somebody_has_keeps_it_in_force() -> None:
    done = applied(package(AGENT))
    dora = directory.person("dora", tenant=directory.tenant(101), roles=[Role.objects.get()])
    assert not_back(done).code == "in_use"
    dora.roles.clear()
    back(done)


def test_a_role_that_was_made_anew_by_hand_is_not_taken_away() -> None:
    done = applied(package(AGENT, ANALYST))
    Role.objects.get(name="Agent").delete()
    directory.role("Agent", rank=3)
    back(done)
    assert everything() == {"Agent": (3, "", [], [], "")}


def test_what_was_changed_by_hand_meanwhile_is_put_back_too() -> None:
    directory.role("Agent", rank=5)
    before = everything()
    done = applied(package(AGENT))
    Role.objects.filter(name="Agent").update(rank=11)
    back(done)
    assert everything() == before


def test_it_is_not_put_back_where_a_tenant_of_then_is_gone() -> None:
    tenant = directory.tenant(101)
    role = directory.role("Agent")
    Permission.objects.create(role=role, kind="user", reach="one", tenant=tenant)
    done = applied(package(AGENT))
    tenant.delete()
    denied = not_back(done)
    assert (denied.code, "101" in str(denied.message)) == ("unknown_tenant", True)


def test_what_was_kept_and_cannot_be_read_is_said() -> None:
    done = applied(package(AGENT))
    SolutionPackage.objects.update(before='{"owners": {}, "roles": "{}"}')
    done.refresh_from_db()
    assert not_back(done).code == "bad_package"


# --- who may ----------------------------------------------------------------------------------------------------------------------


@pytest.fixture
def lou(ben: User) -> Actor:
    """Manages the directories of the whole installation with rank 30, and sees people."""
    directory.lets_see_everything(ben, "Directories - View", "Directories - Manage", "Users - View")
    return cast.acting(ben)


def test_within_ones_rights_it_is_applied_and_its_maker_is_kept(lou: Actor) -> None:
    assert applied(package(AGENT, ANALYST), by=lou).applied_by == "ben@acme.example"


@pytest.mark.parametrize(
    ("role", "code"),
    [
        ('<cfg:role name="Chief" rank="31"/>', "rank_too_high"),
        (
            '<cfg:role name="Chief" rank="1"><cfg:privilege application="Gatehouse" name="Settings - Manage"/></cfg:role>',
            "privilege_not_held",
        ),
    ],
)
def test_nobody_brings_a_role_above_himself(role: str, code: str, lou: Actor) -> None:
    denied = refused(package(AGENT, role), by=lou)
    assert denied.code == code
    assert "“Chief”" in str(denied.message)
    assert not Role.objects.exists()


def test_nobody_changes_drops_or_takes_over_a_role_above_himself(lou: Actor) -> None:
    chief = '<cfg:role name="Chief" rank="31"/>'
    done = applied(package(chief, AGENT))
    before = everything()
    lower = '<cfg:role name="Chief" rank="1"/>'
    for data in (
        package(lower, AGENT, version="2"),  # changed
        package(AGENT, version="2"),  # dropped
        package(chief, AGENT, version="2"),  # left as it is
        package(chief, name="Other"),  # taken over as it is
        package(lower, name="Other"),  # taken over and changed
    ):
        assert refused(data, by=lou).code == "rank_too_high"
    assert not_back(done, by=lou).code == "rank_too_high"
    assert everything() == before


def test_rolling_back_brings_no_role_above_whom_it_is_done_by(lou: Actor) -> None:
    directory.role("Agent", rank=90)
    done = applied(package(AGENT))
    assert not_back(done, by=lou).code == "rank_too_high"


def test_a_reach_that_one_has_not_is_not_given(ada: User) -> None:
    ada.roles.get().privileges.add(*directory.portal_privileges("Directories - View", "Directories - Manage"))
    denied = services.apply_package(package(AGENT), by=cast.acting(ada), now=timezone.now())
    assert isinstance(denied, Denied)
    assert denied.code == "forbidden"
    planned_by_her = services.plan_package(package(AGENT), by=cast.acting(ada))
    assert isinstance(planned_by_her, Denied)
    assert planned_by_her.code == "forbidden"


def test_who_only_views_may_look_and_not_apply(ben: User) -> None:
    directory.lets_see_everything(ben, "Directories - View")
    by = cast.acting(ben)
    assert refused(package(AGENT), by=by).code == "forbidden"
    assert not_back(applied(package(AGENT)), by=by).code == "forbidden"


# --- what is no package ----------------------------------------------------------------------------------------------------------


def test_a_tenant_that_there_is_not_is_named() -> None:
    role = '<cfg:role name="Agent"><cfg:permission kind="user" reach="one" tenant="4711"/></cfg:role>'
    denied = refused(package(role))
    assert denied.code == "unknown_tenant"
    assert "“Agent”" in str(denied.message)
    assert "4711" in str(denied.message)


def test_a_kind_that_there_is_not_is_named() -> None:
    denied = refused(
        package('<cfg:role name="Agent"><cfg:permission kind="spaceship" reach="own"/></cfg:role>')
    )
    assert isinstance(denied, BadPackage)
    assert (denied.fault, "spaceship" in str(denied.message)) == ("kind", True)


ENTITY = b'<!DOCTYPE x [<!ENTITY a "b">]><x>&a;</x>'
HOSTILE = {
    "nothing": (b"", "xml", 1),
    "no xml": (b"roles", "xml", 1),
    "an entity": (ENTITY, "dtd", 1),
    "a later schema": (
        install(AGENT).replace('version="2.0.0"', 'version="3.0.0"').encode(),
        "schema_later",
        1,
    ),
    "a privilege twice": (
        install(
            '<cfg:role name="A">\n<cfg:privilege application="a" name="b"/>\n<cfg:privilege application="a" name="b"/></cfg:role>'
        ).encode(),
        "privilege_twice",
        7,
    ),
    "too many elements": (frame("<x/>\n" * 20_001).encode(), "too_many_elements", 20_001),
    "too large": (b" " * (LONGEST + 1), "too_large", None),
    "not utf-8": (b"<a>\n\xff</a>", "not_utf8", 2),
    "a role without a name": (install("<cfg:role/>").encode(), "missing", 5),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_ends_with_a_sentence_and_its_line(name: str) -> None:
    data, fault, line = HOSTILE[name]
    began = time.monotonic()
    denied = refused(data)
    assert time.monotonic() - began < 5
    assert isinstance(denied, BadPackage)
    assert (denied.code, denied.fault, denied.line) == ("bad_package", fault, line)
    assert str(denied.message).startswith(f"Line {line}: ") == (line is not None)
    assert not SolutionPackage.objects.exists()


def test_markup_in_a_file_stays_text() -> None:
    role = '<cfg:role name="&lt;script&gt;alert(1)&lt;/script&gt;"/>'
    applied(package(role))
    assert Role.objects.get().name == "<script>alert(1)</script>"


# --- done is what was seen ---------------------------------------------------------------------------------------------------


def test_what_has_changed_since_it_was_looked_at_is_not_done() -> None:
    seen = planned(package(AGENT)).seen
    directory.role("Agent", rank=5)
    by, now = system_actor(), timezone.now()
    denied = services.apply_package(package(AGENT), by=by, now=now, seen=seen)
    assert isinstance(denied, Denied)
    assert denied.code == "conflict"
    assert Role.objects.get().rank == 5
    done = services.apply_package(package(AGENT), by=by, now=now, seen=planned(package(AGENT)).seen)
    assert isinstance(done, SolutionPackage)
    plan = services.plan_roll_back(done, by=by)
    assert isinstance(plan, Plan)
    Role.objects.update(rank=7)
    again = services.roll_back_package(done, by=by, now=now, seen=plan.seen)
    assert isinstance(again, Denied)
    assert again.code == "conflict"


def test_a_long_text_about_a_package_is_cut() -> None:
    head = (
        "<name>R</name><version>1</version><deploymentkey>r</deploymentkey>"
        f"<description>{'d' * 2_000}</description><summary>{'s' * 2_000}</summary>"
    )
    done = applied(install(AGENT, head=head).encode())
    assert (len(done.description), len(done.summary)) == (300, 1_000)


def test_the_largest_package_is_applied_in_seconds() -> None:
    roles = [
        f'<cfg:role name="R{number}">'
        + "".join(f'<cfg:privilege application="A{number % 7}" name="P{number}-{n}"/>' for n in range(38))
        + "</cfg:role>"
        for number in range(500)
    ]
    data = package(*roles)
    assert len(data) < LONGEST
    began = time.monotonic()
    applied(data)
    assert time.monotonic() - began < 20
    assert Role.privileges.through.objects.count() == 500 * 38
    event = AuditEvent.objects.get(event="configserver:package:applied")
    assert len(event.details["added"]) == 51
    assert event.details["added"][-1] == "… 450"
