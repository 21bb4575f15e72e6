"""The audit events in the administration: read, searched, exported."""

import csv
import json
from collections.abc import Iterator
from contextlib import suppress
from ipaddress import ip_address
from typing import Any
from uuid import UUID

from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.core.exceptions import BadRequest
from django.db.models import Q, QuerySet
from django.http import HttpRequest, StreamingHttpResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as __

from audit.events import Event
from audit.groups import GROUPS
from audit.models import AuditEvent
from audit.record import record
from core.admin import VerbAdmin
from core.admin_lists import begins_with
from core.admin_pages import two_lines
from core.db import unit

CHUNK = 1_000
COLUMNS = (
    "id", "at", "event", "actor_uid", "actor_name", "company_id", "subject_kind", "subject_uid", "subject_name", "address",
    "request_id", "details", "mac",
)  # fmt: skip


class CompanyFilter(admin.SimpleListFilter):
    """Rows of one company, by its number: the row has no foreign key."""

    title = __("company")
    parameter_name = "company"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """The companies that the reader may see."""
        return [(str(number), name) for number, name in model_admin.gate.owners(request).items()]

    def has_output(self) -> bool:
        """Whether there is something to choose between; one in use is never left out, for the list would be unfiltered."""
        return len(self.lookup_choices) > 1 or bool(self.used_parameters)

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Rows of this company."""
        value = self.value() or ""
        if not (value.isascii() and value.isdecimal()):
            return queryset
        # A number that no column holds is the number of no company.
        return queryset.filter(company_id=int(value)) if len(value) < 19 else queryset.none()


class GroupFilter(admin.SimpleListFilter):
    """Events that are often asked for together."""

    title = __("what happened")
    parameter_name = "group"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """The groups."""
        return [(name, label) for name, (label, _events) in GROUPS.items()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Events of this group."""
        group = GROUPS.get(self.value() or "")
        return queryset.filter(event__in=group[1]) if group else queryset


class _UidFilter(admin.SimpleListFilter):
    column = ""

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        # Named in links from other pages; offered only while it is in use.
        value = self.used_parameters.get(str(self.parameter_name))
        return [(str(value), __("this one"))] if value else []

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(**{self.column: self.value()}) if self.value() else queryset


class SubjectFilter(_UidFilter):
    """What happened to one object."""

    title, parameter_name, column = __("about"), "subject", "subject_uid"


class ActorFilter(_UidFilter):
    """What one person did."""

    title, parameter_name, column = __("by"), "actor", "actor_uid"


def company_names(model_admin: VerbAdmin, request: HttpRequest, rows: QuerySet[Any]) -> None:
    """Give rows the names of their companies, as far as the reader may see them."""
    names = model_admin.gate.owners(request, [row.company_id for row in rows if row.company_id is not None])
    for row in rows:
        row.company_name = "" if row.company_id is None else names.get(row.company_id, f"#{row.company_id}")


