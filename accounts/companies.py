"""Changing a company, and with it what its people hold."""

from datetime import datetime

from accounts.models import Session
from accounts.sessions import end_sessions
from core.outcomes import Denied
from tenants import services
from tenants.actor import Actor
from tenants.models import Company
from tenants.services import CompanyDraft


def change_company(company: Company, draft: CompanyDraft, *, by: Actor, now: datetime) -> Company | Denied:
    """Change a company; switched off, every session of its people ends, so that none comes back when it is switched on."""

    def end(disabled: Company) -> None:
        live = Session.objects.filter(user__company=disabled, ended_at=None).select_related("user")
        end_sessions(live.iterator(chunk_size=1_000), reason="company_disabled", origin=by.origin, now=now)

    return services.change_company(company, draft, by=by, now=now, end_sessions=end)
