"""Setting up an authenticator app: choose, scan or type its key, give back the first code."""

import uuid

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import Session
from accounts.pages import actor_of, principal_of, signed_in
from core.outcomes import Denied
from login.pages import app_setup
from portal.account.door import confirmed
from portal.account.forms import AppForm, FirstCodeForm
from twofactor.models import Factor
from twofactor.services import setup
from twofactor.services.factors import own_factor


@signed_in
def add(request: HttpRequest) -> HttpResponse:
    """Name and kind of the app; on sending them its key is made."""
    form = AppForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        return _begin(request, form)
    return render(request, "account/security_app.html", {"form": form})


@confirmed
def _begin(request: HttpRequest, form: AppForm) -> HttpResponse:
    given = form.cleaned_data
    begun = setup.begin(
        principal_of(request).session,
        algorithm=given["algorithm"] or "SHA1",
        digits=int(given["digits"] or 6),
        name=given["name"],
        origin=actor_of(request).origin,
        now=timezone.now(),
    )
    if isinstance(begun, Denied):
        form.add_error(begun.field if begun.field in form.fields else None, str(begun.message))
        return render(request, "account/security_app.html", {"form": form})
    return redirect("account:set-up-app", uid=begun.uid)


@signed_in
def set_up(request: HttpRequest, uid: uuid.UUID) -> HttpResponse:
    """QR code and key of the app that waits in this session, and the field for its first code."""
    session = principal_of(request).session
    if own_factor(session.user, uid) is None:
        raise Http404
    factor = setup.waiting(session, uid, now=timezone.now())
    if factor is None:
        messages.warning(request, _("This set-up is over. Begin again to add an app."))
        return redirect("account:security")
    form = FirstCodeForm(request.POST or None, digits=factor.digits)
    if request.method == "POST" and form.is_valid():
        return _confirm(request, factor, form)
    return _page(request, session, factor, form)


@confirmed
def _confirm(request: HttpRequest, factor: Factor, form: FirstCodeForm) -> HttpResponse:
    session = principal_of(request).session
    put = setup.confirm(
        session, factor, form.cleaned_data["code"], origin=actor_of(request).origin, now=timezone.now()
    )
    if isinstance(put, Denied):
        form.add_error("code", str(put.message))
        return _page(request, session, factor, form)
    messages.success(request, _("The app is set up. You are asked for its code at your next sign-in."))
    return redirect("account:security")


def _page(request: HttpRequest, session: Session, factor: Factor, form: FirstCodeForm) -> HttpResponse:
    context = {"form": form, "tries_left": setup.tries_left(session, factor), **app_setup(factor)}
    return render(request, "account/security_app_code.html", context)
