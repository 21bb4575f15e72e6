"""`manage.py demo`: two companies with their people, to look at the product with."""

import os
import secrets
from datetime import datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from accounts.models import User
from accounts.names import Realm
from accounts.people import Person, create_user
from audit.events import Event
from audit.record import record
from core.db import unit
from core.outcomes import Denied
from portal import prepare
from tenants.actor import Actor, system_actor
from tenants.models import Company, Role
from twofactor.models import FactorKind
from twofactor.services import add_factor

# address, name, company, role, second factor by e-mail
PEOPLE = (
    ("rosa@gatehouse.example", "Rosa Ramos", "", "Full Administrator", True),
    ("ada@acme.example", "Ada Adler", "Acme", "Company Administrator", True),
    ("ben@acme.example", "Ben Brandt", "Acme", "Agent", False),
    ("cleo@globex.example", "Cleo Costa", "Globex", "Company Administrator", True),
)


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
        person = Person(email=email, display_name=name, company=company, roles=roles)
        user = create_user(person, password=password, by=by, now=now)
        if isinstance(user, Denied):
            raise CommandError(f"{email}: {user.message}")
        # Their mailboxes are the files under outbox/, so there is nobody to send a code back.
        User.objects.filter(pk=user.pk).update(email_verified_at=now)
        user.refresh_from_db()
        if by_email:
            add_factor(user, kind=FactorKind.EMAIL, origin=by.origin, now=now)

    def _password(self) -> str:
        path: Path = prepare.demo_password_file()
        if path.exists():
            return path.read_text(encoding="utf-8").strip()
        password = "-".join(secrets.token_hex(2) for _ in range(4))
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(password + "\n")
        return password
