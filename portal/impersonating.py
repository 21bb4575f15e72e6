"""The way back of an administrator who acts as another person."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from accounts.impersonation import end_impersonation
from accounts.middleware import clear_impersonation_cookie
from accounts.pages import principal_of, signed_in
from core.http import client_address


@require_POST
@signed_in
def end(request: HttpRequest) -> HttpResponse:
    """Stop; the browser is the administrator's own again, on the page of the person."""
    principal = principal_of(request)
    response = redirect("dashboard")
    if principal.behind is not None:
        end_impersonation(principal, address=client_address(request), now=timezone.now())
        messages.success(request, _("You are yourself again."))
        if principal.behind.rights.may_open_admin:
            response = redirect("admin:accounts_user_change", principal.user.pk)
    clear_impersonation_cookie(response)
    return response
