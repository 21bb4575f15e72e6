"""What the page of an object offers besides its form: verbs, each with a page that asks first, and panels to read."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from django import forms
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

Words = str | Promise
AnyMethod = TypeVar("AnyMethod", bound=Callable[..., Any])


class ObjectForm(forms.Form):
    """What a verb asks for before it is done to `obj`; by itself nothing but a yes."""

    def __init__(self, *args: Any, obj: Model, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.obj = obj


class OnceForm(ObjectForm):
    """For what makes a secret that is shown once: the page that shows it, loaded anew, makes no other."""

    seen = forms.CharField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, obj: Model, **kwargs: Any) -> None:
        super().__init__(*args, obj=obj, **kwargs)
        self.fields["seen"].initial = self.stamp()

    def stamp(self) -> str:
        """What is another text once a secret was made."""
        raise NotImplementedError

    def clean(self) -> dict[str, Any]:
        """Refuse what was asked for on a page that knows nothing of the secret there is now."""
        given: dict[str, Any] = super().clean() or self.cleaned_data
        if given.pop("seen", "") not in {"", self.stamp()}:
            raise forms.ValidationError(
                _(
                    "Another token was made after this page was opened; it was shown once. Nothing was changed now."
                )
            )
        return given


def always(_obj: Any) -> bool:
    """Offered for every object."""
    return True


def nothing(_outcome: Any) -> Mapping[str, Any]:
    """A page takes nothing of what came of the verb."""
    return {}


@dataclass(frozen=True, kw_only=True)
class ObjectVerb:
    """Something that can be done to one object, or to those chosen in the list (`bulk`)."""

    name: str
    label: Words
    explains: Words
    done: Words | Callable[[Any], Words]  # said of every outcome, or of this one
    needs: str = "change"  # the verb of the rights that it takes
    form: type[ObjectForm] = ObjectForm
    danger: bool = False
    primary: bool = False  # what the page is opened for
    bulk: bool = False
    result_template: str = ""  # of a page that shows what came of it, instead of leading away
    result_context: Callable[[Any], Mapping[str, Any]] = nothing
    leads: Callable[[HttpRequest, Any], HttpResponse] | None = (
        None  # the answer to what came of it, in its own way
    )
    confirmed: bool = False  # whether whoever does it has to have proved recently who he is
    offered: Callable[[Any], bool] = always

    def said_of(self, outcome: Any) -> Words:
        """What is told once it is done."""
        return self.done(outcome) if callable(self.done) else self.done


def object_verb(label: Words, **more: Any) -> Callable[[AnyMethod], AnyMethod]:
    """Make a method `(self, obj, given, *, by, now)` a verb of its admin; see `ObjectVerb` for what can be said of it."""

    def mark(method: AnyMethod) -> AnyMethod:
        method.object_verb = ObjectVerb(name=method.__name__, label=label, **more)  # type: ignore[attr-defined]
        return method

    return mark


def add_verb(admin_class: Any, method: Any) -> None:
    """Let an app put a verb, marked by `object_verb`, on the pages of an admin of an app below it."""
    setattr(admin_class, method.__name__, method)
    admin_class.object_verbs = (*admin_class.object_verbs, method.__name__)


REMOVE = ObjectVerb(
    name="remove",
    label=_("Delete"),
    explains=_("It cannot be brought back. What happened stays in the audit events."),
    done=_("Deleted."),
    needs="delete",
    danger=True,
    bulk=True,
)


def badge(label: Words, *, tone: str) -> SafeString:
    """A state in a word; `tone` is empty, ok, warning or danger."""
    return format_html('<span class="gh-badge {}">{}</span>', tone, label)


def when(at: datetime | None) -> str:
    """A moment as people read it in a cell; a dash for none."""
    return "–" if at is None else date_format(timezone.localtime(at), "SHORT_DATETIME_FORMAT")


def link_to(obj: Model, label: Any = None) -> SafeString:
    """A link to the page of this object, by its own name or by another."""
    url = reverse(f"admin:{obj._meta.app_label}_{obj._meta.model_name}_change", args=(obj.pk,))
    return format_html('<a href="{}">{}</a>', url, obj if label is None else label)


def two_lines(first: Any, second: Any) -> SafeString:
    """A cell with something smaller under what matters."""
    return (
        format_html('{}<span class="gh-sub">{}</span>', first, second) if second else format_html("{}", first)
    )


@dataclass(frozen=True, kw_only=True)
class Note:
    """Something to know before the form is read; `tone` is empty, ok, warning or danger."""

    sentence: Words
    tone: str = ""
    url: str = ""
    label: Words = ""


@dataclass(frozen=True, kw_only=True)
class Panel:
    """A table to read under the form; cells are text or safe HTML."""

    title: Words
    headers: Sequence[Words]
    rows: Sequence[Sequence[Any]]
    empty: Words
    more_url: str = ""
    more_label: Words = field(default="")
    lead: Words = ""  # a sentence before the table
    stacked: bool = (
        False  # on phones each row is a block of its own: for long values that have to be read whole
    )

    @property
    def lines(self) -> list[list[tuple[Words, Any]]]:
        """The rows, each cell with the header above it."""
        return [list(zip(self.headers, row, strict=True)) for row in self.rows]
