"""`manage.py administrator EMAIL`: the first administrator of an installation, or another one when nobody can get in."""

import secrets
from argparse import ArgumentParser
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from accounts.people import UserDraft, create_user
from audit import rootkeys
from core.outcomes import Denied
from tenants.actor import system_actor
from tenants.models import Role


class Command(BaseCommand):
    """Makes a Full Administrator with a first password."""

    help = "Make a Full Administrator. The first password is printed once and has to be changed at the first sign-in."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Who it is."""
        parser.add_argument("email")
        parser.add_argument("--name", default="", help="As others see it (default: the e-mail address).")

    def handle(self, *args: Any, **options: Any) -> None:
        """Make the account."""
        call_command("migrate", interactive=False, verbosity=0)  # it may be the very first command
        rootkeys.claim()
        password = secrets.token_urlsafe(15)
        person = UserDraft(
            email=options["email"],
            display_name=options["name"] or options["email"],
            roles=[Role.objects.get(name="Full Administrator", company=None)],
            must_change_password=True,
        )
        user = create_user(person, password=password, by=system_actor(), now=timezone.now())
        if isinstance(user, Denied):
            raise CommandError(str(user.message))
        self.stdout.write(f"{user.username} can sign in with the password {password}")
