"""The pages of mailed links: ask for one, and use it by a button. Opening it changes nothing."""

from typing import Any
from uuid import UUID

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.views import View

from accounts.joining import read_join_token
from accounts.names import masked_email, realm_of
from audit.record import Origin
from core.contacts import NAME_LENGTH
from core.http import safe_next
from core.outcomes import Denied
from login.edge import client_of
from login.flow import Purpose, Step
from login.forms import ShortCodeForm
from login.links import magic, mailed
from login.models import Attempt
from login.pages import step_url
from login.refusals import EXPIRED, INVITATION_GONE, LINK_USED
from login.views import ended, finished, handle_of, page_client, set_attempt_cookie
from twofactor.services.lost import NONE_UNDER_WAY, end_by_link, recovery_of

_ADDRESS = {"autocomplete": "username", "autocapitalize": "none", "spellcheck": "false", "autofocus": True}


class NameForm(forms.Form):
    """For whom."""

    username = forms.CharField(
        label=_("E-mail address"), max_length=NAME_LENGTH, widget=forms.TextInput(attrs=dict(_ADDRESS))
    )


class AddressForm(forms.Form):
    """Where the link goes."""

    email = forms.CharField(
        label=_("E-mail address"),
        max_length=NAME_LENGTH,
        widget=forms.EmailInput(attrs=_ADDRESS | {"autocomplete": "email"}),
    )


class NewcomerForm(AddressForm):
    """The same with a name, of somebody who may be new."""

    display_name = forms.CharField(
        label=_("Your name"),
        max_length=magic.NAME_LENGTH,
        required=False,
        help_text=_("As others will see it."),
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )


class _AskView(View):
    """A form, and one answer for every address: the page that waits for the mail."""

    template = ""
    form: type[forms.Form] = AddressForm

    def context(self, **_where: Any) -> dict[str, Any]:
        """What the page shows beside the form."""
        return {}

    def ask(self, request: HttpRequest, given: dict[str, Any], **where: Any) -> tuple[Attempt, str] | Denied:
        """Ask for the link."""
        raise NotImplementedError

    def get(self, request: HttpRequest, **where: Any) -> HttpResponse:
        """The form."""
        return self._page(request, self.form(), **where)

    def post(self, request: HttpRequest, **where: Any) -> HttpResponse:
        """Ask."""
        form = self.form(request.POST)
        if not form.is_valid():
            return self._page(request, form, **where)
        asked = self.ask(request, form.cleaned_data, **where)
        if isinstance(asked, Denied):
            form.add_error(asked.field if asked.field in form.fields else None, str(asked.message))
            return self._page(request, form, status=429 if asked.code == "too_many" else 200, **where)
        response = redirect(step_url(Step.MAILED_CODE))
        set_attempt_cookie(response, asked[1])
        return response

    def _page(
        self, request: HttpRequest, form: forms.Form, *, status: int = 200, **where: Any
    ) -> HttpResponse:
        return render(request, self.template, {"form": form, **self.context(**where)}, status=status)


class ForgottenView(_AskView):
    """Ask for a link to set a new password."""

    template, form = "login/forgotten.html", NameForm

    def ask(self, request: HttpRequest, given: dict[str, Any], **_where: Any) -> tuple[Attempt, str] | Denied:
        """For any name."""
        name = given["username"]
        return mailed.ask(
            Purpose.FORGOTTEN,
            name,
            realm=realm_of(name),
            by_page=True,
            client=client_of(request),
            now=timezone.now(),
        )


class MagicLinkView(_AskView):
    """Ask for a link to sign in."""

    template = "login/link.html"

    def ask(self, request: HttpRequest, given: dict[str, Any], **_where: Any) -> tuple[Attempt, str] | Denied:
        """For any address."""
        return magic.ask_to_sign_in(
            **given,
            by_page=True,
            client=client_of(request),
            now=timezone.now(),
            target=safe_next(request.GET.get("next"), default=""),
        )


class RegisterView(_AskView):
    """Sign up."""

    template, form = "login/register.html", NewcomerForm

    def ask(self, request: HttpRequest, given: dict[str, Any], **_where: Any) -> tuple[Attempt, str] | Denied:
        """For any address, in the company that the address of the page may name."""
        return magic.ask_to_sign_up(
            **given,
            company=_uuid(request.GET.get("company", "")),
            by_page=True,
            client=client_of(request),
            now=timezone.now(),
        )


