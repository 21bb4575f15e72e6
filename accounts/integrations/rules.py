"""Who may touch an integration, and what of it: in reach, and never one that lets in who stands above the actor."""

from dataclasses import replace

from django.utils.translation import gettext_lazy as _

from accounts.models import Integration
from core.draft import NOT_FOUND
from core.outcomes import FORBIDDEN, Denied
from tenants.actor import Actor
from tenants.models import Company, Kind, Role
from tenants.rules import fits, may_touch, rights_through

KIND = Kind.INTEGRATION.value
STANDS_ABOVE = _(
    "This integration can let in people who may do or see more than you, so you cannot change it."
)


def refuse_ceiling(ceiling: Role, company: Company, *, by: Actor) -> Denied | None:
    """Refuse a ceiling of another company, or one above the actor: by a token of his own making he would be there."""
    if not fits(ceiling, company=company):
        return Denied(
            code="role_of_other_company",
            field="ceiling",
            message=_("This role belongs to another company than the integration."),
        )
    exceeded = by.exceeded_by(rights_through(ceiling, company=company))
    return None if exceeded is None else replace(exceeded, field="ceiling")


def refuse_touch_integration(integration: Integration, *, verb: str, by: Actor) -> Denied | None:
    """Why this actor may not touch this integration as it is now."""
    if not may_touch(by.rights, "view", KIND, company_id=integration.company_id):
        return NOT_FOUND
    if not may_touch(by.rights, verb, KIND, company_id=integration.company_id):
        return FORBIDDEN
    exceeded = by.exceeded_by(rights_through(integration.ceiling, company=integration.company))
    return None if exceeded is None else replace(exceeded, message=STANDS_ABOVE)


def locked_integration(integration: Integration) -> Integration | None:
    """Inside a unit: the row as it is now, held to the end."""
    rows = Integration.objects.select_for_update(of=("self",)).select_related("company", "ceiling")
    return rows.filter(pk=integration.pk).first()
