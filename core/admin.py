"""VerbAdmin: the stock administration with three promises mended.

The stock one redirects where an object is another company's, so its answer tells that the object exists: here it is 404. It
runs a form in one transaction, so what a refusal wrote down is lost: here the refusal is written after it. Its bulk delete and
its many-to-many fields go round our verbs: here every write is a verb.

This file knows no word of the domain. The admin site hands in who may see and do what (`Gate`), each admin its verbs.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from operator import itemgetter
from typing import TYPE_CHECKING, Any, NoReturn, cast

from django.contrib import admin
from django.contrib.admin import helpers
from django.contrib.admin.options import IS_POPUP_VAR, TO_FIELD_VAR, ShowFacets
from django.contrib.admin.templatetags.admin_urls import add_preserved_filters
from django.contrib.admin.utils import flatten_fieldsets, quote, unquote
from django.contrib.admin.widgets import RelatedFieldWidgetWrapper
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError
from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from core.admin_forms import Autocomplete, AutocompleteMany, VerbForm
from core.admin_gate import GONE, MEANWHILE, Gate, show_refusal, unseen
from core.admin_lists import BoundedPaginator, VerbChangeList, filtered_paths, searched
from core.admin_pages import REMOVE, Note, ObjectVerb, Panel, Words
from core.admin_verbs import ask_for_many, ask_for_one
from core.outcomes import FORBIDDEN, Denied

if TYPE_CHECKING:
    StockAdmin = admin.ModelAdmin[Any]
else:
    StockAdmin = admin.ModelAdmin


class VerbAdmin(StockAdmin):
    """The base of every admin: scoped, and writing only through the verbs that a subclass names."""

    form = VerbForm
    paginator = BoundedPaginator
    show_full_result_count = False
    show_facets = ShowFacets.NEVER
    list_per_page = 50
    list_max_show_all = 50
    view_on_site = False
    change_form_template = "admin/verb_change_form.html"
    list_prefetch_related: tuple[str, ...] = ()
    object_verbs: tuple[str, ...] = ()  # names of methods marked by @object_verb
    confirmed_verbs: frozenset[str] = (
        frozenset()
    )  # of add, change and delete: those that ask for a recent proof
    add_form: type[VerbForm] | None = None
    add_fieldsets: Any = None
    help_texts: dict[str, Words] = {}
    remove_explains: Words = REMOVE.explains
    nav_label: Words = ""  # in the navigation, where the name of the model would puzzle

    # --- the verbs; one that a subclass does not define does not exist ---------------------------------------------------

    def create(self, given: dict[str, Any], *, by: Any, now: datetime) -> Model | Denied:
        """Make an object of what the form gave."""
        raise NotImplementedError

    def change(self, obj: Any, given: dict[str, Any], *, by: Any, now: datetime) -> Model | Denied:
        """Change the object to what the form gave."""
        raise NotImplementedError

    def remove(self, obj: Any, *, by: Any, now: datetime) -> Denied | None:
        """Delete the object."""
        raise NotImplementedError

    def panels(self, request: HttpRequest, obj: Any) -> Sequence[Panel]:
        """What else is shown on the object's page."""
        return ()

    def notes(self, request: HttpRequest, obj: Any) -> Sequence[Note]:
        """What is to be known before the form is read; `obj` is None where one is made."""
        return ()

    def help_of(self, request: HttpRequest, obj: Any) -> dict[str, Words]:
        """The sentences that explain fields, where the model's own do not fit."""
        return self.help_texts

    def complete(self, request: HttpRequest, rows: QuerySet[Any]) -> None:
        """Give the rows of a page what their columns show beyond their own fields."""

    def _defines(self, verb: str) -> bool:
        name = {"add": "create", "change": "change", "delete": "remove"}.get(verb, "")
        return verb == "view" or getattr(type(self), name) is not getattr(VerbAdmin, name)

    @property
    def gate(self) -> Gate:
        """The admin site in its role of gate."""
        return cast(Gate, self.admin_site)

    def attempt(
        self, request: HttpRequest, verb: str, obj: Model | None, run: Callable[..., Any], *args: Any
    ) -> Any:
        """Run a verb for this request. A refusal is written down once the verb's own transaction is over, and returned."""
        try:
            outcome = run(*args, by=self.gate.actor(request), now=timezone.now())
        except self.model.DoesNotExist:
            return GONE
        except IntegrityError:
            outcome = MEANWHILE
        if isinstance(outcome, Denied):
            if outcome.code == GONE.code:
                return GONE
            self.gate.refused(request, outcome, verb=verb, model=self.model, obj=obj)
        return outcome

    # --- who sees what ---------------------------------------------------------------------------------------------------

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Only what exists for this person, everywhere: pages, lists, filters, search, actions and autocompletion."""
        found = self.gate.visible(request, self.model)
        if self.list_select_related:
            found = found.select_related(*cast(Sequence[str], self.list_select_related))
        ordering = self.get_ordering(request)
        return found.order_by(*ordering) if ordering else found

    def choices(self, request: HttpRequest, model: type[Model]) -> QuerySet[Any]:
        """The objects of another model that this person may choose."""
        if self.admin_site.is_registered(model):
            return self.admin_site.get_model_admin(model).get_queryset(request)
        return self.gate.visible(request, model)

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        """The object, always by its number; 404 when there is none for this person."""
        found = super().get_object(request, object_id)
        if found is None:
            raise Http404
        return found

    def get_field_queryset(self, db: Any, db_field: Any, request: HttpRequest) -> QuerySet[Any]:
        """What a related field offers and accepts."""
        return self.choices(request, db_field.remote_field.model)

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """The stock field, with an autocompletion that bears nonsense."""
        if db_field.name in self.get_autocomplete_fields(request):
            kwargs.setdefault("widget", Autocomplete(db_field, self.admin_site))
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """The same for several."""
        if db_field.name in self.get_autocomplete_fields(request):
            kwargs.setdefault("widget", AutocompleteMany(db_field, self.admin_site))
        return super().formfield_for_manytomany(db_field, request, **kwargs)

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """The stock field without the pop-up windows beside it: a second road to other pages' forms."""
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if field is not None and isinstance(field.widget, RelatedFieldWidgetWrapper):
            field.widget = field.widget.widget
        return field

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """The fields, but those that hold something which this person may not see: it would be shown, or lost on saving."""
        fieldsets = (
            self.add_fieldsets if obj is None and self.add_fieldsets else super().get_fieldsets(request, obj)
        )
        names = flatten_fieldsets(fieldsets)
        left_out = set(unseen(obj, names, partial(self.choices, request))) if obj is not None else set()
        return [
            (title, {**options, "fields": [name for name in options["fields"] if name not in left_out]})
            for title, options in fieldsets
        ]

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Whether the list is named in the navigation."""
        return self.gate.may(request, "view", self.model)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whether it may be read."""
        return self.gate.may(request, "view", self.model, obj)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Whether one may be made."""
        return self._defines("add") and self.gate.may(request, "add", self.model)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whether it may be changed."""
        return self._defines("change") and self.gate.may(request, "change", self.model, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whether it may be deleted."""
        return self._defines("delete") and self.gate.may(request, "delete", self.model, obj)

    def _demand(self, request: HttpRequest, verb: str, obj: Any) -> None:
        if IS_POPUP_VAR in request.GET or IS_POPUP_VAR in request.POST or TO_FIELD_VAR in request.POST:
            raise Http404  # nothing of ours asks for these; they would answer with any column of the object
        if not self._defines(verb):
            raise Http404
        if not self.gate.may(request, verb, self.model, obj):
            self.forbid(request, verb, obj)

    def forbid(self, request: HttpRequest, verb: str, obj: Any) -> NoReturn:
        """403; what was meant to change something is written down."""
        if request.method == "POST":
            self.gate.refused(request, FORBIDDEN, verb=verb, model=self.model, obj=obj)
        raise PermissionDenied

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[VerbChangeList]:
        """The list with our title and related rows."""
        return VerbChangeList

    def get_search_results(self, request: HttpRequest, queryset: QuerySet[Any], search_term: str) -> Any:
        """Rows whose search fields begin with the term: an index answers that, "contains" reads the whole table."""
        return queryset.filter(searched(tuple(self.get_search_fields(request)), search_term)), False

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest | None = None) -> bool:
        """Only what the filters ask by: any other lookup is an oracle, such as `?password__startswith=`."""
        paths, names = filtered_paths(
            self.get_list_filter(request) if request is not None else self.list_filter
        )
        field, _sep, operator = lookup.rpartition("__")
        return lookup in names or (
            operator in {"exact", "isnull", "gte", "lt"} and field.removesuffix("__id") in paths
        )

    def to_field_allowed(self, request: HttpRequest, to_field: str) -> bool:
        """Objects are named by their number and by nothing else."""
        return to_field == self.opts.pk.name

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """The list, and the actions on what is chosen in it."""
        self._demand(request, "view", None)
        if request.method == "POST" and not all(
            one.isascii() and one.isdecimal() for one in request.POST.getlist(helpers.ACTION_CHECKBOX_NAME)
        ):
            raise Http404
        return super().changelist_view(request, extra_context)

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        """The form class, with the sentences that explain its fields."""
        if obj is None and self.add_form is not None:
            kwargs["form"] = self.add_form
        return super().get_form(request, obj, change=change, help_texts=self.help_of(request, obj), **kwargs)

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: Any = None,
    ) -> HttpResponse:
        """The page on which an object is made, read or changed."""
        obj = None if object_id is None else self.get_object(request, unquote(object_id))
        posted = request.method == "POST"
        verb = "add" if obj is None else "change" if posted else "view"
        self._demand(request, verb, obj)
        if verb in self.confirmed_verbs and (way := self.gate.confirm_first(request)) is not None:
            return way
        fieldsets = self.get_fieldsets(request, obj)
        form_class = self.get_form(request, obj, change=obj is not None, fields=flatten_fieldsets(fieldsets))
        if not posted:
            form = (
                form_class(instance=obj)
                if obj
                else form_class(initial=self.get_changeform_initial_data(request))
            )
            return self._form_page(request, form, fieldsets, obj=obj, form_url=form_url, extra=extra_context)
        form = form_class(request.POST, instance=obj)
        if form.is_valid():
            given = {
                name: list(one) if isinstance(one, QuerySet) else one
                for name, one in form.cleaned_data.items()
            }
            run = self.create if obj is None else partial(self.change, obj)
            outcome = self.attempt(request, verb, obj, run, given)
            if outcome is GONE:
                raise Http404
            if not isinstance(outcome, Denied):
                return (
                    self.response_add(request, outcome)
                    if obj is None
                    else self.response_change(request, outcome)
                )
            show_refusal(outcome, form)
        return self._form_page(request, form, fieldsets, obj=obj, form_url=form_url, extra=extra_context)

    def _form_page(
        self, request: HttpRequest, form: Any, fieldsets: Any, *, obj: Any, form_url: str, extra: Any
    ) -> HttpResponse:
        readable_only = obj is not None and not self.has_change_permission(request, obj)
        readonly = flatten_fieldsets(fieldsets) if readable_only else self.get_readonly_fields(request, obj)
        admin_form = helpers.AdminForm(form, list(fieldsets), {}, readonly, model_admin=self)
        title = _("Add %s") if obj is None else _("View %s") if readable_only else _("Change %s")
        context = {
            **self.admin_site.each_context(request),
            "title": title % self.opts.verbose_name,
            "subtitle": str(obj) if obj is not None else None,
            "adminform": admin_form,
            "object_id": None if obj is None else str(obj.pk),
            "original": obj,
            "is_popup": False,
            "to_field": None,
            "media": self.media + admin_form.media,
            "inline_admin_formsets": [],
            "errors": helpers.AdminErrorList(form, []),
            "preserved_filters": self.get_preserved_filters(request),
            # What takes something away stands last.
            "object_tools": []
            if obj is None
            else sorted(self._tools(request, obj), key=itemgetter("danger")),
            "history_url": None if obj is None else self.gate.history_url(request, obj),
            "panels": [] if obj is None else self.panels(request, obj),
            "notes": self.notes(request, obj),
            "show_save_and_add_another": obj is None,
            **(extra or {}),
        }
        return self.render_change_form(
            request, context, add=obj is None, change=obj is not None, form_url=form_url, obj=obj
        )

    # --- verbs on one object ---------------------------------------------------------------------------------------------

    def _verbs(self) -> list[ObjectVerb]:
        return [getattr(type(self), name).object_verb for name in self.object_verbs]

    def url_of(self, obj: Model, verb: str) -> str:
        """The address of a page about this object."""
        name = f"admin:{self.opts.app_label}_{self.opts.model_name}_{verb}"
        return reverse(name, args=(quote(obj.pk),), current_app=self.admin_site.name)

    def _tools(self, request: HttpRequest, obj: Model) -> list[dict[str, Any]]:
        return [
            {
                "label": verb.label,
                "url": self.url_of(obj, verb.name),
                "danger": verb.danger,
                "primary": verb.primary,
            }
            for verb in self._verbs()
            if verb.offered(obj) and self.gate.may(request, verb.needs, self.model, obj)
        ]

    def get_urls(self) -> list[URLPattern]:
        """The stock addresses without the nameless one that redirects for every number, and one for each verb."""
        own = [
            path(
                f"<path:object_id>/{verb.name}/",
                self.admin_site.admin_view(partial(self.object_verb_view, verb=verb)),
                name=f"{self.opts.app_label}_{self.opts.model_name}_{verb.name}",
            )
            for verb in self._verbs()
        ]
        return [*own, *(one for one in super().get_urls() if one.name)]

    def perform(self, verb: ObjectVerb, obj: Any, given: dict[str, Any], *, by: Any, now: datetime) -> Any:
        """Do a verb to an object; `given` is what its form gave."""
        if verb is REMOVE:
            return self.remove(obj, by=by, now=now)
        return getattr(self, verb.name)(obj, given, by=by, now=now)

    def object_verb_view(self, request: HttpRequest, object_id: str, *, verb: ObjectVerb) -> HttpResponse:
        """The page that asks before a verb is done, and does it."""
        obj = self.get_object(request, unquote(object_id))
        if not self.gate.may(request, verb.needs, self.model, obj):
            self.forbid(request, verb.name, obj)
        return ask_for_one(self, request, obj, verb=verb)

    def list_url(self, request: HttpRequest) -> str:
        """The address of the list, as it was filtered."""
        url = reverse(
            f"admin:{self.opts.app_label}_{self.opts.model_name}_changelist", current_app=self.admin_site.name
        )
        return add_preserved_filters(
            {"preserved_filters": self.get_preserved_filters(request), "opts": self.opts}, url
        )

    def delete_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        """The page that asks before an object is deleted."""
        self._demand(request, "delete", self.get_object(request, unquote(object_id)))
        return self.object_verb_view(request, object_id, verb=REMOVE)

    def history_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        """On to the audit events of this object."""
        url = self.gate.history_url(request, self.get_object(request, unquote(object_id)))
        if url is None:
            raise Http404
        return HttpResponseRedirect(url)

    def get_actions(self, request: HttpRequest) -> Any:
        """The verbs that can be done to several objects; the stock "delete selected" is not among them."""
        offered = [verb for verb in self._verbs() if verb.bulk]
        if self._defines("delete"):
            offered.append(REMOVE)
        return {
            verb.name: (partial(ask_for_many, verb=verb), verb.name, verb.label)
            for verb in offered
            if self.gate.may(request, verb.needs, self.model)
        }

    # --- the stock roads to the database are closed ----------------------------------------------------------------------

    def _closed(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise NotImplementedError("Every write goes through a verb.")

    save_model = save_related = save_formset = delete_model = delete_queryset = _closed
    log_addition = log_change = log_deletions = _closed
