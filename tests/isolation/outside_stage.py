"""Acme's tenant with people whom its administrator may and may not touch, and the installation around it."""

from collections.abc import Mapping
from dataclasses import dataclass

from accounts.models import User
from configserver import models as outside
from configserver.directory import Directory
from configserver.models import Person, SolutionPackage, Tenant
from tenants.models import Company, Kind, Permission, Privilege, Reach, Role
from tests import cast, directory
from tests.configserver.packages import applied, package
from tests.isolation.attempts import twin
from tests.isolation.visits import Visitor
from tests.journeys.stage import configure

PASSWORD = "correct horse battery staple"
KEEPS = (
    "Administration - Open",
    "Users - View",
    "Users - Manage",
    "Roles - View",
    "Roles - Manage",
    "Companies - View",
    "Companies - Manage",
    "Directories - View",
    "Directories - Manage",
)
GROUP = "cn=all,dc=acme"
HIGH = package('<cfg:role name="Brought high" rank="61"/>', name="High")
LOW = package('<cfg:role name="Brought low" rank="60"/>', name="Low")
RICH = package(
    '<cfg:role name="Brought rich" rank="1"><cfg:privilege application="Gatehouse" name="Tokens - Introspect"/></cfg:role>',
    name="Rich",
)


@dataclass
class Stage:
    """Acme's tenant with people whom Ada may and may not touch, and the installation around it."""

    acme: Company
    acmes: Tenant
    globexes: Tenant
    nowhere: Tenant  # linked to no company; the chief is in it
    empty: Tenant  # nobody is in it
    agent: outside.Role
    equal: outside.Role  # of Ada's and Lou's own rank
    high: outside.Role  # above them
    rich: outside.Role  # low, with a privilege that Ada has not
    settler: outside.Role  # low, with a privilege that neither has
    wide: outside.Role  # low, sees the people of every company
    mailer: outside.Role  # low, sees the mails of every company, as neither does
    elsewhere: outside.Role  # low, sees the people of Globex
    free: outside.Role  # nobody has it
    dora: Person
    boss: Person  # has the high role
    lookout: Person  # was given alone to see the people of every company
    raised: Person  # groups of a directory gave more than Ada has at the last sign-in
    chief: Person  # has the high role, and is of no company
    greta: Person  # of Globex
    dora_here: User
    boss_here: User
    lookout_here: User
    raised_here: User
    own: outside.Permission  # of Dora, in her own company
    mails: outside.Permission  # of the role that sees mails
    head: Directory  # its group gives the role of agents
    chiefs: Directory  # proves the password of the chief
    generous: Directory  # its group gives the high role
    brought_high: SolutionPackage
    brought_low: SolutionPackage
    visitors: Mapping[str, Visitor]
    persons: Mapping[str, Person]  # of the two who are external themselves


def _internal(name: str, company: Company | None, *roles: Role) -> User:
    found = cast.person(f"{name}@acme.example", company=company, role=cast.AGENT)
    if roles:
        found.roles.set(roles)
    return found


def _keeper() -> Role:
    """What Lou has."""
    role = Role.objects.create(name="Keeper", rank=60)
    role.privileges.set(Privilege.objects.filter(application="Gatehouse", name__in=KEEPS))
    for kind in (Kind.USER, Kind.ROLE, Kind.PERMISSION, Kind.COMPANY, Kind.DIRECTORY):
        Permission.objects.create(role=role, kind=kind, reach=Reach.EVERY)
    return role


def _opens(role: outside.Role, kind: str, reach: str, tenant: Tenant | None = None) -> outside.Permission:
    return outside.Permission.objects.create(role=role, kind=kind, reach=reach, tenant=tenant)


def _given_by_groups(person: Person, user: User, role: outside.Role) -> None:
    """As if a group of a directory had given this role at the last sign-in."""
    Person.objects.filter(pk=person.pk).update(mapped=[role.pk])
    user.loaded = {
        "roles": [{"name": role.name, "rank": role.rank, "policy": "", "privileges": [], "permissions": []}],
        "permissions": [],
    }
    user.save()


def build() -> Stage:
    """Everybody and everything that the attempts speak of."""
    configure(Login__ExternalAuthenticationMode="ConfigServer")
    acme, globex = Company.objects.create(name="Acme"), Company.objects.create(name="Globex")
    acmes, globexes = directory.tenant(101, company=acme), directory.tenant(202, company=globex)
    acme.refresh_from_db()
    head, chiefs, generous = map(directory.ldap, ("Head office", "Chiefs", "Generous"))
    nowhere = directory.tenant(directory.NOWHERE_DBID, library="directory", directory=chiefs)
    empty = directory.tenant(303)
    agent, high = directory.role("Agent"), directory.role("High", rank=61)
    wide, mailer, elsewhere = (directory.role(name, rank=10) for name in ("Wide", "Mailer", "Elsewhere"))
    _opens(wide, Kind.USER, Reach.EVERY)
    _opens(elsewhere, Kind.USER, Reach.ONE, globexes)
    for one, role in ((head, agent), (generous, high)):
        one.groups.create(group=GROUP, role=role)

    def person(name: str, role: outside.Role, tenant: Tenant = acmes) -> Person:
        return directory.person(
            name, tenant=tenant, password=PASSWORD, roles=[role], email=f"{name}@x.example"
        )

    persons = [person(name, agent) for name in ("dora", "lookout", "raised")]
    dora, lookout, raised = persons
    boss, chief = person("boss", high), person("chief", high, nowhere)
    outside.Permission.objects.create(person=lookout, kind=Kind.USER, reach=Reach.EVERY)
    accounts = [directory.shadow(one, password=PASSWORD) for one in (dora, boss, lookout, raised)]
    _given_by_groups(raised, accounts[3], high)
    Person.objects.filter(name__in=["boss", "lookout", "raised"]).update(entry="kept")
    company_administrator = Role.objects.get(name=cast.COMPANY_ADMINISTRATOR)
    actors = {"ada": _internal("ada", acme, company_administrator), "lou": _internal("lou", None, _keeper())}
    actors |= {
        "xena": twin(actors["ada"], tenant=acmes, name="xena"),
        "zoe": twin(actors["lou"], tenant=acmes, name="zoe"),
    }
    return Stage(
        acme=acme,
        acmes=acmes,
        globexes=globexes,
        nowhere=nowhere,
        empty=empty,
        agent=agent,
        equal=directory.role("Equal", rank=60),
        high=high,
        rich=directory.role("Rich", rank=10, privileges=[("Gatehouse", "Companies - Manage")]),
        settler=directory.role("Settler", rank=10, privileges=[("Gatehouse", "Tokens - Introspect")]),
        wide=wide,
        mailer=mailer,
        elsewhere=elsewhere,
        free=directory.role("Free", rank=10),
        dora=dora,
        boss=boss,
        lookout=lookout,
        raised=raised,
        chief=chief,
        greta=person("greta", agent, globexes),
        dora_here=accounts[0],
        boss_here=accounts[1],
        lookout_here=accounts[2],
        raised_here=accounts[3],
        own=outside.Permission.objects.create(person=dora, kind=Kind.USER, reach=Reach.OWN),
        mails=_opens(mailer, Kind.DELIVERY, Reach.EVERY),
        head=head,
        chiefs=chiefs,
        generous=generous,
        brought_high=applied(HIGH),
        brought_low=applied(LOW),
        visitors={name: Visitor(name, user) for name, user in actors.items()},
        persons={name: Person.objects.get(name=name) for name in ("xena", "zoe")},
    )
