"""Importing people from an LDAP directory: it is read and compared (`plan_import`), and then applied (`configserver.services.applying`).

Both may be killed at any moment. What was read is compared anew; what was being applied goes on where it stopped.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, Q, QuerySet
from django.utils.translation import gettext, gettext_noop
from django.utils.translation import gettext_lazy as _

from audit.events import Event
from audit.record import record
from configserver import sync
from configserver.access import Administrator
from configserver.directories import ldap_config
from configserver.directory import Protocol
from configserver.models import Directory, Import, ImportState, ImportStep, Person
from configserver.services.above import refuse_groups, refuse_over
from configserver.services.person import KIND, LINES
from configserver.services.voiding import of_directory
from configserver.sync import Action, Change, Entry, Kept
from core.contacts import checked_email, checked_phone, key_of
from core.db import unit
from core.deadline import Deadline
from core.draft import line
from core.outcomes import FORBIDDEN, Denied

KEPT = 10  # imports of a directory
AT_ONCE = 500  # rows of one statement
NO_IMPORT = Denied(
    code="invalid",
    field="import_filter",
    message=_(
        "This directory imports nobody: it takes LDAP that is switched on, a filter of the import, and the tenant of its people."
    ),
)
OVERTAKEN = Denied(code="conflict", message=_("Another import of this directory has begun meanwhile."))
UNDER_WAY = Denied(
    code="conflict", message=_("An import of this directory is being applied. Let it end first.")
)
MORE = gettext_noop("There are more than %(most)s entries: manage.py import_directory takes any number.")
BEGUN_ANEW = gettext_noop("Another import began before this one was done.")
CHANGED_MEANWHILE = gettext_noop("The directory was changed before the import was done.")
WAITING = (ImportState.READING, ImportState.PLANNED, ImportState.STOPPED)  # nobody is changed yet
Progress = Callable[[int], None]


@dataclass(frozen=True, kw_only=True)
class Summary:
    """What an import does, in numbers."""

    read: int
    created: int
    changed: int
    off: int
    conflicts: int
    left: int  # steps that are still to be applied


def summary_of(run: Import) -> Summary:
    """The numbers of this import."""
    rows = (
        run.steps.order_by()
        .values_list("action")
        .annotate(Count("pk"), left=Count("pk", filter=Q(applied=False)))
    )
    every = {action: number for action, number, _left in rows}
    left = {action: number for action, _every, number in rows}
    return Summary(
        read=run.read,
        created=every.get(Action.CREATE, 0),
        changed=every.get(Action.CHANGE, 0),
        off=every.get(Action.OFF, 0),
        conflicts=every.get(Action.CONFLICT, 0),
        left=sum(left.get(one, 0) for one in (Action.CREATE, Action.CHANGE, Action.OFF)),
    )


def drop_imports(directory: Directory, *, now: datetime) -> None:
    """Inside a unit: whatever was read or half applied was of another directory than it is now."""
    give_up(directory.imports.filter(state__in=[*WAITING, ImportState.APPLYING]), CHANGED_MEANWHILE, now=now)


def give_up(imports: QuerySet[Import], why: str, *, now: datetime) -> None:
    """Inside a unit: these imports are not wanted any more; `why` is a message that is yet to be translated.

    One that did all that it was asked for, and compared, has not failed; it cannot be applied any more.
    """
    compared = imports.filter(state__in=[ImportState.PLANNED, ImportState.STOPPED])
    compared.update(state=ImportState.OUTDATED, ended_at=now)
    imports.update(state=ImportState.FAILED, reason=gettext(why), ended_at=now)


def unfinished(directory: Directory) -> Import | None:
    """The import of this directory that was being applied when something stopped it."""
    return directory.imports.filter(state=ImportState.APPLYING).first()


def refuse_import(directory: Directory, *, by: Administrator) -> Denied | None:
    """Why this actor may not import from this directory."""
    if not by.may_touch_tenant("change", "directory", dbid=None):
        return FORBIDDEN
    tenant = directory.people_tenant
    imports = directory.is_active and directory.protocol == Protocol.LDAP and directory.import_filter
    if not imports or tenant is None:
        return NO_IMPORT
    if not all(by.may_touch_tenant(verb, KIND, dbid=tenant.dbid) for verb in ("add", "change")):
        return FORBIDDEN
    # It may rename and readdress every one of them, and lets in people to whom its groups give what they give.
    return refuse_over(of_directory(directory), by=by) or refuse_groups(directory, by=by)


def plan_import(
    directory: Directory,
    *,
    whole: bool,
    by: Administrator,
    now: datetime,
    most: int | None = None,
    deadline: Deadline | None = None,
    progress: Progress = lambda _read: None,
) -> Import | Denied:
    """Read the directory and compare. Nothing of anybody is changed; the import that comes back is planned, stopped or failed.

    Unless `whole`, only what changed since the last import is read; who is gone from the directory, a whole one finds. With `most` it fails
    at more entries. Never inside a unit.
    """
    from configserver.engines.ldap import ServerError, read_everybody

    refusal = refuse_import(directory, by=by)
    if refusal is None and unfinished(directory) is not None:
        refusal = UNDER_WAY
    if refusal is not None:
        return refusal
    last = directory.imports.filter(state=ImportState.DONE).exclude(newest="").first()
    run = _begun(directory, since="" if whole or last is None else last.newest, now=now)
    seen, read = sync.Seen(), 0
    try:
        for page in read_everybody(
            ldap_config(directory),
            login_attribute=directory.login_attribute,
            wanted=directory.import_filter,
            since=run.since,
            deadline=deadline,
        ):
            read += len(page)
            if most is not None and read > most:
                reason = gettext(MORE) % {"most": most}
                return ended(
                    run, ImportState.FAILED, before=ImportState.READING, reason=reason, by=by, now=now
                )
            changes = list(_compared(directory, [_entry(one) for one in page], seen=seen))
            run.newest = max([run.newest, *(one.changed for one in page)])
            if not _noted(run, changes, read=read):
                return OVERTAKEN
            progress(read)
    except ServerError as error:
        return ended(run, ImportState.FAILED, before=ImportState.READING, reason=error.told(), by=by, now=now)
    if not run.since and not _noted(run, _gone(directory, seen.refs), read=read):
        return OVERTAKEN
    found = summary_of(run)
    kept, active = directory.brought.count(), directory.brought.filter(is_active=True).count()
    share = directory.import_percent
    if sync.is_too_much(changed=found.changed, off=found.off, kept=kept, active=active, percent=share):
        return ended(run, ImportState.STOPPED, before=ImportState.READING, by=by, now=now)
    Import.objects.filter(pk=run.pk, state=ImportState.READING).update(state=ImportState.PLANNED)
    run.refresh_from_db()
    return run


def _begun(directory: Directory, *, since: str, now: datetime) -> Import:
    with unit():
        # One that was reading and says nothing any more finds at its next page that it is not wanted.
        give_up(directory.imports.filter(state=ImportState.READING), BEGUN_ANEW, now=now)
        # They hold names and addresses of people; of old ones nobody needs them.
        kept = directory.imports.values_list("pk", flat=True)[: KEPT - 1]
        directory.imports.exclude(pk__in=list(kept)).exclude(state=ImportState.APPLYING).delete()
        return Import.objects.create(directory=directory, since=since, newest=since, began_at=now)


def _noted(run: Import, changes: Iterable[Change], *, read: int) -> bool:
    """Write down what was compared; False when another import has begun meanwhile."""
    with unit():
        mine = Import.objects.filter(pk=run.pk, state=ImportState.READING)
        if not mine.update(read=read, newest=run.newest):
            return False
        run.read = read
        steps = (
            ImportStep(
                of=run,
                action=one.action.value,
                ref=one.ref,
                name=one.name,
                values=one.values,
                why=one.why,
            )
            for one in changes
        )
        ImportStep.objects.bulk_create(steps, batch_size=AT_ONCE)
    return True


def _entry(read: Any) -> Entry:
    """What was read, as it would be kept: an address or number that is none is left out."""
    name = line(read.login, field="name", longest=LINES["name"], empty=True)
    # A name is taken whole or not at all: made tidy, it could be somebody else's.
    name = "" if isinstance(name, Denied) or name != read.login else name
    display = line(read.display_name or name, field="display_name", longest=LINES["display_name"], empty=True)
    email, phone = checked_email(read.email), checked_phone(read.phone)
    return Entry(
        ref=read.ref,
        name=name,
        name_key=key_of(name),
        display_name=name[: LINES["display_name"]] if isinstance(display, Denied) or not display else display,
        email="" if isinstance(email, Denied) else email,
        phone="" if isinstance(phone, Denied) else phone,
    )


def _compared(directory: Directory, entries: Sequence[Entry], *, seen: sync.Seen) -> Iterable[Change]:
    by_key = {one.name_key: one.ref for one in entries}
    refs = [one.ref for one in entries]
    wanted = Q(source=directory, source_ref__in=refs) | Q(name_key__in=by_key)
    rows = list(
        Person.objects.filter(wanted).only(
            "source_id", "source_ref", "name_key", *sync.FIELDS, "is_active", "gone_at"
        )
    )
    known = {row.source_ref for row in rows if row.source_id == directory.pk}
    kept, taken = {}, {}
    for row in rows:
        own, ref = row.source_id == directory.pk, row.source_ref
        if own and not ref and by_key.get(row.name_key, "") not in known:
            # Whom an administrator handed over has no id yet; by the name it is found this once.
            ref = by_key[row.name_key]
        taken[row.name_key] = ref if own else ""
        if own and ref:
            values = {name: getattr(row, name) for name in sync.FIELDS}
            kept[ref] = Kept(
                values=values,
                is_active=row.is_active,
                gone=row.gone_at is not None,
                handed=not row.source_ref,
            )
    # An entry that is left alone is there all the same.
    changes = list(sync.changes_of(entries, kept, taken=taken, seen=seen))
    seen.refs.update(refs)
    return changes


def _gone(directory: Directory, refs: set[str]) -> Iterable[Change]:
    there = directory.brought.filter(is_active=True).exclude(source_ref="")
    for ref, name in there.values_list("source_ref", "name").iterator(chunk_size=2_000):
        if ref not in refs:
            yield Change(action=Action.OFF, ref=ref, name=name)


def ended(
    run: Import,
    state: ImportState,
    *,
    before: ImportState,
    by: Administrator,
    now: datetime,
    reason: str = "",
) -> Import:
    """End the import, unless somebody else has ended it."""
    with unit():
        mine = Import.objects.filter(pk=run.pk, state=before)
        if not mine.update(state=state, reason=reason[:300], ended_at=now):
            run.refresh_from_db()
            return run
        run.refresh_from_db()
        found = summary_of(run)
        record(
            Event.DIRECTORY_IMPORTED,
            origin=by.origin,
            at=now,
            subject=run.directory,
            state=state.value,
            read=found.read,
            created=found.created,
            changed=found.changed,
            off=found.off,
            conflicts=found.conflicts,
        )
    return run
