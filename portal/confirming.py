"""The way to prove again who one is, before something that a stolen session must not do."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext as _

from accounts.middleware import CONFIRM_URL, typed_in
from accounts.principal import Principal
from accounts.rising import FACTOR_FIRST
from twofactor.services.recent import refuse_unproved


def way_to_confirm(
    request: HttpRequest, principal: Principal, *, back: str, adds: bool = False
) -> HttpResponse | None:
    """Where to confirm, and then on to `back`; what was typed is kept meanwhile. None for who has proved it recently.

    `adds`: what is asked for is a way to prove it; whoever has none is sent to add one first.
    """
    denied = refuse_unproved(principal.session, now=timezone.now(), adds=adds)
    if denied is None:
        return None
    if denied is FACTOR_FIRST:
        messages.warning(request, str(denied.message))
        return redirect("account:security")
    if typed := typed_in(request):
        context = {
            "title": _("Confirm that it is still you"),
            "confirm_url": CONFIRM_URL,
            "resend": typed,
            "action": request.get_full_path(),
        }
        return render(request, "login/locked.html", context, status=403)
    return redirect(f"{reverse('login:confirm')}?{urlencode({'next': back})}")