class JoinView(_AskView):
    """An invitation: who holds it says where the link to join goes. Nothing is used up by opening it."""

    template, form = "login/join.html", NewcomerForm

    def dispatch(self, request: HttpRequest, *args: Any, **where: Any) -> HttpResponse:
        """Refuse an invitation that does not hold; keep the address of the page from everybody else."""
        self.link = read_join_token(where["token"], now=timezone.now())
        response = (
            ended(request, INVITATION_GONE, title=_("This invitation cannot be used"))
            if self.link is None
            else super().dispatch(request, *args, **where)
        )
        assert isinstance(response, HttpResponse)  # noqa: S101  # none of these views is asynchronous
        return _kept_here(response)

    def context(self, **_where: Any) -> dict[str, Any]:
        """Who invites where, and as what."""
        invited = masked_email(self.link.email) if self.link is not None and self.link.email else ""
        return {"link": self.link, "invited": invited}

    def ask(self, request: HttpRequest, given: dict[str, Any], **where: Any) -> tuple[Attempt, str] | Denied:
        """For any address; one that was not invited is mailed nothing."""
        return magic.ask_to_sign_in(
            **given,
            join=where["token"],
            by_page=True,
            client=client_of(request),
            now=timezone.now(),
        )


class _LinkView(View):
    """A mailed link. Mail scanners open it too, so only the button uses it up."""

    purpose: Purpose
    template = ""

    def dispatch(self, request: HttpRequest, *args: Any, **where: Any) -> HttpResponse:
        """Say at once that a link was used, is too old, or is none."""
        if not mailed.may_be_opened(where["token"], purpose=self.purpose, now=timezone.now()):
            return _kept_here(ended(request, LINK_USED, title=_("This link cannot be used")))
        response = super().dispatch(request, *args, **where)
        assert isinstance(response, HttpResponse)  # noqa: S101  # none of these views is asynchronous
        return _kept_here(response)

    def get(self, request: HttpRequest, token: str) -> HttpResponse:
        """The button; in another browser than the one that asked, with a field for the short code."""
        return self._page(request, forms.Form() if self._is_mine(request, token) else ShortCodeForm())

    def post(self, request: HttpRequest, token: str) -> HttpResponse:
        """Use it up."""
        form: forms.Form = ShortCodeForm(request.POST)
        mine = self._is_mine(request, token)
        if not mine and not form.is_valid():
            return self._page(request, form)
        answer, new_handle = mailed.consume(
            token,
            purpose=self.purpose,
            handle=handle_of(request) if mine else "",
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

    def _is_mine(self, request: HttpRequest, token: str) -> bool:
        return mailed.is_of_this_browser(
            token, purpose=self.purpose, handle=handle_of(request), now=timezone.now()
        )

    def _page(self, request: HttpRequest, form: forms.Form) -> HttpResponse:
        return render(request, self.template, {"form": form})


class ForgottenLinkView(_LinkView):
    """The link for a new password."""

    purpose, template = Purpose.FORGOTTEN, "login/forgotten_consume.html"


class MagicLinkUseView(_LinkView):
    """The link to sign in."""

    purpose, template = Purpose.LINK, "login/link_consume.html"


class RecoveryView(View):
    """The mailed link that ends the replacing of a second factor. Mail scanners open it too, so only the button does."""

    def dispatch(self, request: HttpRequest, *args: Any, **where: Any) -> HttpResponse:
        """Keep the address of the page from everybody else."""
        response = super().dispatch(request, *args, **where)
        assert isinstance(response, HttpResponse)  # noqa: S101  # this view is not asynchronous
        return _kept_here(response)

    def get(self, request: HttpRequest, token: str) -> HttpResponse:
        """The button; or that there is nothing to end any more."""
        recovery = recovery_of(token, now=timezone.now())
        if recovery is None:
            return self._over(request)
        return render(request, "login/recovery_end.html", {"recovery": recovery})

    def post(self, request: HttpRequest, token: str) -> HttpResponse:
        """End it."""
        origin = Origin(address=client_of(request).address)
        if end_by_link(token, origin=origin, now=timezone.now()) is not None:
            return self._over(request)
        return render(request, "login/recovery_end.html", {"over": True})

    def _over(self, request: HttpRequest) -> HttpResponse:
        context = {"title": _("There is nothing to end"), "sentence": NONE_UNDER_WAY.message}
        return render(request, "login/ended.html", context, status=401)


def _kept_here(response: HttpResponse) -> HttpResponse:
    # The address holds a secret, so not even our own pages learn it. (`no-referrer` would send `Origin: null`, which CSRF refuses.)
    response["Referrer-Policy"] = "strict-origin"
    return response


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text[:40])
    except ValueError:
        return None
