"""What the administration asks of the app above: who may see and do what, and where refusals are written down."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Protocol

from django import forms
from django.core.exceptions import FieldDoesNotExist
from django.db.models import ForeignKey, ManyToManyField, Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy

from core.admin_pages import Words
from core.options import Snapshot
from core.outcomes import Denied

GONE = Denied(code="not_found", message=gettext_lazy("It is no longer there."))
MEANWHILE = Denied(
    code="conflict",
    message=gettext_lazy(
        "Somebody else has just changed or deleted something that you chose. Nothing was changed; please look again."
    ),
)


class Gate(Protocol):
    """What the admin site answers: who may see and do what, and where refusals are written down."""

    def visible(self, request: HttpRequest, model: type[Model]) -> QuerySet[Any]:
        """The objects that exist for this person."""

    def may(self, request: HttpRequest, verb: str, model: type[Model], obj: Model | None = None) -> bool:
        """Whether `view`, `add`, `change` or `delete` is allowed on this visible object (None: on some)."""

    def actor(self, request: HttpRequest) -> Any:
        """The one who acts, as verbs take him."""

    def confirm_first(self, request: HttpRequest) -> HttpResponse | None:
        """The way to prove who one is, for somebody who has not done so recently; None for everybody else."""

    def refused(
        self, request: HttpRequest, denied: Denied, *, verb: str, model: type[Model], obj: Model | None
    ) -> None:
        """Write a refusal down, in a transaction of its own."""

    def history_url(self, request: HttpRequest, obj: Model) -> str | None:
        """Where it can be read what happened to this object; None when this person may not."""

    def settings(self) -> Snapshot:
        """The settings in force for everybody; they are also the rules of the root tenant."""

    def settings_url(self, request: HttpRequest) -> str | None:
        """Where these settings are; None when this person may not see them."""

    def linked(self, request: HttpRequest, dbids: Iterable[int]) -> dict[int, tuple[str, str]]:
        """Name and address of the company that is linked to each tenant with these DBIDs, as far as this person may see it."""

    def kinds(self) -> Sequence[tuple[str, Words]]:
        """The kinds of object that a permission can open, with their names."""

    def owners(self, request: HttpRequest, numbers: Iterable[int] | None = None) -> dict[int, str]:
        """Names of the owners with these numbers (None: of the first few) that this person may see."""


def show_refusal(denied: Denied, form: forms.BaseForm) -> None:
    """Put the sentence of a refusal on its field, or above the form when it has none there."""
    form.add_error(denied.field if denied.field in form.fields else None, str(denied.message))


def unseen(obj: Model, names: Sequence[Any], choices: Callable[[Any], QuerySet[Any]]) -> Iterator[str]:
    """The fields of these names in which the object holds something that is not among the reader's choices."""
    for name in names:
        try:
            field = obj._meta.get_field(name)
        except FieldDoesNotExist:
            continue
        if isinstance(field, ForeignKey):
            held = getattr(obj, field.attname)
            if held is not None and not choices(field.related_model).filter(pk=held).exists():
                yield name
        elif isinstance(field, ManyToManyField):
            seen = choices(field.related_model).order_by().values("pk")
            if getattr(obj, name).exclude(pk__in=seen).exists():
                yield name
