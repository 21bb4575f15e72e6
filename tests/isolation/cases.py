"""The requests that each address is visited with, made from what its forms, bodies, filters and lists say of themselves."""

from collections.abc import Callable, Iterator
from typing import Any

from django import forms
from django.apps import apps
from django.db.models import CharField, ForeignKey, Model
from django.forms.models import ModelChoiceField
from rest_framework import serializers

from accounts.serializers_persons import TenantNumber
from core.fields import References, Text
from tests.isolation.bodies import (
    PASSWORD,
    SAMPLES,
    Values,
    body_of,
    kind_of,
    new_of,
    references,
    with_reference,
)
from tests.isolation.routes import VERBS, Route
from tests.isolation.them import FOR_ALL, KINDS, Them
from tests.isolation.visits import Call, Case, Sort, Visitor

# --- bodies of the API ---------------------------------------------------------------------------------------------------------


def _json(route: Route, method: str) -> type[serializers.Serializer[Any]] | None:
    action = route.actions.get(method.lower(), method.lower())
    found: type[serializers.Serializer[Any]] | None = getattr(route.view, "bodies", {}).get(action)
    return found


def _api_references(route: Route, own: Them, *, kind: str) -> Iterator[Case]:
    """One's own object, or a new one, with a reference to somebody else's."""
    path = route.path(**_arguments(route, own, kind))
    for method in ("POST", "PATCH"):
        shape = _json(route, method)
        body = new_of(shape, own, kind=kind) if method == "POST" else body_of(shape, own, whole=False)
        for name, refers_to in references(shape).items():
            if refers_to in FOR_ALL:
                continue
            field = shape().fields[name]  # type: ignore[misc]
            many, numbered = isinstance(field, References), isinstance(field, TenantNumber)
            for mixed in (False, True) if many else (False,):

                def make(
                    them: Them,
                    *,
                    method: str = method,
                    name: str = name,
                    refers_to: str = refers_to,
                    many: bool = many,
                    numbered: bool = numbered,
                    mixed: bool = mixed,
                    body: Values = body,
                ) -> Call:
                    uid = them.dbid if numbered else them.uid(refers_to)
                    value = ([own.uid(refers_to), uid] if mixed else [uid]) if many else uid
                    return Call(method, path, data=with_reference(body, name, value, kind=kind))

                yield Case(Sort.REFERS, make)


def _api_filters(route: Route) -> Iterator[Case]:
    path = route.path()
    filters = getattr(route.view, "filters", None)
    for name, refers_to in references(filters).items():
        yield Case(
            Sort.ASKS,
            lambda them, name=name, refers_to=refers_to: Call("GET", path, ((name, them.uid(refers_to)),)),
        )
    for name, field in filters().fields.items() if filters is not None else ():
        if isinstance(field, Text):
            for value in _said("user", "delivery", "person"):
                yield Case(
                    Sort.ASKS, lambda them, name=name, value=value: Call("GET", path, ((name, value(them)),))
                )
        elif name.endswith("dbid"):
            yield Case(Sort.ASKS, lambda them, name=name: Call("GET", path, ((name, str(them.dbid)),)))


def _said(*kinds: str) -> Iterator[Callable[[Them], str]]:
    for kind in kinds:
        yield lambda them, kind=kind: them.text(kind)
        yield lambda them, kind=kind: them.uid(kind)


# --- forms of the administration ---------------------------------------------------------------------------------------------


def form_of(visitor: Visitor, path: str) -> forms.BaseForm | None:
    """The form on this page, as this person gets it."""
    found: forms.BaseForm | None = getattr(visitor.read(path).get("adminform"), "form", None)
    return found


def shown_in(form: forms.BaseForm) -> Values:
    """What a browser would send for this form, untouched."""
    found: Values = {}
    for name, field in form.fields.items():
        value = field.prepare_value(form[name].value())
        if isinstance(field, forms.BooleanField):
            value = "on" if value else None
        if value not in (None, "", []):
            found[name] = value
    return found


def filled(form: forms.BaseForm | None, own: Them) -> Values:
    """What a browser would send for this form, with something in every empty field."""
    if form is None:
        return {"confirmed": "1"}
    found = shown_in(form)
    for name, field in form.fields.items():
        value = found.get(name)
        if isinstance(field, ModelChoiceField) and not value:
            pk = own.pk(kind_of(field.queryset.model)) or ""
            value = [pk] if pk and isinstance(field, forms.ModelMultipleChoiceField) else pk
        elif value in (None, "") and isinstance(field, forms.CharField):
            value = PASSWORD if isinstance(field.widget, forms.PasswordInput) else SAMPLES.get(name, "sample")
        elif value in (None, "") and isinstance(field, forms.ChoiceField):
            value = SAMPLES.get(name, "")
        if value not in (None, "", []):
            found[name] = value
    return found


