"""The page of the own second factors and remembered browsers; setting up an app, and recovery codes, have files of their own."""

import uuid
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as __
from django.views.decorators.http import require_POST

from accounts.models import User
from accounts.pages import actor_of, principal_of, signed_in
from core.outcomes import Denied
from portal.account.door import confirmed
from tenants.settings import snapshot
from twofactor.methods import label_of
from twofactor.models import MANY, Factor, FactorKind
from twofactor.options import REMEMBER_DAYS, SKIP
from twofactor.policy import CONTACTS, PROVIDED, SPARE, stands
from twofactor.serializers import without_temporary
from twofactor.services import setup
from twofactor.services.asked import contact_fields, policy_for, verified_contacts
from twofactor.services.devices import forget_browser, own_browser, remembered
from twofactor.services.factors import add_factor, change_factor, is_permitted, own_factor, remove_factor
from twofactor.services.factors import confirmed as in_force
from twofactor.services.lost import awaited, end_own
from twofactor.services.paper import recovery_codes_left
from twofactor.services.provided import asks_service, known_of, provided_for

FEW_CODES = 3  # from here on the page asks for new ones
TURNED_ON_AT_ONCE = CONTACTS | PROVIDED
_EXPLAINED: dict[str, str | Promise] = {
    FactorKind.PASSKEY: __(
        "Your fingerprint, face or security key. Nothing to type, and nothing that a false page could take."
    ),
    FactorKind.TOTP: __(
        "An app on your phone shows a code that changes every 30 seconds. It needs no network."
    ),
    FactorKind.EMAIL: __("We send a code to your e-mail address."),
    FactorKind.SMS: __("We send a code to your phone."),
    FactorKind.WEBSERVICE: __("The service of your organisation checks a code."),
    FactorKind.RADIUS: __("The token that your organisation gave you."),
    FactorKind.RECOVERY: __(
        "Ten codes on paper, each good once, for the day when your other ways are not at hand."
    ),
}


def _policy_sentence(policy: str) -> str:
    return {
        "required": _("A second factor is required of you."),
        "optional": _("A second factor is your choice; we recommend one."),
        "off": _("Second factors are switched off for you by your organisation."),
    }[policy]


def _skip_sentence(user: User) -> str:
    settings = snapshot(user.company_id)
    return {
        "never": _("Whoever has one is asked for it each time; no device is remembered."),
        "session": _("Whoever has one is asked for it at each sign-in; no device is remembered."),
        "device": _(
            "At the sign-in you may have a device remembered: for %(days)s days the second factor is not asked for there."
        )
        % {"days": settings.number(REMEMBER_DAYS)},
    }[settings.text(SKIP)]


def _row(factor: Factor, user: User, *, left: int) -> dict[str, Any]:
    spare = factor.kind == SPARE
    kind = _("Recovery codes") if spare else str(factor.get_kind_display())
    return {
        "uid": factor.uid,
        "kind": factor.kind,
        "title": factor.name or kind,
        "kind_name": kind if factor.name else "",
        "name": factor.name,
        "label": label_of(factor.kind, user),
        "added_at": factor.created_at,
        "last_used_at": factor.last_used_at,
        "preferred": user.preferred_factor == factor.kind,
        "left": left if spare else None,
        "few": spare and left <= FEW_CODES,
        "permitted": is_permitted(factor.kind, user),
    }


def _cards(user: User, factors: list[Factor]) -> list[dict[str, Any]]:
    """What can be added: one card for each kind that is permitted and not there yet, or may be there several times.

    A verification service is asked when it is turned on: this page must not wait for it.
    """
    settings, on = snapshot(user.company_id), {factor.kind for factor in factors}
    verified = verified_contacts(user, settings)
    shut = CONTACTS - set(contact_fields(settings))
    pages = {
        FactorKind.PASSKEY: reverse("account:add-passkey"),
        FactorKind.TOTP: reverse("account:add-app"),
    }
    provided = known_of(settings, user).kinds | ({FactorKind.WEBSERVICE} if asks_service(settings) else set())
    found = []
    for kind in (
        FactorKind.PASSKEY,
        FactorKind.TOTP,
        FactorKind.EMAIL,
        FactorKind.SMS,
        FactorKind.WEBSERVICE,
        FactorKind.RADIUS,
    ):
        if (kind in on and kind not in MANY) or kind in shut or not is_permitted(kind, user):
            continue
        card: dict[str, Any] = {
            "kind": kind.value,
            "title": kind.label,
            "explains": _EXPLAINED[kind],
            "url": "",
            "verify": "",
        }
        if kind in MANY:
            card["url"] = pages[kind]
        elif kind in PROVIDED:
            if kind not in provided:
                continue
        else:
            card["label"] = label_of(kind, user)
            if kind not in verified:
                card["verify"] = "email" if kind == FactorKind.EMAIL else "phone"
        found.append(card)
    if SPARE not in on and stands(on):
        found.append(
            {
                "kind": SPARE,
                "title": _("Recovery codes"),
                "explains": _EXPLAINED[FactorKind.RECOVERY],
                "url": reverse("account:recovery"),
                "verify": "",
            }
        )
    return found


