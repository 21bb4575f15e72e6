"""Role packages that tests apply."""

from django.utils import timezone

from configserver import services
from configserver.models import SolutionPackage
from core.outcomes import Denied
from tenants.actor import Actor, system_actor
from tests.configserver.spd_files import install

AGENT = '<cfg:role name="Agent" rank="20"><cfg:privilege application="Workspace" name="Monitor"/></cfg:role>'
ANALYST = '<cfg:role name="Analyst" rank="30"><cfg:privilege application="Reports" name="View"/></cfg:role>'


def package(*roles: str, name: str = "Roles", version: str = "1.0") -> bytes:
    """A file that brings these roles."""
    head = f"<name>{name}</name>\n<version>{version}</version>\n<deploymentkey>roles</deploymentkey>\n"
    return install("".join(roles), head=head).encode()


def applied(data: bytes, *, by: Actor | None = None) -> SolutionPackage:
    """The package in this file, in force."""
    done = services.apply_package(data, by=by or system_actor(), now=timezone.now())
    assert isinstance(done, SolutionPackage), done
    return done


def refused(data: bytes, *, by: Actor | None = None) -> Denied:
    """Why this file is not applied, which the dry run says, too."""
    by = by or system_actor()
    plan = services.plan_package(data, by=by)
    done = services.apply_package(data, by=by, now=timezone.now())
    assert isinstance(done, Denied), done
    told = plan if isinstance(plan, Denied) else plan.refusal
    assert told == done
    return done


def back(package: SolutionPackage, *, by: Actor | None = None) -> SolutionPackage:
    """The package, rolled back."""
    done = services.roll_back_package(package, by=by or system_actor(), now=timezone.now())
    assert isinstance(done, SolutionPackage), done
    return done


def not_back(package: SolutionPackage, *, by: Actor | None = None) -> Denied:
    """Why this package is not rolled back, which the dry run says, too."""
    by = by or system_actor()
    plan = services.plan_roll_back(package, by=by)
    done = services.roll_back_package(package, by=by, now=timezone.now())
    assert isinstance(done, Denied), done
    told = plan if isinstance(plan, Denied) else plan.refusal
    assert told == done
    return done
