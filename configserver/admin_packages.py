"""Role packages in the administration: what was applied, a page to bring in another one, and one to roll back."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin import helpers
from django.db.models import Count, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as __
from django.utils.translation import ngettext, pgettext_lazy

from configserver import services
from configserver.access import Administrator
from configserver.forms_package import NOT_HELD, TOO_LONG, Held, RollBackForm, UploadForm, hold, release
from configserver.models import Role, SolutionPackage
from configserver.package_words import told
from configserver.services import Plan
from core.admin import VerbAdmin
from core.admin_pages import ObjectVerb, Panel, Words, badge, link_to, object_verb, two_lines, when
from core.admin_verbs import page_context
from core.outcomes import Denied

_TEMPLATES = "admin/configserver/solutionpackage"


def shown(plan: Plan) -> dict[str, Any]:
    """What a page shows of a plan."""
    return {"plan": plan, "roles": told(plan.difference), "difference": plan.difference}


class StateFilter(admin.SimpleListFilter):
    """Whether it is in force."""

    title = __("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """The two states."""
        return [("applied", __("Applied")), ("back", __("Rolled back"))]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        """Packages in this state."""
        if self.value() not in {"applied", "back"}:
            return queryset
        return queryset.filter(rolled_back_at__isnull=self.value() == "applied")


@admin.register(SolutionPackage)
class SolutionPackageAdmin(VerbAdmin):
    """Role packages that were applied."""

    ordering = ("-id",)
    list_display = ("package", "state", "brought", "applied_at", "applied_by")
    list_filter = (StateFilter,)
    sortable_by = ()
    search_fields = ("name",)
    search_help_text = __("The beginning of a name.")
    object_verbs = ("roll_back",)
    fieldsets = (
        (None, {"fields": ("name", "version", "deploymentkey", "description", "summary")}),
        (__("Applied"), {"fields": ("applied_at", "applied_by", "rolled_back_at")}),
    )
    help_texts = {
        "name": __("With its version it names the package; what belongs to it is found by it."),
        "version": __("A package is applied once in each version; rolled back, it can be applied again."),
        "deploymentkey": __("The same in every version of the package."),
        "description": __("As its file says."),
        "summary": __("As its file says."),
        "applied_at": __("When its roles came into force."),
        "applied_by": __("Who applied it; empty: the command on the machine."),
        "rolled_back_at": __("When its roles were put back as they were before it."),
    }

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """The packages without what is kept for rolling them back, which may be long."""
        return super().get_queryset(request).defer("before")

    # --- columns -----------------------------------------------------------------------------------------------------------

    @admin.display(description=__("role package"))
    def package(self, package: SolutionPackage) -> str:
        """Its name over its version."""
        return two_lines(package.name, _("Version %(version)s") % {"version": package.version})

    @admin.display(description=__("state"))
    def state(self, package: SolutionPackage) -> str:
        """Whether it is in force."""
        if package.rolled_back_at is None:
            return badge(_("Applied"), tone="ok")
        return two_lines(
            badge(_("Rolled back"), tone=""),
            when(package.rolled_back_at),
        )

    @admin.display(description=__("roles"))
    def brought(self, package: SolutionPackage) -> str:
        """How many roles it brought, and the first of them."""
        count = len(package.roles)
        number = ngettext("%(number)s role", "%(number)s roles", count) % {"number": count}
        return two_lines(number, ", ".join(package.roles[:3]) + (", …" if count > 3 else ""))

    def panels(self, request: HttpRequest, obj: SolutionPackage) -> Sequence[Panel]:
        """The roles that it brought, and what has become of them."""
        found = {
            role.name: role
            for role in Role.objects.filter(name__in=obj.roles).annotate(rights=Count("privileges"))
        }
        return [
            Panel(
                title=_("Roles that it brought"),
                headers=(_("Role"), _("Rank"), _("Privileges"), _("Now")),
                rows=[self._role_row(name, found.get(name), package=obj) for name in obj.roles],
                empty="",
            )
        ]

    def _role_row(self, name: str, role: Any, *, package: SolutionPackage) -> tuple[Any, ...]:
        if role is None:
            return (name, "–", "–", _("not there any more"))
        if role.package == package.name:
            now = _("belongs to this package")
        elif role.package:
            now = _("belongs to %(package)s") % {"package": role.package}
        else:
            now = _("belongs to no package")
        return (link_to(role, name), role.rank, role.rights, now)

    # --- bringing one in -----------------------------------------------------------------------------------------------------

    def create(self, given: dict[str, Any], *, by: Administrator, now: datetime) -> SolutionPackage | Denied:
        """Apply a package."""
        held: Held = given["held"]
        return services.apply_package(held.data, by=by, now=now, seen=held.seen)

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: Any = None,
    ) -> HttpResponse:
        """The page of a package; a new one comes as a file, and is looked at before it is applied."""
        if object_id is not None:
            return super().changeform_view(request, object_id, form_url, extra_context)
        self._demand(request, "add", None)
        if request.method != "POST":
            return self._upload(request, UploadForm())
        if "held" in request.POST:
            return self._apply(request, request.POST["held"])
        form = UploadForm(request.POST, request.FILES)
        if not form.is_valid():
            return self._upload(request, form)
        return self._look(request, form.cleaned_data["file"])

    def _look(self, request: HttpRequest, data: bytes, *, refused: Denied | None = None) -> HttpResponse:
        """The difference, with the file sealed beside it where nothing stands in its way."""
        actor, held = self.gate.actor(request), None
        plan = services.plan_package(data, by=actor)
        if isinstance(plan, Denied):
            return self._upload(request, UploadForm(), problem=plan.message)
        if plan.refusal is None:
            held = hold(Held(data=data, seen=plan.seen), person=_person(actor), now=timezone.now())
            if held is None:
                return self._upload(request, UploadForm(), problem=TOO_LONG)
        context = {
            **shown(plan),
            "title": _("Apply a role package"),
            "subtitle": f"{plan.name} {plan.version}",
            "held": held,
            "refused": refused,
            "upload_url": request.path,
            "back_url": self.list_url(request),
        }
        return self._page(request, "apply", context)

    def _apply(self, request: HttpRequest, text: str) -> HttpResponse:
        held = release(text, person=_person(self.gate.actor(request)), now=timezone.now())
        if held is None:
            return self._upload(request, UploadForm(), problem=NOT_HELD)
        outcome = self.attempt(request, "add", None, self.create, {"held": held})
        if isinstance(outcome, Denied):
            return self._look(request, held.data, refused=outcome)
        sentence = _("%(package)s is applied. Whoever has a role that changed signs in again.")
        messages.success(request, sentence % {"package": outcome})
        return HttpResponseRedirect(self.url_of(outcome, "change"))

    def _upload(self, request: HttpRequest, form: Any, *, problem: Words = "") -> HttpResponse:
        context = {
            "title": _("Apply a role package"),
            "adminform": helpers.AdminForm(form, [(None, {"fields": ["file"]})], {}, model_admin=self),
            "errors": helpers.AdminErrorList(form, []),
            "problem": problem,
            "back_url": self.list_url(request),
        }
        return self._page(request, "upload", context)

    def _page(self, request: HttpRequest, template: str, context: dict[str, Any]) -> HttpResponse:
        return TemplateResponse(
            request, f"{_TEMPLATES}/{template}.html", page_context(self, request, **context)
        )

    # --- rolling one back ------------------------------------------------------------------------------------------------------

    @object_verb(
        pgettext_lazy("a role package", "Roll back"),
        explains=__(
            "Its roles become what they were before it. Whoever has a role that changes signs in again."
        ),
        done=__("Rolled back."),
        form=RollBackForm,
        danger=True,
        offered=lambda package: package.rolled_back_at is None,
    )
    def roll_back(
        self, obj: SolutionPackage, given: dict[str, Any], *, by: Administrator, now: datetime
    ) -> SolutionPackage | Denied:
        """Put its roles back as they were, as far as that is what the page showed."""
        return services.roll_back_package(obj, by=by, now=now, seen=given["seen"])

    def object_verb_view(self, request: HttpRequest, object_id: str, *, verb: ObjectVerb) -> HttpResponse:
        """The page that asks before a package is rolled back, with the difference that it makes."""
        response = super().object_verb_view(request, object_id, verb=verb)
        if not isinstance(response, TemplateResponse):
            return response
        context: Any = response.context_data
        plan = services.plan_roll_back(context["original"], by=self.gate.actor(request))
        if isinstance(plan, Denied):
            context["problem"] = plan.message
        else:
            context |= shown(plan)
        response.template_name = f"{_TEMPLATES}/roll_back.html"
        return response


def _person(actor: Any) -> str:
    return str(actor.origin.actor.uid)
