"""Which company somebody joins who signs up: the one that he names, or the one that lets his address."""

from collections.abc import Iterable, Iterator

from django.db.models import OuterRef, Subquery

from accounts.allowed import is_allowed, matches
from accounts.options import ADDRESSES, SIGN_UP
from core.options import Value
from tenants.models import Company, SettingsRevision
from tenants.settings import pinned, snapshot


def lets_sign_up(address: str, company: Company) -> bool:
    """Whether the company lets this address sign up."""
    settings = snapshot(company.pk)
    return company.is_active and settings.on(SIGN_UP) and is_allowed(address, settings)


def company_for(address: str) -> Company | None:
    """The one company that lets this address sign up: of several the one that names its own addresses, else none."""
    open_to = list(_open_to(address))
    pk = _only(pk for pk, _named in open_to) or _only(pk for pk, named in open_to if named)
    found = Company.objects.filter(pk=pk).first() if pk is not None else None
    return found if found is not None and lets_sign_up(address, found) else None


def _open_to(address: str) -> Iterator[tuple[int, bool]]:
    """The companies that let this address sign up, and whether each says which addresses are its own.

    One statement for all of them: anybody may ask, and with thousands of companies, reading the settings of each would stop the mails.
    """
    everywhere, shut = snapshot(None), pinned().keys()
    usual: dict[str, Value] = {
        SIGN_UP.name: everywhere.on(SIGN_UP),
        ADDRESSES.name: everywhere.text(ADDRESSES),
    }
    newest = SettingsRevision.objects.filter(company=OuterRef("pk")).order_by("-number")
    companies = Company.objects.filter(is_active=True).annotate(own=Subquery(newest.values("values")[:1]))
    for pk, own in companies.values_list("pk", "own").iterator():
        said = usual | {
            name: value for name, value in (own or {}).items() if name in usual and name not in shut
        }
        pattern = str(said[ADDRESSES.name])
        if said[SIGN_UP.name] and matches(pattern, address):
            yield pk, bool(pattern)


def _only(found: Iterable[int]) -> int | None:
    numbers = list(found)
    return numbers[0] if len(numbers) == 1 else None
