"""Own second factors and remembered browsers."""

import uuid

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from accounts.models import Browser, User
from accounts.names import masked_email
from core.http import client_address
from core.outcomes import Denied
from portal.account.door import confirmed, principal_of, signed_in
from portal.account.sessions import origin_of
from twofactor.models import Factor, FactorKind
from twofactor.services.asked import policy_for
from twofactor.services.devices import forget_browser
from twofactor.services.factors import add_factor, remove_factor


def _policy_sentence(policy: str) -> str:
    return {
        "required": _("A second factor is required of you."),
        "optional": _("A second factor is your choice; we recommend one."),
        "off": _("Second factors are switched off for you by your organisation."),
    }[policy]


@signed_in
def security(request: HttpRequest) -> HttpResponse:
    """The second factors, and the browsers that stand for one."""
    principal, now = principal_of(request), timezone.now()
    user = User.objects.select_related("company").get(pk=principal.user.pk)
    policy = policy_for(user)
    factors = list(user.factors.all())
    remembered = [
        one for one in user.browsers.order_by("-last_seen_at") if one.is_remembered(user=user, now=now)
    ]
    context = {
        "policy": _policy_sentence(policy),
        "factors": [
            {
                "uid": factor.uid,
                "kind": factor.kind,
                "name": factor.get_kind_display(),
                "label": masked_email(user.email),
                "added_at": factor.created_at,
                "last_used_at": factor.last_used_at,
                "removable": policy != "required" or len(factors) > 1,
            }
            for factor in factors
        ],
        "email_codes": {
            "on": any(factor.kind == FactorKind.EMAIL for factor in factors),
            "available": bool(user.email_verified_at),
            "address": user.email,
        },
        "devices": [
            {
                "uid": browser.uid,
                "user_agent": browser.user_agent,
                "address": browser.address,
                "last_used_at": browser.last_seen_at,
                "expires_at": browser.remembered_until,
                "current": principal.session.browser_id == browser.pk,
            }
            for browser in remembered
        ],
    }
    return render(request, "account/security.html", context)


@require_POST
@signed_in
@confirmed
def turn_on_email(request: HttpRequest) -> HttpResponse:
    """Turn on codes by e-mail."""
    user = User.objects.get(pk=principal_of(request).user.pk)
    added = add_factor(user, kind=FactorKind.EMAIL, origin=origin_of(request), now=timezone.now())
    if isinstance(added, Denied):
        messages.warning(request, str(added.message))
    else:
        messages.success(request, _("Codes by e-mail are on. You are asked for one at your next sign-in."))
    return redirect("account:security")


@require_POST
@signed_in
@confirmed
def remove(request: HttpRequest, uid: uuid.UUID) -> HttpResponse:
    """Turn a second factor off."""
    principal = principal_of(request)
    factor = Factor.objects.select_related("user__company").filter(user=principal.user.pk, uid=uid).first()
    if factor is None:
        raise Http404
    actor = principal.actor(address=client_address(request))
    denied = remove_factor(factor, session=principal.session, by=actor, now=timezone.now())
    if denied is not None:
        messages.warning(request, str(denied.message))
    else:
        messages.success(
            request,
            _("The second factor was turned off, and your other sessions were ended; a mail tells of it."),
        )
    return redirect("account:security")


@require_POST
@signed_in
def forget(request: HttpRequest, uid: uuid.UUID) -> HttpResponse:
    """A remembered browser is asked for the second factor again."""
    principal = principal_of(request)
    browser = Browser.objects.select_related("user").filter(user=principal.user.pk, uid=uid).first()
    if browser is None:
        raise Http404
    forget_browser(browser, origin=origin_of(request), now=timezone.now())
    messages.success(request, _("The device is no longer remembered."))
    return redirect("account:security")
