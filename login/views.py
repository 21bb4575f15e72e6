"""The pages of signing in: a thin door to login.service. The handle travels in a cookie that scripts cannot read."""

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import rotate_token
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views import View
from django.views.decorators.http import require_POST

from accounts.middleware import (
    LOGIN_HINT,
    SESSION_COOKIE,
    set_browser_cookie,
    set_session_cookie,
    sign_out_here,
)
from accounts.options import SIGN_UP
from accounts.principal import Principal
from accounts.sessions import BROWSER, Client
from configserver import where
from configserver.engines.base import Unreachable
from core import entropy
from core.contacts import NAME_LENGTH
from core.http import safe_next
from core.outcomes import Denied
from login.case import Case
from login.edge import client_of
from login.flow import Help, Purpose, Step
from login.forms import FORMS, StepForm, UsernameForm
from login.links.confirming import begin_to_confirm
from login.pages import TEMPLATES, context_of, step_url, told_sentences
from login.refusals import EXPIRED, OUT_OF_TURN, OUTCOMES
from login.service import (
    Answer,
    begin,
    begin_with_passkey,
    end_silently,
    find,
    first_step,
    goes_by_passkey,
    submit,
)
from tenants.settings import snapshot
from twofactor.services.passkeys import is_possible

ATTEMPT_COOKIE = f"{'__Secure-' if settings.HTTPS else ''}attempt"
ATTEMPT_PATH = "/login/"
_ENDED = gettext_lazy("Your session has ended. Please sign in again.")
_AWAY = gettext_lazy(
    "The server that keeps accounts of your organisation does not answer right now. If yours is one of them, your session goes on as soon "
    "as it does: wait a moment, and open this page again."
)


def set_attempt_cookie(response: HttpResponse, handle: str) -> None:
    """Let this browser, and no script in it, go on with the attempt."""
    response.set_cookie(
        ATTEMPT_COOKIE,
        handle,
        secure=settings.HTTPS,
        httponly=True,
        samesite="Lax",
        path=ATTEMPT_PATH,
        max_age=3600,
    )


def clear_attempt_cookie(response: HttpResponse) -> None:
    """The attempt is over for this browser."""
    response.delete_cookie(ATTEMPT_COOKIE, path=ATTEMPT_PATH, samesite="Lax")


def handle_of(request: HttpRequest) -> str:
    """The handle that this browser holds, if any."""
    return request.COOKIES.get(ATTEMPT_COOKIE, "")


def page_client(request: HttpRequest) -> Client:
    """The client of a page; a browser that is not known yet gets its token now, and the cookie when it has signed in."""
    client = client_of(request)
    if client.browser_token:
        return client
    return Client(address=client.address, user_agent=client.user_agent, browser_token=entropy.token(BROWSER))


def principal_of(request: HttpRequest) -> Principal | None:
    """Who is signed in."""
    principal: Principal | None = request.principal  # type: ignore[attr-defined]
    return principal


def ended(request: HttpRequest, denied: Denied, *, title: str | Promise = "") -> HttpResponse:
    """The page of a sign-in that is over."""
    context = {"title": title or _("This sign-in has ended"), "sentence": denied.message}
    response = render(request, "login/ended.html", context, status=401)
    clear_attempt_cookie(response)
    return response


def finished(request: HttpRequest, answer: Answer) -> HttpResponse:
    """The page after a completed sign-in; the browser gets its session under a new secret."""
    case, done = answer.case, answer.finished
    if case is None or done is None:
        raise LookupError("only a finished answer has a session")
    for sentence in told_sentences(case):
        messages.warning(request, sentence)
    response = redirect(safe_next(case.attempt.next))
    set_session_cookie(response, done.secret)
    set_browser_cookie(response, done.browser_token)
    clear_attempt_cookie(response)
    if case.attempt.purpose != Purpose.CONFIRM:
        # Confirming leaves it: a page that waits in another tab to be sent again must still be accepted.
        rotate_token(request)
    return response


def _case_of(request: HttpRequest) -> Case | None:
    return find(handle_of(request), by_page=True, client=page_client(request), now=timezone.now())


class UsernameView(View):
    """Who wants in."""

    def get(self, request: HttpRequest) -> HttpResponse:
        """The form; who is signed in already goes on."""
        principal = principal_of(request)
        target = safe_next(request.GET.get("next"))
        if principal is not None:
            return redirect(target)
        proposed = request.GET.get(LOGIN_HINT, "")[:NAME_LENGTH]
        return self._page(request, UsernameForm(initial={"username": proposed}), target)

    def post(self, request: HttpRequest) -> HttpResponse:
        """Begin, by a name or by a passkey."""
        target = safe_next(request.GET.get("next"), default="")
        if "passkey" in request.POST:
            return self._by_passkey(request, target)
        form = UsernameForm(request.POST)
        if not form.is_valid():
            return self._page(request, form, target)
        begun = begin(
            form.cleaned_data["username"],
            realm=form.cleaned_data["realm"],
            by_page=True,
            client=client_of(request),
            now=timezone.now(),
            target=target,
        )
        if isinstance(begun, Denied):
            form.add_error(None, str(begun.message))
            return self._page(request, form, target, status=429)
        if (before := _case_of(request)) is not None and before.attempt.help:
            end_silently(before, now=timezone.now())  # nobody has to answer that request any more
        response = redirect(step_url(Step.PASSWORD))
        set_attempt_cookie(response, begun[1])
        return response

    def _by_passkey(self, request: HttpRequest, target: str) -> HttpResponse:
        begun = begin_with_passkey(by_page=True, client=client_of(request), now=timezone.now(), target=target)
        if isinstance(begun, Denied):
            messages.warning(request, str(begun.message))
            return redirect("login:username")
        response = redirect(step_url(Step.PASSKEY))
        set_attempt_cookie(response, begun[1])
        return response

    def _page(self, request: HttpRequest, form: UsernameForm, target: str, status: int = 200) -> HttpResponse:
        context = {
            "form": form,
            "next": target,
            "passkeys": is_possible(),
            "sign_up": snapshot(None).on(SIGN_UP),
        }
        if SESSION_COOKIE in request.COOKIES:
            away = where.remote() is not None and isinstance(where.server().summary(), Unreachable)
            context["notice"] = _AWAY if away else _ENDED
        return render(request, "login/username.html", context, status=status)


