"""Role packages that are applied at the same moment, or while somebody is given one of their roles."""

import pytest
from django.db.models import ProtectedError
from django.utils import timezone

from configserver import services
from configserver.models import Directory, Person, Role, SolutionPackage
from configserver.services import PersonDraft
from core.outcomes import Denied
from tenants.actor import system_actor
from tests import directory
from tests.configserver.packages import AGENT, ANALYST, applied, package
from tests.parallel import in_parallel

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db(transaction=True)]


def _attempt(data: bytes, outcomes: list[str]) -> None:
    done = services.apply_package(data, by=system_actor(), now=timezone.now())
    outcomes.append(done.code if isinstance(done, Denied) else "applied")


def test_the_same_package_at_once_is_applied_once() -> None:
    outcomes: list[str] = []
    in_parallel(8, lambda _number: _attempt(package(AGENT, ANALYST), outcomes))
    assert sorted(outcomes) == ["applied"] + ["package_exists"] * 7
    assert SolutionPackage.objects.count() == 1
    assert set(Role.objects.values_list("name", flat=True)) == {"Agent", "Analyst"}


def test_two_versions_at_once_leave_the_roles_of_one_of_them() -> None:
    """Whichever came last dropped what the other brought."""
    outcomes: list[str] = []
    versions = [package(AGENT, version="1"), package(ANALYST, version="2")]
    in_parallel(2, lambda number: _attempt(versions[number], outcomes))
    assert outcomes == ["applied", "applied"]
    last = SolutionPackage.objects.latest("pk")
    assert list(Role.objects.values_list("name", flat=True)) == last.roles


def test_a_package_at_once_with_its_own_roll_back_is_applied_or_not() -> None:
    done = applied(package(AGENT, version="1"))
    outcomes: list[str] = []

    def work(number: int) -> None:
        if number:
            _attempt(package(AGENT, ANALYST, version="2"), outcomes)
            return
        result = services.roll_back_package(done, by=system_actor(), now=timezone.now())
        outcomes.append(result.code if isinstance(result, Denied) else "back")

    in_parallel(2, work)
    assert "applied" in outcomes
    assert set(Role.objects.values_list("name", flat=True)) == {"Agent", "Analyst"}
    done.refresh_from_db()
    assert (done.rolled_back_at is None) == ("superseded" in outcomes)


@pytest.mark.parametrize("time", range(4))
def test_a_role_is_not_dropped_from_under_somebody_who_gets_it(time: int) -> None:
    applied(package(AGENT, ANALYST, version="1"))
    agent = Role.objects.get(name="Agent")
    dora = directory.person("dora", tenant=directory.tenant(101))
    outcomes: list[str] = []

    def work(number: int) -> None:
        if number:
            _attempt(package(ANALYST, version="2"), outcomes)
        else:
            draft = PersonDraft(roles=[agent])
            result = services.change_person(dora, draft, by=system_actor(), now=timezone.now())
            outcomes.append(result.code if isinstance(result, Denied) else "given")

    in_parallel(2, work)
    given = Person.objects.filter(roles__name="Agent").exists()
    there = Role.objects.filter(name="Agent").exists()
    assert given == there  # dropped before it was given, or given and then not dropped
    assert ("applied" in outcomes) != given


def test_a_role_is_not_dropped_from_under_a_group_that_gets_it() -> None:
    applied(package(AGENT, ANALYST, version="1"))
    agent = Role.objects.get(name="Agent")
    staff = Directory.objects.create(name="Staff", protocol="ldap", servers="ldaps://x", base_dn="x")
    outcomes: list[str] = []

    def work(number: int) -> None:
        if number:
            _attempt(package(ANALYST, version="2"), outcomes)
            return
        draft = services.DirectoryDraft(groups=[("cn=agents", agent)])
        try:
            services.change_directory(staff, draft, by=system_actor(), now=timezone.now())
        except ProtectedError:
            outcomes.append("protected")

    in_parallel(2, work)
    assert Role.objects.filter(name="Agent").exists() == staff.groups.exists()
