"""The people of an installation of several nodes, made by `python -m tests.nodes.people` in the environment of one of them."""

import os

PASSWORD = "a lantern in the harbour 7"
ADA = "ada@acme.example"  # has a second factor
CHIEF = "root@portal.example"  # administers all of it, and has one, too
OTHERS = tuple(f"{name}@acme.example" for name in ("ben", "bea", "bob", "bert", "bela"))


def make() -> None:
    """Make them, as their administrator would."""
    from django.utils import timezone

    from accounts.models import User
    from accounts.people import UserDraft, create_user
    from core.outcomes import Denied
    from tenants.actor import system_actor
    from tenants.models import Company, Role
    from twofactor.models import FactorKind
    from twofactor.services.factors import add_factor

    by, now = system_actor(), timezone.now()
    acme = Company.objects.create(name="Acme")
    for email in (ADA, CHIEF, *OTHERS):
        company, role = (None, "Full Administrator") if email == CHIEF else (acme, "Member")
        roles = [Role.objects.get(name=role, company=None)]
        person = UserDraft(email=email, display_name=email.partition("@")[0], company=company, roles=roles)
        user = create_user(person, password=PASSWORD, by=by, now=now)
        assert not isinstance(user, Denied), user
        User.objects.filter(pk=user.pk).update(email_verified_at=now)
        user.refresh_from_db()
        if email in {ADA, CHIEF}:
            add_factor(user, kind=FactorKind.EMAIL, origin=by.origin, now=now)


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
    import django

    django.setup()
    make()
