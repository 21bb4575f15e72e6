"""Why an external person cannot sign in at present, as far as that can be known without asking a directory."""

from django.utils.translation import gettext as _

from accounts import external
from accounts.mode import external_is_on
from accounts.models import User
from accounts.options import DEFAULT_COMPANY, MODE
from configserver.choice import INTERNAL
from configserver.models import Directory, Person
from configserver.service import choice_of, is_able


def kept_out() -> str:
    """What keeps everybody of the Configuration Server out while it is switched off."""
    words = _("Nobody of the Configuration Server can sign in while the setting %(name)s is None.")
    return words % {"name": MODE.name}


def obstacles(person: Person, *, account: User | None) -> list[str]:
    """What keeps this person out, in sentences; `account` is the person's account here, if there is one yet."""
    return [*_of_the_person(person), *_of_the_portal(person, account)]


def _of_the_person(person: Person) -> list[str]:
    found = []
    if not person.is_active:
        found.append(_("The person is switched off."))
    elif not is_able(person):
        found.append(_("The tenant, or one above it, is switched off."))
    engine = choice_of(person).engine
    if engine == INTERNAL and not person.password:
        found.append(_("No password has been given yet."))
    if engine != INTERNAL and not Directory.objects.filter(uid=engine, is_active=True).exists():
        found.append(_("The directory that proves the password is switched off."))
    return found


def _of_the_portal(person: Person, account: User | None) -> list[str]:
    found = []
    if not external_is_on():
        found.append(kept_out())
    company = external.company_of(person.tenant.dbid)
    if company is None:
        found.append(
            _("The tenant is linked to no company, and the setting %(name)s names none.")
            % {"name": DEFAULT_COMPANY.name}
        )
    elif not company.is_active:
        found.append(_("The company is switched off."))
    if account is not None and account.locked_at is not None:
        found.append(_("The account here is locked."))
    if account is not None and not account.is_active:
        found.append(_("The account here is switched off."))
    return found
