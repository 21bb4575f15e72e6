"""Changing a company, and with it what its people hold."""

from collections.abc import Iterator
from datetime import datetime

from django.db.models import Q

from accounts.loaded import permissions_loaded, roles_loaded
from accounts.models import Session, User
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
        if external_only:
            end_sessions(_by_link(changed), reason="changed", origin=by.origin, now=now)
            return
        live = Session.objects.filter(user__company=changed, ended_at=None).select_related("user")
        end_sessions(live.iterator(chunk_size=1_000), reason="company_disabled", origin=by.origin, now=now)

    return services.change_company(company, draft, by=by, now=now, end_sessions=end)


def _by_link(company: Company) -> Iterator[Session]:
    """The live sessions of external people to whom it matters which tenant this company is linked to."""
    live = Session.objects.filter(user__realm=Realm.EXTERNAL, ended_at=None).select_related("user")
    theirs = Q(user__company=company)
    if company.tenant_dbid is not None:
        theirs |= Q(user__tenant_dbid=company.tenant_dbid)  # they were in the default company
    yield from live.filter(theirs).iterator(chunk_size=1_000)
    for session in live.exclude(theirs).iterator(chunk_size=1_000):
        if _sees(session.user, company):
            yield session


def _sees(user: User, company: Company) -> bool:
    """Whether it is named in what was given to somebody elsewhere, who was to see the tenant."""
    through_roles = (one for role in roles_loaded(user) for one in role.permissions)
    return any(one.company_id == company.pk for one in (*permissions_loaded(user), *through_roles))
