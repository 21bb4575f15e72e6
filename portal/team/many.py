"""Inviting many people at once, from a pasted list or a file."""

from dataclasses import replace
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.invite_many import Invited, invite_many, roles_to_give
from accounts.invite_rows import MOST_ROWS, TOO_LONG, InviteRow, decoded, read_rows
from accounts.pages import actor_of
from core.outcomes import Denied
from portal.team.door import Place, note, of_company
from portal.team.forms import ManyForm


def _rows(given: dict[str, Any]) -> list[InviteRow] | Denied:
    rows = read_rows(given["rows"])
    if isinstance(rows, Denied):
        return rows
    if given["file"] is not None:
        # What is pasted and what a spreadsheet wrote may have other separators and columns, so each is read by itself.
        text = decoded(given["file"].read())
        found = text if isinstance(text, Denied) else read_rows(text)
        if isinstance(found, Denied):
            return replace(found, field="file")
        rows += [replace(row, number=number) for number, row in enumerate(found, start=len(rows) + 1)]
    if len(rows) > MOST_ROWS:
        return TOO_LONG
    if not rows:
        return Denied(code="invalid", field="rows", message=_("Paste at least one line, or choose a file."))
    return rows


@of_company
def many(request: HttpRequest, place: Place) -> HttpResponse:
    """Invite everybody on a list. What became of each row is shown, and rows that failed stay to be put right."""
    if not place.may_invite or place.company is None:
        raise Http404
    by = actor_of(request)
    roles = roles_to_give(place.company, by=by)
    form = ManyForm(request.POST or None, request.FILES or None, roles=roles)
    results: list[Invited] = []
    if request.method == "POST" and form.is_valid():
        rows = _rows(form.cleaned_data)
        found = (
            rows
            if isinstance(rows, Denied)
            else invite_many(
                rows,
                company=place.company,
                role=form.chosen,
                hours=form.cleaned_data["hours"],
                by=by,
                now=timezone.now(),
            )
        )
        if isinstance(found, Denied):
            form.add_error(found.field if found.field in form.fields else None, str(found.message))
            note(request, found, verb="add")
        else:
            results = found
            form = _again(form, found, roles=roles)
    failed = [one for one in results if one.denied is not None]
    context = {
        "place": place,
        "form": form,
        "results": results,
        "invited": len(results) - len(failed),
        "failed": len(failed),
    }
    return render(request, "team/many.html", context)


def _again(form: ManyForm, results: list[Invited], *, roles: list[Any]) -> ManyForm:
    """The form with the rows that failed, as they can be sent again once they are put right."""
    left = "\n".join(one.row.text for one in results if one.denied is not None)
    given = form.cleaned_data
    return ManyForm(initial={"rows": left, "role": given["role"], "hours": given["hours"]}, roles=roles)
