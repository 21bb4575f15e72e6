"""What the Configuration Server keeps around one company: its tenant with two persons, and what belongs to the installation alone."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Model

from accounts.models import SigningKey, User
from accounts.names import Realm
from configserver.models import (
    ENVIRONMENT_DBID,
    Directory,
    DirectoryGroup,
    DirectoryServer,
    DirectoryTenant,
    Permission,
    Person,
    Privilege,
    Role,
    SolutionPackage,
    Tenant,
    UsedPassword,
)
from core import sealed
from tenants.models import Company, Kind, Reach

# The kinds of object that the Configuration Server keeps; of persons alone a company has some of its own.
KINDS: dict[type[Model], str] = {
    Person: "person",
    Tenant: "tenant",
    Directory: "directory",
    Role: "directoryrole",
    Permission: "directorypermission",
    SolutionPackage: "package",
    SigningKey: "signingkey",
}
BEFORE = '{"owners": {}, "roles": "{\\"version\\":1,\\"roles\\":[]}"}'


class Outside:
    """Makes them, with the mark in every text; the name of the role alone is plain, for everybody who gives roles is told it."""

    def __init__(
        self, word: str, *, company: Company | None, secret: str, numbers: Iterator[int], now: datetime
    ) -> None:
        self._word, self._secret, self._numbers, self._now = word, secret, numbers, now
        self.more: list[Any] = []
        self.tenant = self._tenant(company)
        self.role = self._role()
        self.directory = self._directory()
        self.persons = [self._person("person1"), self._person("person2", external=True)]
        self.permission = self._make(
            Permission, person=self.persons[0], kind=Kind.DELIVERY, reach=Reach.ONE, tenant=self.tenant
        )
        self.package = self._package()
        self.signing_key = self._signing_key()
        self.shadow = self._shadow(self.persons[1], company=company)
        self.more += [self.persons[1], self.shadow]

    def _make(self, model: type[Model], **values: Any) -> Any:
        return model._default_manager.create(pk=next(self._numbers), **values)

    def _mark(self, name: str) -> str:
        return f"{self._word}-{name}"

    def objects(self) -> dict[str, Any]:
        """One of every kind."""
        return {
            "person": self.persons[0],
            "tenant": self.tenant,
            "directory": self.directory,
            "directoryrole": self.role,
            "directorypermission": self.permission,
            "package": self.package,
            "signingkey": self.signing_key,
        }

    def _tenant(self, company: Company | None) -> Tenant:
        number = next(self._numbers)
        root = Tenant.objects.get(dbid=ENVIRONMENT_DBID)
        tenant = Tenant.objects.create(pk=number, dbid=number, name=self._mark("tenant"), parent=root)
        if company is not None:
            company.tenant_dbid = tenant.dbid
            company.save()
        return tenant

    def _role(self) -> Role:
        role: Role = self._make(
            Role,
            name=f"Role {next(self._numbers)}",
            rank=10,
            description=self._mark("description"),
            package=self._mark("package"),
        )
        role.privileges.add(
            self._make(Privilege, application=self._mark("application"), name=self._mark("privilege"))
        )
        self.more.append(
            self._make(Permission, role=role, kind=Kind.USER, reach=Reach.ONE, tenant=self.tenant)
        )
        return role

    def _directory(self) -> Directory:
        directory: Directory = self._make(
            Directory,
            name=self._mark("directory"),
            protocol="ldap",
            servers=f"ldaps://{self._word}-server.example:636",
            ca_certificates=self._mark("certificates"),
            bind_dn=f"cn={self._mark('account')}",
            base_dn=f"ou={self._mark('people')}",
            tenant_attribute="o",
        )
        directory.secret = sealed.seal(directory, "secret", self._secret.encode())
        directory.save()
        self._make(DirectoryGroup, directory=directory, group=f"cn={self._mark('group')}", role=self.role)
        self._make(DirectoryTenant, directory=directory, value=self._mark("value"), tenant=self.tenant)
        self._make(
            DirectoryServer,
            directory=directory,
            server=directory.servers,
            checked_at=self._now,
            since=self._now,
            ok=False,
            failed_step="connect",
            reason=self._mark("reason"),
        )
        return directory

    def _person(self, name: str, *, external: bool = False) -> Person:
        values: dict[str, Any] = {"password": f"{self._secret}-hash", "password_changed_at": self._now}
        if external:
            values |= {
                "external_id": self._mark("external"),
                "directory": self.directory,
                "entry": f"{self._secret}-entry",
            }
        person: Person = self._make(
            Person,
            tenant=self.tenant,
            name=self._mark(name),
            display_name=self._mark(name),
            email=f"{self._mark(name)}@example.com",
            phone="+4930666" + str(self.tenant.pk)[-5:],
            **values,
        )
        person.roles.add(self.role)
        self._make(UsedPassword, person=person, password=f"{self._secret}-hash", at=self._now)
        return person

    def _package(self) -> SolutionPackage:
        package: SolutionPackage = self._make(
            SolutionPackage,
            name=self._mark("package"),
            version="1",
            description=self._mark("description"),
            summary=self._mark("summary"),
            deploymentkey=self._mark("key"),
            roles=[self._mark("role")],
            before=BEFORE,
            applied_at=self._now,
            applied_by=self._mark("author"),
        )
        return package

    def _signing_key(self) -> SigningKey:
        """One that was revoked before its time came, so that it signs nothing here; of a real one nothing secret would be left."""
        key = SigningKey(
            pk=next(self._numbers),
            number=next(self._numbers),
            kid=self._mark("kid"),
            public={"kid": self._mark("kid")},
            created_at=self._now,
            active_from=self._now + timedelta(days=1),
            revoked_at=self._now,
        )
        key.private = sealed.seal(key, "private", self._secret.encode())
        key.save(force_insert=True)
        return key

    def _shadow(self, person: Person, *, company: Company | None) -> User:
        """The account that the person has here, with what was loaded at the last sign-in."""
        given = {
            "name": self._mark("loaded"),
            "rank": 10,
            "policy": "",
            "privileges": [[self._mark("application"), self._mark("privilege")]],
            "permissions": [[Kind.AUDIT, Reach.ONE, company.pk if company else None]],
        }
        user: User = self._make(
            User,
            realm=Realm.EXTERNAL,
            username=person.name,
            display_name=person.display_name,
            email=person.email,
            company=company,
            password="!",
            source_id=person.uid,
            source_version=person.version,
            engine="ldap",
            tenant_dbid=person.tenant.dbid,
            loaded={"roles": [given], "permissions": []},
        )
        return user