def _admin_references(path: str, form: forms.BaseForm | None, own: Them, *, kind: str) -> Iterator[Case]:
    """The form of one's own object, or of a new one, with a reference to somebody else's."""
    body = filled(form, own)
    for name, field in form.fields.items() if form is not None else ():
        if not isinstance(field, ModelChoiceField):
            continue
        refers_to = kind_of(field.queryset.model)
        if refers_to in FOR_ALL:
            continue
        many = isinstance(field, forms.ModelMultipleChoiceField)

        def made(them: Them, *, name: str = name, refers_to: str = refers_to, many: bool = many) -> Values:
            pk = them.pk(refers_to)
            return with_reference(body, name, [own.pk(refers_to), pk] if many else pk, kind=kind)

        yield Case(Sort.REFERS, lambda them, made=made: Call("POST", path, data=made(them)))
        yield Case(
            Sort.REFERS,
            lambda them, name=name, refers_to=refers_to: Call(
                "GET", path, ((name, str(them.pk(refers_to))),)
            ),
        )
    if isinstance(form, forms.ModelForm):
        yield Case(Sort.REFERS, lambda them: Call("POST", path, data={**_inlines(them), "_save": "1"}))


def _inlines(them: Them) -> Values:
    """Rows of other tables, as inline forms would send them. There are none, and nothing may listen to them."""
    found: Values = {}
    for model, kind in KINDS.items():
        if kind in FOR_ALL:
            continue  # its number may be told, so that it is in an answer says nothing
        found |= _inline(f"{model._meta.model_name}_set", them.pk(kind))
    return found


def _inline(prefix: str, pk: int) -> Values:
    return {
        f"{prefix}-TOTAL_FORMS": 1,
        f"{prefix}-INITIAL_FORMS": 1,
        f"{prefix}-0-id": pk,
        f"{prefix}-0-DELETE": "on",
    }


def lookups(model: type[Model]) -> Iterator[tuple[str, Callable[[Them], str]]]:
    """Every way in which the address of a list could ask for somebody else's rows: those that exist, and those that must not."""
    kind = kind_of(model)
    yield "id__exact", lambda them: str(them.pk(kind))
    yield "q", lambda them: them.uid(kind)
    yield "q", lambda them: them.word
    for said in ("user", "person", "tenant"):
        yield "q", lambda them, said=said: them.text(said)
    yield from _columns(model, "", kind)
    for field in model._meta.get_fields():
        if not isinstance(field, ForeignKey):
            continue
        refers_to = kind_of(field.related_model)
        yield f"{field.name}__id__exact", lambda them, refers_to=refers_to: str(them.pk(refers_to))
        yield from _columns(field.related_model, f"{field.name}__", refers_to)
        if "company" in {one.name for one in field.related_model._meta.get_fields()}:
            yield f"{field.name}__company__id__exact", lambda them: str(them.pk("company"))
            yield f"{field.name}__company__name__startswith", lambda them: them.word
    yield "tenant__dbid__exact", lambda them: str(them.dbid)
    for name in ("company", "company_id__exact", "role", "user", "person", "tenant", "directory"):
        yield name, lambda them, name=name: str(them.pk(name.partition("_")[0]))
    for name in ("subject", "actor"):
        yield name, lambda them: them.uid("user")
    yield "_changelist_filters", lambda them: f"company__id__exact={them.pk('company')}"


def _columns(model: type[Model], prefix: str, kind: str) -> Iterator[tuple[str, Callable[[Them], str]]]:
    texts = [
        field.name for field in model._meta.get_fields() if type(field) is CharField and not field.choices
    ]
    for name in texts:
        yield f"{prefix}{name}__startswith", lambda them: them.word
    yield f"{prefix}uid", lambda them: them.uid(kind)


# What a list is asked beside filters.
_MANNERS = (
    {"o": "1.-2"}, {"p": "2"}, {"all": ""}, {"_popup": "1"}, {"_to_field": "uid"}, {"_facets": "True"}, {"e": "1"},
    {"at__year": "2026"}, {"created_at__gte": "2020-01-01T00:00:00Z"}, {"state": "all"},
)  # fmt: skip


def list_queries(route: Route, model: type[Model]) -> Iterator[Case]:
    """The list, asked in every manner."""
    path = route.path()
    for manner in _MANNERS:
        yield Case(Sort.ASKS, lambda _them, manner=manner: Call("GET", path, tuple(manner.items())))
    for name, value in lookups(model):
        yield Case(Sort.ASKS, lambda them, name=name, value=value: Call("GET", path, ((name, value(them)),)))


