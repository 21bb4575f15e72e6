"""Adding a passkey: name it, and let the browser make it."""

import json
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import User
from accounts.pages import actor_of, principal_of, signed_in
from core.outcomes import Denied
from login.forms import CredentialField
from portal.account.door import confirmed
from twofactor.methods.passkey_wire import read
from twofactor.services.factors import NAME_LENGTH
from twofactor.services.passkeys import UNAVAILABLE, begin_passkey, finish_passkey, is_possible


class PasskeyForm(forms.Form):
    """A name, and then what the browser made."""

    name = forms.CharField(
        label=gettext_lazy("Name"),
        max_length=NAME_LENGTH,
        required=False,
        help_text=gettext_lazy("So that you can tell it from others, such as “Work laptop” or “Blue key”."),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    credential = CredentialField(required=False)


@signed_in
@confirmed
def add(request: HttpRequest) -> HttpResponse:
    """First the name; with it the browser is asked, and its answer comes back to the same address."""
    if not is_possible():
        return render(request, "account/passkey.html", {"sentence": str(UNAVAILABLE.message)})
    form = PasskeyForm(request.POST or None)
    if request.method != "POST" or not form.is_valid():
        return render(request, "account/passkey.html", {"form": form})
    session, now = principal_of(request).session, timezone.now()
    who: dict[str, Any] = {
        "user": User.objects.select_related("company").get(pk=session.user_id),
        "asked_by": session.uid,
        "name": form.cleaned_data["name"],
        "origin": actor_of(request).origin,
        "now": now,
    }
    if credential := read(form.cleaned_data["credential"]):
        made = finish_passkey(credential, session=session, **who)
        if not isinstance(made, Denied):
            messages.success(request, _("The passkey was added. You can use it at your next sign-in."))
            return redirect("account:security")
        return _refused(request, form, made)
    begun = begin_passkey(**who)
    if isinstance(begun, Denied):
        return _refused(request, form, begun)
    context = {"form": form, "options": True, "options_json": json.dumps(begun[1])}
    return render(request, "account/passkey.html", context)


def _refused(request: HttpRequest, form: PasskeyForm, denied: Denied) -> HttpResponse:
    # Back to the name: what the browser made is worth nothing any more, and the next one answers a new question.
    again = PasskeyForm({"name": form.cleaned_data["name"]})
    again.add_error(denied.field if denied.field in again.fields else None, str(denied.message))
    return render(request, "account/passkey.html", {"form": again})
