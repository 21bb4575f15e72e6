"""The pages that ask before a verb is done to one object or to several, and do it."""

from functools import partial
from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.contrib.admin import helpers
from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from core.admin_gate import GONE, show_refusal
from core.admin_pages import REMOVE, ObjectVerb
from core.outcomes import Denied

if TYPE_CHECKING:
    from core.admin import VerbAdmin

BULK_LIMIT = 200


def page_context(model_admin: "VerbAdmin", request: HttpRequest, **more: Any) -> dict[str, Any]:
    """What every page of an admin shows around itself."""
    request.current_app = model_admin.admin_site.name
    return {
        **model_admin.admin_site.each_context(request),
        "opts": model_admin.opts,
        "media": model_admin.media,
        **more,
    }


def _about(model_admin: "VerbAdmin", verb: ObjectVerb) -> dict[str, Any]:
    explains = model_admin.remove_explains if verb is REMOVE else verb.explains
    return {"title": verb.label, "verb": verb, "explains": explains}


def _way_to_confirm(model_admin: "VerbAdmin", request: HttpRequest, verb: ObjectVerb) -> HttpResponse | None:
    needed = "delete" in model_admin.confirmed_verbs if verb is REMOVE else verb.confirmed
    return model_admin.gate.confirm_first(request) if needed else None


def ask_for_one(
    model_admin: "VerbAdmin", request: HttpRequest, obj: Model, *, verb: ObjectVerb
) -> HttpResponse:
    """Ask with the verb's form, and do it when the form comes back."""
    if (way := _way_to_confirm(model_admin, request, verb)) is not None:
        return way
    name, back_url = str(obj), model_admin.url_of(obj, "change")
    # A link may choose in the form what it stands beside.
    form: Any = verb.form(
        request.POST if request.method == "POST" else None, obj=obj, initial=request.GET.dict()
    )
    template, result = "admin/verb_form.html", dict[str, Any]()
    if request.method == "POST" and form.is_valid():
        run = partial(model_admin.perform, verb, obj, form.cleaned_data)
        outcome = model_admin.attempt(request, verb.name, obj, run)
        if outcome is GONE:
            raise Http404
        if isinstance(outcome, Denied) and outcome.noted:
            messages.info(request, str(outcome.message))
            return HttpResponseRedirect(back_url)
        if isinstance(outcome, Denied):
            show_refusal(outcome, form)
        elif verb.leads is not None:
            return verb.leads(request, outcome)
        elif verb.result_template:
            template, result = verb.result_template, {**verb.result_context(outcome)}
        else:
            said = {"name": name, "done": verb.said_of(outcome)}
            messages.success(request, _("Done for %(name)s: %(done)s") % said)
            still_there = verb is not REMOVE and model_admin.get_queryset(request).filter(pk=obj.pk).exists()
            return HttpResponseRedirect(back_url if still_there else model_admin.list_url(request))
    fieldsets = [(None, {"fields": list(form.fields)})]
    context = page_context(
        model_admin,
        request,
        subtitle=name,
        original=obj,
        adminform=helpers.AdminForm(form, fieldsets, {}, model_admin=model_admin),
        errors=helpers.AdminErrorList(form, []),
        back_url=back_url,
        **_about(model_admin, verb),
        **result,
    )
    return TemplateResponse(request, template, context)


def ask_for_many(
    model_admin: "VerbAdmin", request: HttpRequest, chosen: QuerySet[Any], *, verb: ObjectVerb
) -> HttpResponse | None:
    """Ask, then do the verb to each of the chosen objects; every refusal is shown and written down by itself."""
    if (way := _way_to_confirm(model_admin, request, verb)) is not None:
        return way
    found = list(chosen[: BULK_LIMIT + 1])
    if len(found) > BULK_LIMIT:
        sentence = _("Choose at most %(limit)s at once. Nothing was changed.") % {"limit": BULK_LIMIT}
        messages.error(request, sentence)
        return None
    wanted = set(request.POST.getlist(helpers.ACTION_CHECKBOX_NAME))
    if request.POST.get("select_across", "0") == "0" and len(found) != len(wanted):
        messages.error(request, _("Something that you chose is not there any more. Nothing was changed."))
        return None
    context = page_context(
        model_admin,
        request,
        subtitle=capfirst(str(model_admin.opts.verbose_name_plural)),
        objects=found,
        action_checkbox_name=helpers.ACTION_CHECKBOX_NAME,
        back_url=request.get_full_path(),
        **_about(model_admin, verb),
    )
    if "confirmed" not in request.POST:
        return TemplateResponse(request, "admin/verb_bulk.html", context)
    refusals = []
    for obj in found:
        name = str(obj)
        outcome = model_admin.attempt(request, verb.name, obj, partial(model_admin.perform, verb, obj, {}))
        if isinstance(outcome, Denied):
            refusals.append((name, outcome.message))
    done = len(found) - len(refusals)
    summary = (
        ngettext("Done for %(count)d.", "Done for %(count)d.", done) % {"count": done}
        if done
        else _("Nothing was done.")
    )
    if not refusals:
        messages.success(request, f"{verb.label}: {summary}")
        return None
    context |= {"refusals": refusals, "summary": summary}
    return TemplateResponse(request, "admin/verb_bulk_result.html", context)