def actions_of(visitor: Visitor, path: str) -> list[str]:
    """The actions that this list offers this person for chosen rows."""
    form = visitor.read(path).get("action_form")
    return [name for name, _label in form.fields["action"].choices if name] if form is not None else []


def bulk(route: Route, visitor: Visitor, own: Them, kind: str) -> Iterator[Case]:
    """Every action on chosen rows: somebody else's alone, and mixed with one's own."""
    path = route.path()
    for name in [*actions_of(visitor, path), "delete_selected"]:
        for mixed in (False, True):
            for across in ("0", "1"):

                def make(them: Them, *, name: str = name, mixed: bool = mixed, across: str = across) -> Call:
                    chosen = [own.pk(kind), them.pk(kind)] if mixed else [them.pk(kind)]
                    data = {
                        "action": name,
                        "_selected_action": chosen,
                        "select_across": across,
                        "confirmed": "1",
                    }
                    # All of them: only those that the filter leaves, so that one's own are not touched.
                    query = (("id__exact", str(them.pk(kind))),) if across == "1" else ()
                    return Call("POST", path, query, data={**data, "index": "0"})

                yield Case(Sort.REFERS, make)
    yield Case(
        Sort.REFERS,
        lambda them: Call(
            "POST", path, data={**_inline("form", them.pk(kind)), "form-0-is_active": "", "_save": "1"}
        ),
    )


def autocomplete(route: Route) -> Iterator[Case]:
    """Every relation of every model, as the source of suggestions."""
    for model in apps.get_models():
        for field in model._meta.get_fields(include_hidden=True):
            if not field.is_relation:
                continue
            asked = (
                ("app_label", model._meta.app_label),
                ("model_name", str(model._meta.model_name)),
                ("field_name", field.name),
            )
            yield Case(
                Sort.ASKS, lambda them, asked=asked: Call("GET", route.path(), (*asked, ("term", them.word)))
            )
            yield Case(
                Sort.ASKS, lambda _them, asked=asked: Call("GET", route.path(), (*asked, ("term", "")))
            )


# --- addresses -----------------------------------------------------------------------------------------------------------------


def _arguments(route: Route, them: Them, kind: str) -> dict[str, Any]:
    return {
        name: them.uid(kind) if converter == "uuid" else them.pk(kind) for converter, name in route.arguments
    }


def of_object(route: Route, kind: str, visitor: Visitor, own: Them) -> Iterator[Case]:
    """Somebody else's object by every verb, with a body that would do for one's own; one's own with somebody else's references."""
    own_path = route.path(**_arguments(route, own, kind))
    form = form_of(visitor, own_path) if route.view is None else None
    for method in VERBS:
        shape = _json(route, method)
        if route.view is None:
            data = filled(form, own) if method == "POST" else None
        else:
            data = body_of(shape, own, whole=method == "POST") if method in {"POST", "PUT", "PATCH"} else None
        yield Case(
            Sort.NAMES,
            lambda them, method=method, data=data: Call(
                method, route.path(**_arguments(route, them, kind)), data=data
            ),
        )
        if data is not None:  # what is wrong with the body must not be said first
            yield Case(
                Sort.NAMES,
                lambda them, method=method: Call(
                    method, route.path(**_arguments(route, them, kind)), data={"nothing": "1"}
                ),
            )
    if any(converter == "path" for converter, _name in route.arguments):
        for spelt in (
            lambda them: them.uid(kind),
            lambda them: f"0{them.pk(kind)}",
            lambda them: f"{them.pk(kind)}.0",
        ):
            yield Case(
                Sort.NAMES,
                lambda them, spelt=spelt: Call("GET", route.path(**{route.arguments[0][1]: spelt(them)})),
            )
    if route.view is None:
        yield from _admin_references(own_path, form, own, kind=kind)
    else:
        yield from _api_references(route, own, kind=kind)


def of_list(route: Route, kind: str, visitor: Visitor, own: Them) -> Iterator[Case]:
    """A list by every verb, asked in every manner, and with new objects that refer to somebody else's."""
    yield from plain(route)
    if route.view is not None:
        yield from _api_filters(route)
        yield from _api_references(route, own, kind=kind)
    elif route.model_admin is not None:
        yield from list_queries(route, route.model_admin.model)
        yield from bulk(route, visitor, own, kind)


def of_new(route: Route, kind: str, visitor: Visitor, own: Them) -> Iterator[Case]:
    """The form of a new object."""
    yield from plain(route)
    yield from _admin_references(route.path(), form_of(visitor, route.path()), own, kind=kind)


def plain(route: Route, **arguments: object) -> Iterator[Case]:
    """The address alone, by every verb."""
    for method in VERBS:
        yield Case(Sort.PLAIN, lambda _them, method=method: Call(method, route.path(**arguments)))
