"""What the pages of /account/ share: the way to confirm first."""

from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponse

from accounts.pages import View, principal_of
from portal.confirming import way_to_confirm

# Those that add a way to prove it, which is open to whoever has none.
_ADD = {
    "add-app",
    "set-up-app",
    "add-passkey",
    "turn-on",
    "change-email",
    "resend-email",
    "change-phone",
    "resend-phone",
}
# Pages that both ask and do: after confirming, people land where they were.
_OPENS_AGAIN = {"password", "add-app", "add-passkey", "make-key", "set-up-app", "recovery", "remove-factor"}


def confirmed(view: View) -> View:
    """Let in who has proved recently who he is; anybody else confirms first, and what was typed is kept meanwhile."""

    @wraps(view)
    def inner(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        back = "/account/contacts/" if request.path.startswith("/account/contacts/") else "/account/security/"
        name = request.resolver_match.url_name if request.resolver_match is not None else ""
        if name in _OPENS_AGAIN:
            back = request.path
        way = way_to_confirm(request, principal_of(request), back=back, adds=name in _ADD)
        return way if way is not None else view(request, *args, **kwargs)

    return inner