class StepView(View):
    """The page of whatever is asked for next; any other address leads there."""

    def get(self, request: HttpRequest, step: str) -> HttpResponse:
        """Show the step, or go to the one that is in turn."""
        case = _case_of(request)
        if case is None:
            return self._over(request)
        other_way = case.proved and case.step in {Step.CODE, Step.PASSKEY} and len(case.methods) > 1
        if step == Step.METHOD and other_way:
            return self._page(request, case, FORMS[step](case=case), step=Step.METHOD)
        if step == Step.LOST and case.may_be_lost:
            return self._page(request, case, FORMS[step](case=case), step=Step.LOST)
        if case.help == Help.DENIED:
            return ended(request, OUTCOMES["help_denied"])
        if case.help == Help.CONFIRMED and case.step is Step.DONE:
            return self._page(request, case, FORMS[Step.HELP](case=case), step=Step.HELP)
        if case.step not in TEMPLATES:
            return ended(request, EXPIRED)  # the rules changed under way, and nothing more is asked
        if step != case.step:
            return redirect(step_url(case.step))
        return self._page(request, case, FORMS[step](case=case))

    def post(self, request: HttpRequest, step: str) -> HttpResponse:
        """Take the step."""
        case = _case_of(request)
        if case is not None and request.POST.get("attempt") not in {None, "", str(case.attempt.uid)}:
            messages.info(
                request, _("You began another sign-in in another tab. This page goes on with that one.")
            )
            return redirect(step_url(case.step))
        if case is None:
            return self._over(request)
        answer = submit(case, step, request.POST)
        if answer.finished is not None:
            return finished(request, answer)
        if answer.case is None or answer.step is Step.DENIED:
            return ended(request, answer.denied or EXPIRED)
        if answer.denied is None:
            return redirect(step_url(Step.LOST if step == Step.LOST else answer.step))
        if answer.denied.code == OUT_OF_TURN.code or step not in TEMPLATES or answer.form is None:
            messages.info(request, str(answer.denied.message))
            return redirect(step_url(answer.step))
        if not answer.form.errors:
            answer.form.add_error(None, str(answer.denied.message))
        if step == Step.CHALLENGE and answer.step != step:
            # A wrong answer to a question of the directory: the password is asked for again.
            messages.warning(request, str(answer.denied.message))
            return redirect(step_url(answer.step))
        status = {"too_many": 429, "texts_used_up": 429, "unavailable": 503}.get(answer.denied.code, 200)
        return self._page(request, answer.case, answer.form, step=Step(step), status=status)

    def _over(self, request: HttpRequest) -> HttpResponse:
        """There is no live attempt: the back button after a sign-in, one that is too old, or none was begun."""
        if principal_of(request) is not None:
            return redirect("/")
        return ended(request, EXPIRED) if handle_of(request) else redirect("login:username")

    def _page(
        self, request: HttpRequest, case: Case, form: StepForm, *, step: Step | None = None, status: int = 200
    ) -> HttpResponse:
        shown = step or case.step
        context: dict[str, Any] = {"form": form, **context_of(case, step=shown)}
        return render(request, TEMPLATES[shown], context, status=status)


def confirm(request: HttpRequest) -> HttpResponse:
    """Begin to confirm who holds the session: after an idle lock, or before a sensitive change."""
    principal = principal_of(request)
    if principal is None:
        return redirect(
            f"{reverse('login:username')}?{urlencode({'next': safe_next(request.GET.get('next'))})}"
        )
    by = request.GET.get("by")
    begun = begin_to_confirm(
        principal.session,
        by_page=True,
        client=client_of(request),
        now=timezone.now(),
        target=safe_next(request.GET.get("next")),
        by_passkey=by == "passkey" or (by != "password" and goes_by_passkey(principal.session)),
    )
    if isinstance(begun, Denied):
        return ended(request, begun)
    attempt, handle = begun
    response = redirect(step_url(first_step(attempt)))
    set_attempt_cookie(response, handle)
    return response


@require_POST
def cancel(request: HttpRequest) -> HttpResponse:
    """Give the sign-in up."""
    case = _case_of(request)
    confirming = case is not None and case.attempt.purpose == Purpose.CONFIRM
    if case is not None:
        end_silently(case, now=timezone.now())
    response = redirect("/" if confirming else "login:username")
    clear_attempt_cookie(response)
    return response


@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    """End the session of this browser."""
    if principal_of(request) is not None:
        messages.success(request, _("You are signed out."))
    return sign_out_here(request, redirect("login:username"))
