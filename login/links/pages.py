"""The pages of a mailed link: ask for it, and use it by a button. Opening it changes nothing."""

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views import View

from core.contacts import NAME_LENGTH
from core.outcomes import Denied
from login.edge import client_of
from login.flow import Step
from login.forms import CodeField
from login.links import forgotten
from login.pages import step_url
from login.refusals import EXPIRED
from login.views import ended, finished, handle_of, page_client, set_attempt_cookie


class AskForm(forms.Form):
    """For whom."""

    username = forms.CharField(
        label=gettext_lazy("E-mail address"),
        max_length=NAME_LENGTH,
        widget=forms.TextInput(
            attrs={
                "autocomplete": "username",
                "autocapitalize": "none",
                "spellcheck": "false",
                "autofocus": True,
            }
        ),
    )


class ShortCodeForm(forms.Form):
    """The short code of the mail, where the link is opened in another browser."""

    code = CodeField()


class AskView(View):
    """Ask for a link to set a new password."""

    def get(self, request: HttpRequest) -> HttpResponse:
        """The form."""
        return render(request, "login/forgotten.html", {"form": AskForm()})

    def post(self, request: HttpRequest) -> HttpResponse:
        """One answer for every name."""
        form = AskForm(request.POST)
        if not form.is_valid():
            return render(request, "login/forgotten.html", {"form": form})
        asked = forgotten.ask(
            form.cleaned_data["username"], by_page=True, client=client_of(request), now=timezone.now()
        )
        if isinstance(asked, Denied):
            form.add_error(None, str(asked.message))
            return render(request, "login/forgotten.html", {"form": form}, status=429)
        response = render(
            request,
            "login/sent.html",
            {
                "title": _("Look into your mailbox"),
                "sentence": _(
                    "If an account here has this address and it is verified, a mail with a link is on its way to it."
                ),
                "facts": [
                    _("The link works once, for ten minutes."),
                    _("No mail? Look among unwanted mail, or ask your administrator."),
                    _("Accounts kept in the directory of your organisation get their password there."),
                ],
            },
        )
        set_attempt_cookie(response, asked[1])
        return response


class LinkView(View):
    """A mailed link. Mail scanners open it too, so only the button uses it up."""

    def get(self, request: HttpRequest, token: str) -> HttpResponse:
        """The button; in another browser than the one that asked, with a field for the short code."""
        form = (
            forms.Form()
            if forgotten.is_of_this_browser(token, handle=handle_of(request))
            else ShortCodeForm()
        )
        return self._page(request, form)

    def post(self, request: HttpRequest, token: str) -> HttpResponse:
        """Use it up."""
        handle = handle_of(request)
        form: forms.Form = ShortCodeForm(request.POST)
        mine = forgotten.is_of_this_browser(token, handle=handle)
        if not mine and not form.is_valid():
            return self._page(request, form)
        answer, new_handle = forgotten.consume(
            token,
            handle=handle if mine else "",
            code="" if mine else form.cleaned_data["code"],
            by_page=True,
            client=page_client(request),
            now=timezone.now(),
        )
        if answer.finished is not None:
            return finished(request, answer)
        if answer.case is None and answer.denied is not None and answer.denied.field == "code":
            form.add_error("code", str(answer.denied.message))
            return self._page(request, form)
        if answer.case is None or answer.step is Step.DENIED:
            return ended(request, answer.denied or EXPIRED)
        response = redirect(step_url(answer.step))
        set_attempt_cookie(response, new_handle)
        return response

    def _page(self, request: HttpRequest, form: forms.Form) -> HttpResponse:
        response = render(request, "login/forgotten_consume.html", {"form": form})
        # The address holds a secret, so not even our own pages learn it. (`no-referrer` would send `Origin: null`, which CSRF refuses.)
        response["Referrer-Policy"] = "strict-origin"
        return response
