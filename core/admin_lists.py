"""Lists of the administration that stay fast at a million rows and name only what the reader may see."""

from typing import Any

from django.contrib.admin.filters import RelatedFieldListFilter, SimpleListFilter
from django.contrib.admin.views.main import SEARCH_VAR, ChangeList
from django.core.paginator import Paginator
from django.db import connection
from django.db.models import Field, Q, QuerySet
from django.http import HttpRequest
from django.utils.functional import cached_property
from django.utils.text import capfirst

COUNTED = 10_000  # beyond this a list says "10,000+": counting a million rows takes longer than showing fifty of them
FILTER_CHOICES = 50
TERM_LENGTH = 200


class AtLeast(int):
    """A count that was stopped: it reads as the number and a plus sign."""

    def __str__(self) -> str:
        return f"{int(self):,}+"


def bounded_count(rows: QuerySet[Any]) -> int:
    """The number of rows, or `AtLeast(COUNTED)`."""
    found = rows.order_by().values("pk")[: COUNTED + 1].count()
    return found if found <= COUNTED else AtLeast(COUNTED)


class BoundedPaginator(Paginator):  # type: ignore[type-arg]
    """Pages of a queryset, counted no further than COUNTED rows."""

    @cached_property
    def count(self) -> int:
        """The number of rows, or `AtLeast(COUNTED)`."""
        return bounded_count(self.object_list)  # type: ignore[arg-type]


class VerbChangeList(ChangeList):
    """The stock list under the plain name of what it lists, with related rows fetched at once."""

    def __init__(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        super().__init__(request, *args, **kwargs)
        self.title = capfirst(str(self.opts.verbose_name_plural))
        self.without_search = self.get_query_string(remove=[SEARCH_VAR])

    def get_queryset(self, request: HttpRequest, exclude_parameters: Any = None) -> QuerySet[Any]:
        """The rows asked for, with what their columns need."""
        related: tuple[str, ...] = getattr(self.model_admin, "list_prefetch_related", ())
        return super().get_queryset(request, exclude_parameters).prefetch_related(*related)

    def get_results(self, request: HttpRequest) -> None:
        """The rows of this page, completed."""
        super().get_results(request)
        if not self.multi_page and (self.query or self.has_active_filters):
            # The few rows that match are found by an index when no order is asked for; with one, SQLite walks the whole table in
            # that order.
            found = list(self.queryset.order_by().values_list("pk", flat=True)[: self.list_per_page])
            self.result_list = self.queryset.filter(pk__in=found)
        self.model_admin.complete(request, self.result_list)  # type: ignore[attr-defined]


class UsualFirst(SimpleListFilter):
    """A filter that shows only the `usual` rows where nothing is asked for; all of them are one of its choices."""

    usual: Any  # as it is called

    def choices(self, changelist: Any) -> Any:
        """The usual rows first, by their name."""
        for index, choice in enumerate(super().choices(changelist)):
            yield {**choice, "display": self.usual} if index == 0 else choice


class VisibleRelatedFilter(RelatedFieldListFilter):
    """A filter by a related object that offers only those which the reader may see, and not very many."""

    def field_choices(self, field: Any, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """The first visible objects; one further down can still be named in the address."""
        visible = model_admin.choices(request, field.remote_field.model)
        return [(one.pk, str(one)) for one in visible[:FILTER_CHOICES]]

    def has_output(self) -> bool:
        """Whether there is something to choose between; one in use is never left out, for the list would be unfiltered."""
        return len(self.lookup_choices) > 1 or bool(self.used_parameters)


def begins_with(field: str, *spellings: str) -> Q:
    """Rows whose `field` begins with one of these spellings, asked in a way that an index answers."""
    found = Q()
    for spelling in dict.fromkeys(spellings):
        if connection.vendor == "sqlite":
            # LIKE needs an index that ignores case there; a range is the same question.
            found |= Q(**{f"{field}__gte": spelling, f"{field}__lt": f"{spelling}\U0010ffff"})
        else:
            found |= Q(**{f"{field}__startswith": spelling})
    return found


def spellings_of(term: str) -> tuple[str, ...]:
    """The usual spellings of a name that somebody has typed."""
    return (term, term.casefold(), term.capitalize(), term.title())


def searched(fields: tuple[str, ...], term: str) -> Q:
    """The condition of a search box: `=field` has to be equal, `~field` (kept in folded case) and any other begin with the term.

    Few ranges are better than many: SQLite gives up its indexes when an OR grows long.
    """
    term = term.replace("\0", "").strip()[:TERM_LENGTH]
    found = Q()
    for field in fields if term else ():
        if field.startswith("="):
            found |= Q(**{field[1:]: term})
        elif field.startswith("~"):
            found |= begins_with(field[1:], term.casefold())
        else:
            found |= begins_with(field, *spellings_of(term))
    return found


def filtered_paths(list_filter: Any) -> tuple[set[str], set[str]]:
    """The field paths and the parameter names that these filters may be asked by."""
    paths: set[str] = set()
    names: set[str] = set()
    for one in list_filter:
        if isinstance(one, tuple | list):
            paths.add(one[0].name if isinstance(one[0], Field) else one[0])
        elif isinstance(one, str):
            paths.add(one)
        else:
            names.add(one.parameter_name)
    return paths, names