@admin.register(AuditEvent)
class AuditEventAdmin(VerbAdmin):
    """The trail; nothing can be done to it."""

    ordering = ("-id",)
    list_display = ("second", "what", "who", "about")
    list_filter = (SubjectFilter, ActorFilter, GroupFilter, "event", "at", CompanyFilter)
    sortable_by = ()
    search_fields = ("actor_name",)  # what is searched is said in get_search_results
    search_help_text = __(
        "The beginning of a person's or an object's name or of an event such as login:code, a network address, or an id."
    )
    change_list_template = "admin/audit/auditevent/change_list.html"
    fieldsets = (
        (None, {"fields": ("moment", "event", "subject_kind", "subject_name", "subject_uid", "details")}),
        (
            __("Who and from where"),
            {"fields": ("actor_name", "actor_uid", "company_id", "address", "request_id", "mac")},
        ),
    )

    readonly_fields = ("moment",)
    help_texts = {"moment": __("When it happened, to the microsecond.")}

    @admin.display(description=__("time"))
    def second(self, row: AuditEvent) -> str:
        """When it happened, so that a row can be told from the next one."""
        return date_format(row.at, "Y-m-d H:i:s T")

    @admin.display(description=__("time"))
    def moment(self, row: AuditEvent) -> str:
        """When it happened, in full."""
        return date_format(row.at, "Y-m-d H:i:s.u T")

    @admin.display(description=__("what happened"))
    def what(self, row: AuditEvent) -> str:
        """The event, and its named values in one line."""
        values = {
            name: " · ".join(value) if isinstance(value, list) else value
            for name, value in row.details.items()
        }
        line = ", ".join(f"{name}: {value}" for name, value in values.items())
        return two_lines(row.event, line if len(line) <= 160 else f"{line[:159]}…")

    @admin.display(description=__("who"))
    def who(self, row: AuditEvent) -> str:
        """Who did it, and from where."""
        return two_lines(row.actor_name or "–", row.address)

    @admin.display(description=__("about"))
    def about(self, row: AuditEvent) -> str:
        """What it happened to, and in which company."""
        return two_lines(
            f"{row.subject_kind} {row.subject_name}".strip() or "–", getattr(row, "company_name", "")
        )

    def complete(self, request: HttpRequest, rows: QuerySet[Any]) -> None:
        """The names of companies."""
        company_names(self, request, rows)

    def get_search_results(self, request: HttpRequest, queryset: QuerySet[Any], search_term: str) -> Any:
        """What the term looks like decides what is searched."""
        term = search_term.replace("\0", "").strip()[:254]
        if not term:
            return queryset, False
        return queryset.filter(_wanted(term)), False

    # --- export ---

    def get_urls(self) -> list[URLPattern]:
        """The exports, and what every admin has."""
        view = self.admin_site.admin_view
        return [
            path("export.csv", view(self.csv_view), name="audit_auditevent_csv"),
            path("export.json", view(self.json_view), name="audit_auditevent_json"),
            *super().get_urls(),
        ]

    def _asked_for(self, request: HttpRequest) -> Iterator[AuditEvent]:
        self._demand(request, "view", None)
        try:
            rows = self.get_changelist_instance(request).get_queryset(request).order_by("-id")
        except IncorrectLookupParameters as error:
            raise BadRequest("The filters of the export could not be understood.") from error
        return _in_chunks(rows)

    def _note_export(self, request: HttpRequest, form: str) -> None:
        with unit():
            record(
                Event.AUDIT_EXPORTED,
                origin=self.gate.actor(request).origin,
                at=timezone.now(),
                company_id=request.user.company_id,  # type: ignore[union-attr]
                form=form,
                filters=request.GET.urlencode()[:200],
            )

    def csv_view(self, request: HttpRequest) -> StreamingHttpResponse:
        """The events of the list, with its filters, as CSV; streamed, so of any length."""
        rows = self._asked_for(request)
        self._note_export(request, "csv")
        return _attached(_csv(rows), "csv", "text/csv; charset=utf-8")

    def json_view(self, request: HttpRequest) -> StreamingHttpResponse:
        """The same as JSON, one object a line between the brackets."""
        rows = self._asked_for(request)
        self._note_export(request, "json")
        return _attached(_json(rows), "json", "application/json")


def _wanted(term: str) -> Q:
    # Each condition has an index but that on the address, so that one stands alone: an OR is as slow as its slowest part.
    with suppress(ValueError):
        return Q(actor_uid=str(UUID(term))) | Q(subject_uid=str(UUID(term)))
    with suppress(ValueError):
        return Q(address=str(ip_address(term)))
    folded = term.casefold()
    names = begins_with("actor_name", term, folded) | begins_with("subject_name", term, folded)
    return names | begins_with("event", folded)


def _in_chunks(rows: QuerySet[AuditEvent]) -> Iterator[AuditEvent]:
    # By number and not by one long cursor: a slow reader holds no statement open.
    last: int | None = None
    while True:
        chunk = list((rows if last is None else rows.filter(id__lt=last))[:CHUNK])
        yield from chunk
        if len(chunk) < CHUNK:
            return
        last = chunk[-1].pk


def _cell(value: Any) -> str:
    text = (
        json.dumps(value, ensure_ascii=False, sort_keys=True)
        if isinstance(value, dict)
        else str("" if value is None else value)
    )
    # A spreadsheet runs a cell that begins so; names and user agents are other people's text.
    return f"'{text}" if text[:1] in {"=", "+", "-", "@", "\t", "\r"} else text


class _Echo:
    def write(self, line: str) -> str:
        return line


def _csv(rows: Iterator[AuditEvent]) -> Iterator[str]:
    writer = csv.writer(_Echo())
    yield writer.writerow(COLUMNS)
    for row in rows:
        yield writer.writerow(
            [row.at.isoformat() if name == "at" else _cell(getattr(row, name)) for name in COLUMNS]
        )


def _json(rows: Iterator[AuditEvent]) -> Iterator[str]:
    yield "["
    for index, row in enumerate(rows):
        values = {name: getattr(row, name) for name in COLUMNS} | {"at": row.at.isoformat()}
        yield (",\n" if index else "\n") + json.dumps(values, ensure_ascii=False, sort_keys=True)
    yield "\n]\n"


def _attached(lines: Iterator[str], ending: str, kind: str) -> StreamingHttpResponse:
    response = StreamingHttpResponse(lines, content_type=kind)
    stamp = f"{timezone.now():%Y%m%d-%H%M%S}"
    response["Content-Disposition"] = f'attachment; filename="audit-{stamp}.{ending}"'
    return response
