"""`manage.py demo`: two companies with their people, and people of a Configuration Server, to look at the product with."""

import os
import secrets
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

import configserver
from accounts.companies import change_company
from accounts.integrations import IntegrationDraft, create_integration, generate_key
from accounts.inviting import JoinLinkDraft, make_join_link
from accounts.mode import external_is_on
from accounts.models import Integration, JoinLink, Preset, User
from accounts.names import Realm
from accounts.options import MODE
from accounts.people import UserDraft, create_user
from accounts.principal import rights_of
from audit.events import Event
from audit.record import Origin, record
from cobrowse.applications import ApplicationDraft, create_application, set_options
from cobrowse.catalogue import ORIGINS
from cobrowse.models import ApplicationType
from cobrowse.tokens import application_of
from configserver import service, services
from configserver.models import Person, SolutionPackage, Tenant
from configserver.models import Role as DirectoryRole
from core.db import unit
from core.origins import origin_of
from core.outcomes import Denied
from delivery.models import Delivery
from portal import prepare
from tenants.actor import Actor, system_actor
from tenants.models import Company, Role
from tenants.services import CompanyDraft
from tenants.settings import change_settings, snapshot
from twofactor.models import FactorKind
from twofactor.services.factors import add_factor

# address, name, company, role, second factor by e-mail
PEOPLE = (
    ("rosa@gatehouse.example", "Rosa Ramos", "", "Full Administrator", True),
    ("ada@acme.example", "Ada Adler", "Acme", "Company Administrator", True),
    ("ben@acme.example", "Ben Brandt", "Acme", "Agent", False),
    ("cleo@globex.example", "Cleo Costa", "Globex", "Company Administrator", True),
)
# DBID, name, company that is linked to it
TENANTS = ((101, "Acme", "Acme"), (999, "Nowhere", ""))
# name, name of the person, tenant, e-mail, role, whether the Configuration Server keeps the password; script/services knows the others
EXTERNAL_PEOPLE = (
    ("dora", "Dora Dietz", 101, "dora@acme.example", "Contact Centre Agent", True),
    ("egon", "Egon Ebert", 999, "egon@nowhere.example", "", True),
    ("fritz", "Fritz Fuchs", 101, "fritz@acme.example", "", False),
    ("gerda", "Gerda Gross", 101, "gerda@acme.example", "Contact Centre Agent", False),
    ("hanna", "Hanna Hahn", 101, "hanna@acme.example", "Contact Centre Agent", False),
)
INTEGRATION = "Zendesk of Acme"
APPLICATIONS = {
    ApplicationType.CLUSTER: "Co-browse Cluster of Acme",
    ApplicationType.WORKSPACE: "Workspace Desktop Edition of Acme",
}
SAMPLE_PACKAGE = Path(configserver.__file__).parent / "data" / "IA_SPD_Roles.xml"
Row = TypeVar("Row")


