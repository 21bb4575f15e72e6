"""The door of integrations: another system's page sends its token here, and the browser goes on to a page that asks."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.utils.translation import gettext_lazy as _
from django.views import View
from django.views.decorators.csrf import csrf_exempt

from core.http import safe_next
from core.outcomes import Denied
from login.edge import client_of
from login.flow import Step
from login.links.sso import begin_vouched
from login.pages import step_url
from login.views import set_attempt_cookie

IN_ADDRESS = Denied(
    code="invalid",
    message=_(
        "A token in an address ends in histories and logs, so it is not taken. The system that sent you here has to send it as a form."
    ),
)
NO_TOKEN = Denied(code="invalid", message=_("The form that sent you here holds no token."))


# Another site's form cannot hold our CSRF token. What it may do is bounded by the page that follows: nothing happens before its button.
@method_decorator(csrf_exempt, name="dispatch")
class SsoView(View):
    """Take the token of an integration."""

    def get(self, request: HttpRequest) -> HttpResponse:
        """A token is not taken from an address; without one there is nothing to see."""
        return _refused(request, IN_ADDRESS if request.GET else NO_TOKEN, status=400)

    def post(self, request: HttpRequest) -> HttpResponse:
        """Check and spend the token; the page that follows asks whether the person means it."""
        if "token" in request.GET:
            return _refused(request, IN_ADDRESS, status=400)
        token = request.POST.get("token", "")
        if not token:
            return _refused(request, NO_TOKEN, status=400)
        begun = begin_vouched(
            token,
            client=client_of(request),
            now=timezone.now(),
            target=safe_next(request.POST.get("next"), default=""),
        )
        if isinstance(begun, Denied):
            return _refused(request, begun, status=429 if begun.code == "too_many" else 401)
        response = redirect(step_url(Step.CONTINUE))
        response.status_code = 303
        set_attempt_cookie(response, begun[1])
        return response


def _refused(request: HttpRequest, denied: Denied, *, status: int) -> HttpResponse:
    context = {
        "title": _("You could not be signed in"),
        "sentence": _(
            "The system that sent you here did not prove who you are. Go back to it and try again; if it happens again, tell your "
            "administrator what stands below."
        ),
        "facts": [denied.message],
    }
    return render(request, "login/ended.html", context, status=status)
