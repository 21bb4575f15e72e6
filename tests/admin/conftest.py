"""Rows of every kind that the administration shows, in two companies."""

from datetime import timedelta

import pytest
from django.db.models import Model
from django.utils import timezone

from accounts.models import ApiKey, Integration, SessionKind, SigningKey, User
from audit.events import Event
from audit.models import AuditEvent
from audit.record import Origin, record
from cobrowse.models import Application, CobrowseSession
from configserver.models import SolutionPackage
from core.db import unit
from core.sealed import NOTHING
from delivery.models import Delivery, State
from login.models import Attempt, HelpRequest
from oidc.models import Client
from tenants.models import Company, Permission, Role, SettingsRevision
from tests import directory
from tests.cast import browser as signed_in


@pytest.fixture
def foreign(cleo: User, globex: Company) -> dict[str, Model]:
    """One object of Globex of each kind that has a company, and one of each kind of the installation."""
    now = timezone.now()
    role = Role.objects.create(name="Globex Desk", company=globex, rank=5)
    with unit():
        record(Event.USER_CREATED, origin=Origin(actor=cleo), at=now, company_id=globex.pk, subject=cleo)
    signed_in(cleo)
    tenant = directory.tenant(202, name="Globex tenant", company=globex)
    # Roles of the Configuration Server belong to no company: whoever manages persons reads their names.
    given = directory.role("Supervisor", opens=["user"])
    return {
        "accounts_user": cleo,
        "accounts_session": cleo.sessions.get(),
        "accounts_apikey": ApiKey.objects.create(
            name="globex import",
            session=cleo.sessions.create(
                kind=SessionKind.KEY,
                fingerprint="globex",
                created_at=now,
                seen_at=now,
                confirmed_at=now,
                expires_at=now + timedelta(hours=1),
                grant={"scopes": []},
            ),
        ),
        "accounts_integration": Integration.objects.create(
            company=globex, name="Globex desk", licence_key="GLOBEXDESK", ceiling=role
        ),
        "oidc_client": Client.objects.create(
            company=globex,
            name="Globex wiki",
            redirect_uris=["https://wiki.globex.example/cb"],
            scopes=["openid"],
        ),
        "cobrowse_application": Application.objects.create(
            company=globex, type="cluster", name="Globex cluster", site_key="globexsite"
        ),
        "cobrowse_cobrowsesession": CobrowseSession.objects.create(
            company=globex,
            token="123456789",
            code="123456",
            created_at=now,
            updated_at=now,
            expires_at=now + timedelta(minutes=20),
        ),
        "login_helprequest": HelpRequest.objects.create(
            attempt=Attempt.objects.create(
                fingerprint="globex",
                purpose="sign-in",
                by_page=True,
                realm="internal",
                name=NOTHING,
                name_key="globex",
                user=cleo,
                version=cleo.security_version,
                created_at=now,
                expires_at=now + timedelta(minutes=30),
            ),
            user=cleo,
            company=globex,
            reason="no_method",
            created_at=now,
            expires_at=now + timedelta(minutes=30),
        ),
        "tenants_company": globex,
        "tenants_role": role,
        "tenants_permission": Permission.objects.create(role=role, kind="user"),
        "configserver_tenant": tenant,
        "configserver_person": directory.person("cleopatra", tenant=tenant, roles=[given]),
        "configserver_role": given,
        "configserver_permission": given.permissions.get(),
        "tenants_settingsrevision": SettingsRevision.objects.create(company=globex, number=1, at=now),
        "configserver_directory": directory.directory(),  # of no company, as the next one
        "configserver_solutionpackage": SolutionPackage.objects.create(
            name="Agents", version="1.0.0", deploymentkey="agents", before="[]", applied_at=now
        ),
        "accounts_signingkey": SigningKey.objects.get(),  # of no company either
        "audit_auditevent": AuditEvent.objects.get(subject_uid=cleo.uid, event=Event.USER_CREATED),
        "delivery_delivery": Delivery.objects.create(
            kind="email",
            to=cleo.email,
            template="code",
            language="en",
            company_id=globex.pk,
            state=State.FAILED,
            next_try_at=now,
            expires_at=now + timedelta(hours=1),
            created_at=now,
        ),
    }