class Command(BaseCommand):
    """Loads the demo data once."""

    help = "Load two companies with their people; their password is written to demo-password.txt in DATA_DIR."

    def handle(self, *args: Any, **options: Any) -> None:
        """Load what is not there yet."""
        if not settings.DEMO:
            raise CommandError(
                "Demo people all have one password. Set DEMO=1 to say that this is not a real installation."
            )
        password, now = self._password(), timezone.now()
        by = system_actor()
        with unit():
            companies = {
                name: Company.objects.get_or_create(name=name)[0]
                for name in sorted({row[2] for row in PEOPLE if row[2]})
            }
            record(Event.DEMO_LOADED, origin=by.origin, at=now)
        for email, name, company, role, by_email in PEOPLE:
            self._person(
                email, name, companies.get(company), role, by_email, password=password, by=by, now=now
            )
        self._integration(companies["Acme"], by=by, now=now)
        self._cobrowse(companies["Acme"], by=by, now=now)
        self._external_people(companies, password=password, by=by, now=now)
        self._join_link(companies["Acme"], now=now)
        self.stdout.write(
            f"Demo data is loaded; the password of all its people is in {prepare.demo_password_file()}."
        )

    def _person(
        self,
        email: str,
        name: str,
        company: Company | None,
        role: str,
        by_email: bool,
        *,
        password: str,
        by: Actor,
        now: datetime,
    ) -> None:
        if User.objects.find(email, realm=Realm.INTERNAL) is not None:
            return
        roles = [Role.objects.get(name=role, company=None)]
        person = UserDraft(email=email, display_name=name, company=company, roles=roles)
        user = _settled(create_user(person, password=password, by=by, now=now))
        # Their mailboxes are the files under outbox/, so there is nobody to send a code back.
        # And they have been here for a while, so that what takes two administrators can be tried at once.
        before = now - timedelta(days=30)
        User.objects.filter(pk=user.pk).update(
            email_verified_at=now, created_at=before, password_changed_at=before
        )
        user.refresh_from_db()
        if by_email:
            with unit():
                add_factor(user, kind=FactorKind.EMAIL, origin=by.origin, now=now)
                Delivery.objects.filter(
                    user_uid=user.uid
                ).delete()  # the notice: a demo begins with an empty mailbox

    def _integration(self, company: Company, *, by: Actor, now: datetime) -> None:
        """A help desk of Acme that lets agents in, with a key whose private half lies beside the password."""
        if Integration.objects.filter(company=company, name=INTEGRATION).exists():
            return
        draft = IntegrationDraft(
            name=INTEGRATION,
            company=company,
            preset=Preset.ZENDESK,
            ceiling=Role.objects.get(name="Agent", company=None),
            origins=["https://acme.zendesk.com"],
        )
        made = _settled(
            generate_key(_settled(create_integration(draft, by=by, now=now)), "RS256", by=by, now=now)
        )
        _write(prepare.demo_key_file(), made.private_pem)

    def _cobrowse(self, company: Company, *, by: Actor, now: datetime) -> None:
        """Both applications of Acme without tokens, so that agent authentication is off; the demo shop may start sessions."""
        for kind, name in APPLICATIONS.items():
            if application_of(company.pk, kind) is not None:
                continue
            draft = ApplicationDraft(name=name, company=company, type=kind)
            made = _settled(create_application(draft, by=by, now=now))
            own = origin_of(settings.PUBLIC_URL)
            if kind == ApplicationType.CLUSTER and own is not None:
                _settled(set_options(made, {ORIGINS.path: own}, by=by, now=now))

    def _external_people(
        self, companies: dict[str, Company], *, password: str, by: Actor, now: datetime
    ) -> None:
        """Tenants of the Configuration Server with a person each that it proves itself, and some for the directories of script/services."""
        is_new, pinned = not Person.objects.exists(), MODE.name in snapshot(None).pinned
        if is_new and not pinned and not external_is_on():
            change = {MODE.name: "ConfigServer"}
            _settled(change_settings(change, company=None, reason="the demo", by=by, now=now))
        tenants = {
            dbid: self._tenant(dbid, name, companies.get(company), by=by, now=now)
            for dbid, name, company in TENANTS
        }
        self._package(by=by, now=now)
        for name, display_name, dbid, email, role, kept_here in EXTERNAL_PEOPLE:
            if service.find(name) is not None:
                continue
            draft = services.PersonDraft(
                name=name,
                display_name=display_name,
                tenant=tenants[dbid],
                email=email,
                external_id="" if kept_here else name,
                roles=list(DirectoryRole.objects.filter(name=role)),
            )
            given = password if kept_here else ""
            _settled(
                services.create_person(draft, password=given, environment=snapshot(None), by=by, now=now)
            )

    def _tenant(self, dbid: int, name: str, company: Company | None, *, by: Actor, now: datetime) -> Tenant:
        found = Tenant.objects.filter(dbid=dbid).first()
        if found is None:
            found = _settled(
                services.create_tenant(services.TenantDraft(dbid=dbid, name=name), by=by, now=now)
            )
        if company is not None and company.tenant_dbid is None:
            _settled(change_company(company, CompanyDraft(tenant_dbid=dbid), by=by, now=now))
        return found

    def _join_link(self, company: Company, *, now: datetime) -> None:
        """One invitation that is open, made by Ada for whoever has the link."""
        ada = User.objects.find("ada@acme.example", realm=Realm.INTERNAL)
        if ada is None or JoinLink.objects.exists():
            return
        by = Actor(rights=rights_of(ada), origin=Origin(actor=ada))
        draft = JoinLinkDraft(company=company, role=Role.objects.get(name="Agent", company=None))
        _settled(make_join_link(draft, by=by, now=now))

    def _package(self, *, by: Actor, now: datetime) -> None:
        """The roles of the sample; where some package has brought them, or did once, they are as somebody left them."""
        if not SolutionPackage.objects.exists():
            _settled(services.apply_package(SAMPLE_PACKAGE.read_bytes(), by=by, now=now))

    def _password(self) -> str:
        path: Path = prepare.demo_password_file()
        if path.exists():
            return path.read_text(encoding="utf-8").strip()
        password = "-".join(secrets.token_hex(2) for _ in range(4))
        _write(path, password + "\n")
        return password


def _write(path: Path, text: str) -> None:
    """A new file that its owner alone can read."""
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)


def _settled(result: Row | Denied) -> Row:
    if isinstance(result, Denied):
        raise CommandError(f"The demo data is refused: {result.message}")
    return result
