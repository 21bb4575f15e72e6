"""Recovery codes: made and shown once."""

from urllib.parse import quote

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from accounts.models import User
from accounts.pages import actor_of, principal_of, signed_in
from core.outcomes import Denied
from delivery.render import PRODUCT
from portal.account.door import confirmed
from twofactor.models import FactorKind
from twofactor.services.factors import make_recovery_codes
from twofactor.services.paper import recovery_codes_left


@signed_in
def recovery(request: HttpRequest) -> HttpResponse:
    """What recovery codes are, and the button that makes them; the answer to it is the only page that shows them."""
    user = User.objects.select_related("company").get(pk=principal_of(request).user.pk)
    paper = user.factors.filter(kind=FactorKind.RECOVERY).first()
    replaces = str(paper.uid) if paper is not None else ""
    if request.method == "POST":
        if request.GET.get("replaces", replaces) != replaces:
            # The page that showed them was loaded again: what was just printed must not be dead by that.
            messages.info(
                request, _("Your codes were made a moment ago, and are shown once. Nothing was changed.")
            )
            return redirect("account:security")
        return _make(request, user)
    context = {
        "has": paper is not None,
        "left": recovery_codes_left(user) if paper is not None else 0,
        "replaces": replaces,
    }
    return render(request, "account/security_recovery.html", context)


@confirmed
def _make(request: HttpRequest, user: User) -> HttpResponse:
    now = timezone.now()
    made = make_recovery_codes(
        user, session=principal_of(request).session, origin=actor_of(request).origin, now=now
    )
    if isinstance(made, Denied):
        messages.warning(request, str(made.message))
        return redirect("account:security")
    _factor, codes = made
    context = {
        "codes": codes,
        "download": _as_link(_text(user, codes, made_at=date_format(now, "DATE_FORMAT"))),
        "account": user.username,
        "made_at": now,
    }
    return render(request, "account/security_recovery_codes.html", context)


def _text(user: User, codes: list[str], *, made_at: str) -> str:
    head = _("%(product)s: recovery codes of %(account)s, made on %(date)s. Each is good once.")
    first = head % {"product": PRODUCT, "account": user.username, "date": made_at}
    return "\r\n".join([first, "", *codes, ""])


def _as_link(text: str) -> str:
    # The file is in the page itself: a second request for it would need the codes again, and they are kept nowhere.
    return f"data:text/plain;charset=utf-8,{quote(text)}"
