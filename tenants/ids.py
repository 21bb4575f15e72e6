"""The ids of companies as the outside knows them, by the numbers that rows of other apps keep."""

from core import epoch
from tenants.models import Company

_uids = epoch.Cached[int, str](
    lambda pk: str(Company.objects.values_list("uid", flat=True).filter(pk=pk).first() or "")
)


def company_uid(number: int | None) -> str | None:
    """The id of the company with this number; None for none, and for one that was deleted."""
    return (_uids(number) or None) if number is not None else None
