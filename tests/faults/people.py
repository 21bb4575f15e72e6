"""Many people at once, who all have one password and get their codes by mail: `python -m tests.faults.people NUMBER PASSWORD`."""

import os
import sys

COMPANY = "Crowd"


def address_of(number: int) -> str:
    """The name and mail address of one of them."""
    return f"person-{number}@crowd.example"


def make(number: int, password: str) -> None:
    """Put them into the database."""
    from django.contrib.auth.hashers import make_password
    from django.utils import timezone

    from accounts.models import User
    from core.contacts import key_of
    from tenants.models import Company, Role

    now, company = timezone.now(), Company.objects.create(name=COMPANY)
    role = Role.objects.get(name="Company Administrator", company=None)
    shared = {"password": make_password(password), "password_changed_at": now, "email_verified_at": now}
    people = User.objects.bulk_create(
        User(
            username=address_of(one), login_key=key_of(address_of(one)), email=address_of(one), display_name=f"Person {one}",
            company=company, **shared,
        )
        for one in range(number)
    )  # fmt: skip
    User.roles.through.objects.bulk_create(User.roles.through(user=one, role=role) for one in people)


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
    import django

    django.setup()
    make(int(sys.argv[1]), sys.argv[2])
