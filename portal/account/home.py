"""The dashboard and the overview of the own account."""

from datetime import datetime, timedelta
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.checks import rules_of
from accounts.external import may_change_password
from accounts.models import Session, User
from accounts.pages import principal_of, signed_in
from accounts.principal import Principal
from accounts.sessions import SIGN_INS, live_sessions
from configserver.passwords import days_until_expiry
from login.links.confirming import has_password
from tenants.models import Company, Kind
from tenants.rights import Everywhere
from twofactor.services.factors import confirmed


def last_sign_in(session: Session) -> dict[str, Any] | None:
    """The sign-in before this one: when, from where, with what (sources 3.5: it is for the person to notice misuse)."""
    before = (
        Session.objects.filter(user=session.user_id, kind__in=SIGN_INS, pk__lt=session.pk)
        .order_by("-pk")
        .first()
    )
    if before is None:
        return None
    return {"at": before.created_at, "address": before.address, "user_agent": before.user_agent}


def expiry_warning(user: User, *, now: datetime) -> list[str]:
    """A sentence when the password has to be changed soon."""
    days = days_until_expiry(changed_at=user.password_changed_at, rules=rules_of(user.company_id), now=now)
    if days is None:
        return []
    return [
        ngettext("Your password expires in %(days)s day.", "Your password expires in %(days)s days.", days)
        % {"days": days}
    ]


def _privileges(principal: Principal) -> list[tuple[str, list[str]]]:
    grouped: dict[str, list[str]] = {}
    for application, name in sorted(principal.rights.privileges):
        grouped.setdefault(application, []).append(name)
    return list(grouped.items())


def _permissions(principal: Principal) -> list[tuple[str, object]]:
    reach = principal.rights.reach
    ids = {pk for companies in reach.values() if not isinstance(companies, Everywhere) for pk in companies}
    names = dict(Company.objects.filter(pk__in=ids).values_list("pk", "name")) if ids else {}
    shown = []
    for kind, companies in sorted(reach.items()):
        where: object = (
            _("all companies")
            if isinstance(companies, Everywhere)
            else sorted(names[pk] for pk in companies if pk in names)
        )
        shown.append((str(Kind(kind).label), where))
    return shown


@signed_in
def dashboard(request: HttpRequest) -> HttpResponse:
    """Where a sign-in lands: the company, what may be done and seen, and the sign-in before this one."""
    principal = principal_of(request)
    context = {
        "company": principal.company,
        "roles": principal.role_names,
        "privileges": _privileges(principal),
        "permissions": _permissions(principal),
        "last_sign_in": last_sign_in(principal.session),
        "warnings": expiry_warning(principal.user, now=timezone.now()),
    }
    return render(request, "dashboard.html", context)


@signed_in
def overview(request: HttpRequest) -> HttpResponse:
    """The own account at a glance."""
    principal, now = principal_of(request), timezone.now()
    user = User.objects.select_related("company").get(pk=principal.user.pk)
    days = rules_of(user.company_id).expiration_days
    changed, elsewhere = user.password_changed_at, user.is_external and not may_change_password(user)
    context = {
        "last_sign_in": last_sign_in(principal.session),
        "warnings": expiry_warning(user, now=now),
        "sessions_count": live_sessions(user, now=now).count(),
        "factors": [{"name": factor.name or factor.get_kind_display()} for factor in confirmed(user)],
        "password": {
            "changed_at": changed,
            "expires_at": changed + timedelta(days=days) if days and changed else None,
            "sentence": _("Kept in the directory of your organisation.") if elsewhere else "",
            "is_set": has_password(user),
        },
        "contacts": [
            {"kind": "email", "value": user.email, "verified_at": user.email_verified_at},
            {"kind": "phone", "value": user.phone, "verified_at": user.phone_verified_at},
        ],
    }
    return render(request, "account/home.html", context)