@signed_in
def security(request: HttpRequest) -> HttpResponse:
    """The second factors, what can be added, and the browsers that stand for one."""
    principal, now = principal_of(request), timezone.now()
    user = User.objects.select_related("company").get(pk=principal.user.pk)
    policy = policy_for(user)
    factors = without_temporary(in_force(user), user)
    left = recovery_codes_left(user) if any(one.kind == SPARE for one in factors) else 0
    rows = [_row(one, user, left=left) for one in factors]
    standing = [row for row in rows if row["permitted"] and row["kind"] != SPARE]
    if policy == "required" and len(standing) == 1:
        standing[0]["needed"] = True  # asked for all the same, it is refused
    context = {
        "policy": _policy_sentence(policy),
        "required": policy == "required",
        "verified": bool(verified_contacts(user, snapshot(user.company_id))),
        "factors": rows,
        "waiting": setup.waiting_in(principal.session, now=now),
        "recovery": awaited(user, now=now),
        "few_codes": next((row for row in rows if row["few"]), None),
        "cards": _cards(user, factors),
        "skip": _skip_sentence(user),
        "may_remember": snapshot(user.company_id).text(SKIP) == "device",
        "devices": [
            {
                "uid": browser.uid,
                "user_agent": browser.user_agent,
                "address": browser.address,
                "last_used_at": browser.last_seen_at,
                "expires_at": browser.remembered_until,
                "current": principal.session.browser_id == browser.pk,
            }
            for browser in remembered(user, now=now)
        ],
    }
    return render(request, "account/security.html", context)


@require_POST
@signed_in
@confirmed
def turn_on(request: HttpRequest, kind: str) -> HttpResponse:
    """Turn on what needs no set-up: codes to a verified address, or what the organisation provides."""
    if kind not in TURNED_ON_AT_ONCE:
        raise Http404
    user = User.objects.select_related("company").get(pk=principal_of(request).user.pk)
    now = timezone.now()
    provided = provided_for(user, snapshot(user.company_id), now=now) if kind in PROVIDED else None
    added = add_factor(
        user,
        kind=FactorKind(kind),
        provided=provided,
        session=principal_of(request).session,
        origin=actor_of(request).origin,
        now=now,
    )
    if isinstance(added, Denied):
        messages.warning(request, str(added.message))
    else:
        sentence = _("%(kind)s is turned on. You are asked for it at your next sign-in.")
        messages.success(request, sentence % {"kind": FactorKind(kind).label})
    return redirect("account:security")


def _own(request: HttpRequest, uid: uuid.UUID) -> Factor:
    factor = own_factor(principal_of(request).user, uid)
    if factor is None:
        raise Http404
    return factor


@require_POST
@signed_in
@confirmed
def change(request: HttpRequest, uid: uuid.UUID) -> HttpResponse:
    """Name a second factor, or have it proposed first; whatever the form holds."""
    factor, given = _own(request, uid), {}
    if "name" in request.POST:
        given["name"] = request.POST["name"]
    preferred = {"1": True, "0": False}.get(request.POST.get("preferred", ""))
    changed = change_factor(
        factor, **given, preferred=preferred, origin=actor_of(request).origin, now=timezone.now()
    )
    if isinstance(changed, Denied):
        messages.warning(request, str(changed.message))
    else:
        messages.success(request, _("Saved."))
    return redirect("account:security")


@signed_in
def remove(request: HttpRequest, uid: uuid.UUID) -> HttpResponse:
    """Ask, and turn a second factor off."""
    factor = _own(request, uid)
    if request.method != "POST":
        user = factor.user
        context = {"factor": _row(factor, user, left=0), "is_spare": factor.kind == SPARE}
        return render(request, "account/security_remove.html", context)
    return _remove(request, factor)


@confirmed
def _remove(request: HttpRequest, factor: Factor) -> HttpResponse:
    principal = principal_of(request)
    denied = remove_factor(factor, session=principal.session, by=actor_of(request), now=timezone.now())
    if denied is not None:
        messages.warning(request, str(denied.message))
    else:
        messages.success(
            request,
            _("The second factor was turned off, and your other sessions were ended; you are told of it."),
        )
    return redirect("account:security")


@require_POST
@signed_in
def forget(request: HttpRequest, uid: uuid.UUID) -> HttpResponse:
    """A remembered browser is asked for the second factor again."""
    browser = own_browser(principal_of(request).user, uid)
    if browser is None:
        raise Http404
    forget_browser(browser, origin=actor_of(request).origin, now=timezone.now())
    messages.success(request, _("The device is no longer remembered."))
    return redirect("account:security")


@require_POST
@signed_in
def keep(request: HttpRequest) -> HttpResponse:
    """End that somebody replaces a second factor that is said to be lost."""
    denied = end_own(principal_of(request).user, origin=actor_of(request).origin, now=timezone.now())
    if denied is None:
        messages.success(request, _("Your second factor stays. If it was not you, change your password."))
    else:
        messages.warning(request, str(denied.message))
    return redirect("account:security")
