"""Changing a company, and with it what its people hold."""

from datetime import datetime

from accounts.models import Session
from accounts.names import Realm
from accounts.sessions import end_sessions
from core.outcomes import Denied
from tenants import services
from tenants.actor import Actor
from tenants.models import Company
from tenants.services import CompanyDraft


def change_company(company: Company, draft: CompanyDraft, *, by: Actor, now: datetime) -> Company | Denied:
    """Change a company; switched off, every session of its people ends, so that none comes back when it is switched on."""

    def end(changed: Company, external_only: bool) -> None:
        live = Session.objects.filter(user__company=changed, ended_at=None).select_related("user")
        reason = "company_disabled"
        if external_only:
            live, reason = live.filter(user__realm=Realm.EXTERNAL), "changed"
        end_sessions(live.iterator(chunk_size=1_000), reason=reason, origin=by.origin, now=now)

    return services.change_company(company, draft, by=by, now=now, end_sessions=end)
