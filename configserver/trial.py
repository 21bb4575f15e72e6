"""The test of a directory that an administrator asks for: every server, step by step, and what the mapping makes of one name."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils.translation import gettext as _

from audit.events import Event
from audit.record import record
from configserver.access import Administrator
from configserver.directories import build_engine
from configserver.directory import PROVING, Directory
from configserver.engines.base import Check, Engine, Tested, Verified
from configserver.engines.many import ask_all
from configserver.models import Role, Tenant
from configserver.services.above import NO_PROOF
from core.contacts import NAME_LENGTH
from core.db import unit
from core.draft import line
from core.errors import PortalError
from core.outcomes import FORBIDDEN, Denied
from core.throttle import Limit, take

TESTS = Limit(name="directory-tests", tries=20, window=timedelta(minutes=1))
MOST_SERVERS = 10
AT_ONCE = 2  # so that room for sign-ins stays in this process
BEGUN_WITHIN = 20.0  # seconds; with the time limit of a directory, the longest that a page waits


@dataclass(frozen=True, kw_only=True)
class Mapped:
    """What the mapping of a directory gives to whoever has an entry."""

    groups: tuple[str, ...]  # those of the mapping
    roles: tuple[Role, ...]  # what the groups give, the highest first
    value: str | None  # of the tenant attribute; None: the directory says nothing of it
    tenant: Tenant | None  # what the value stands for


@dataclass(frozen=True, kw_only=True)
class Trial:
    """What came of a test."""

    login: str
    servers: tuple[Tested, ...]  # one without a step had no turn in time
    found: Verified | None  # the entry of `login`; None where no server looked it up
    mapped: Mapped | None

    @property
    def ok(self) -> bool:
        """Whether every server can be used."""
        return bool(self.servers) and all(one.ok for one in self.servers)


def try_directory(
    directory: Directory, *, login: str = "", by: Administrator, now: datetime
) -> Trial | Denied:
    """Ask every server of the directory as it is stored, with `login` up to the mapping; no password is checked. Never inside a unit."""
    if not by.may_touch_tenant("change", "directory", dbid=None):
        return FORBIDDEN
    if directory.protocol not in PROVING:
        return NO_PROOF
    name = line(login, field="login", longest=NAME_LENGTH, empty=True)
    if isinstance(name, Denied):
        return name
    who = str(by.origin.actor.uid) if by.origin.actor is not None else "installation"
    if (refused := take(TESTS, who, now=now)) is not None:
        return refused
    names = directory.server_names[:MOST_SERVERS]
    engine = _engine(directory)
    servers = (
        [_not_opened(one) for one in names]
        if engine is None
        else ask_all([(engine, one) for one in names], login=name, at_once=AT_ONCE, begun_within=BEGUN_WITHIN)
    )
    failed = [one.server for one in servers if not one.ok]
    with unit():
        # Not the name that was asked for: now and then somebody types a password there.
        record(
            Event.DIRECTORY_TESTED,
            origin=by.origin,
            at=now,
            subject=directory,
            servers=list(names),
            failed=failed,
            with_name=bool(name),
        )
    found = next((one.found for one in servers if one.found is not None), None)
    mapped = None if found is None else mapped_by(directory, found)
    return Trial(login=name, servers=tuple(servers), found=found, mapped=mapped)


def _engine(directory: Directory) -> Engine | None:
    groups = dict.fromkeys(directory.groups.values_list("group", flat=True))
    try:
        return build_engine(directory, groups=tuple(groups))
    except PortalError:
        return None


def _not_opened(server: str) -> Tested:
    seen = _("The secret kept for this directory cannot be opened with the keys of this machine.")
    return Tested(server=server, checks=(Check(step="bind", ok=False, seen=seen),))


def mapped_by(directory: Directory, found: Verified) -> Mapped:
    """What the mapping of this directory gives to this entry."""
    roles = Role.objects.filter(groups__directory=directory, groups__group__in=found.groups).distinct()
    tenant = (
        None
        if found.tenant is None
        else Tenant.objects.filter(values__directory=directory, values__value=found.tenant).first()
    )
    return Mapped(
        groups=tuple(sorted(found.groups)),
        roles=tuple(roles.order_by("-rank", "name")),
        value=found.tenant,
        tenant=tenant,
    )
