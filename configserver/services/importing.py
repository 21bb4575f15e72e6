"""Importing people from an LDAP directory: read and compare (`plan_import`), then apply step by step (`apply_import`).

Both may be killed at any moment. What was read is compared anew; what was being applied goes on where it stopped.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError
from django.db.models import Count, Q
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
from configserver.services.person import HARMLESS
from configserver.services.voiding import of_directory, void
from configserver.sync import Action, Change, Entry, Kept, Why
from core import epoch
from core.contacts import checked_email, checked_phone, key_of
from core.db import unit
from core.draft import line
from core.outcomes import FORBIDDEN, Denied
from core.throttle import Limit, take

AT_ONCE = 500  # persons in one transaction
LINES = {"name": 254, "display_name": 120}
NO_IMPORT = Denied(
    code="invalid",
    field="import_filter",
    message=_(
        "This directory imports nobody: it takes LDAP that is switched on, a filter of the import, and the tenant of its people."
    ),
)
OVERTAKEN = Denied(code="conflict", message=_("Another import of this directory has begun meanwhile."))
NOT_PLANNED = Denied(code="conflict", message=_("This import is not waiting to be applied."))
UNDER_WAY = Denied(
    code="conflict", message=_("An import of this directory is being applied. Let it end first.")
)
MORE_TO_APPLY = _("More than 5,000 people would change: manage.py import_directory takes any number.")
MORE = gettext_noop("There are more than %(most)s entries: manage.py import_directory takes any number.")
CHANGED_MEANWHILE = gettext_noop("The directory was changed before the import was done.")
IMPORTS = Limit(name="directory-imports", tries=10, window=timedelta(minutes=1))
MOST_ON_A_PAGE = 5_000  # entries of an import that somebody waits for
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
    open_ones = [ImportState.READING, ImportState.PLANNED, ImportState.STOPPED, ImportState.APPLYING]
    directory.imports.filter(state__in=open_ones).update(
        state=ImportState.FAILED, reason=gettext(CHANGED_MEANWHILE), ended_at=now
    )


def unfinished(directory: Directory) -> Import | None:
    """The import of this directory that was being applied when something stopped it."""
    return directory.imports.filter(state=ImportState.APPLYING).first()


def _refuse(directory: Directory, *, by: Administrator) -> Denied | None:
    if not by.may_touch_tenant("change", "directory", dbid=None):
        return FORBIDDEN
    if (
        not directory.is_active
        or directory.protocol != Protocol.LDAP
        or not directory.import_filter
        or directory.people_tenant_id is None
    ):
        return NO_IMPORT
    # It may rename and readdress every one of them, and lets in people to whom its groups give what they give.
    return refuse_over(of_directory(directory), by=by) or refuse_groups(directory, by=by)


# --- reading and comparing -------------------------------------------------------------------------------------------------


def plan_import(
    directory: Directory,
    *,
    whole: bool,
    by: Administrator,
    now: datetime,
    most: int | None = None,
    progress: Progress = lambda _read: None,
) -> Import | Denied:
    """Read the directory and compare. Nothing of anybody is changed; the import that comes back is planned, stopped or failed.

    Unless `whole`, only what changed since the last import is read; who is gone from the directory, a whole one finds. With `most` it fails
    at more entries. Never inside a unit.
    """
    from configserver.engines.ldap import ServerError, read_everybody

    refusal = _refuse(directory, by=by)
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
        ):
            entries = [_entry(one) for one in page]
            changes = list(_compared(directory, entries, seen=seen))
            read += len(page)
            if most is not None and read > most:
                return _ended(run, ImportState.FAILED, reason=gettext(MORE) % {"most": most}, by=by, now=now)
            run.newest = max([run.newest, *(one.changed for one in page)])
            if not _noted(run, changes, read=read):
                return OVERTAKEN
            progress(read)
    except ServerError as error:
        return _ended(run, ImportState.FAILED, reason=error.told(), by=by, now=now)
    if not run.since and not _noted(run, _gone(directory, seen.refs), read=read):
        return OVERTAKEN
    found = summary_of(run)
    kept, active = directory.brought.count(), directory.brought.filter(is_active=True).count()
    share = directory.import_percent
    if sync.is_too_much(changed=found.changed, off=found.off, kept=kept, active=active, percent=share):
        return _ended(run, ImportState.STOPPED, by=by, now=now)
    Import.objects.filter(pk=run.pk, state=ImportState.READING).update(state=ImportState.PLANNED)
    run.refresh_from_db()
    return run


def _begun(directory: Directory, *, since: str, now: datetime) -> Import:
    with unit():
        # One that was reading and says nothing any more finds at its next page that it is not wanted.
        directory.imports.filter(state=ImportState.READING).update(
            state=ImportState.FAILED, reason="begun anew", ended_at=now
        )
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
                name=one.name[:254],
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
        display_name=name[:120] if isinstance(display, Denied) or not display else display,
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
                ref=ref,
                name_key=row.name_key,
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


def _ended(run: Import, state: ImportState, *, by: Administrator, now: datetime, reason: str = "") -> Import:
    with unit():
        Import.objects.filter(pk=run.pk).update(state=state, reason=reason[:300], ended_at=now)
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


def import_people(
    directory: Directory, *, whole: bool, dry_run: bool, even_if_many: bool, by: Administrator, now: datetime
) -> Import | Denied:
    """An import that somebody waits for: read, compare, and unless it is a dry run, stopped or failed, apply. Never inside a unit.

    One that was interrupted goes on instead. More than 5,000 entries are too many for a wait.
    """
    who = str(by.origin.actor.uid) if by.origin.actor is not None else "installation"
    refusal = _refuse(directory, by=by) or take(IMPORTS, who, now=now)
    if refusal is not None:
        return refusal
    run = unfinished(directory)
    if run is None:
        planned = plan_import(directory, whole=whole, by=by, now=now, most=MOST_ON_A_PAGE)
        if isinstance(planned, Denied):
            return planned
        run = planned
    able = {ImportState.PLANNED, ImportState.APPLYING, *([ImportState.STOPPED] if even_if_many else [])}
    if dry_run or run.state not in able:
        return run
    if summary_of(run).left > MOST_ON_A_PAGE:
        return replace(NO_IMPORT, message=str(MORE_TO_APPLY))
    return apply_import(run, by=by, now=now, even_if_stopped=even_if_many)


# --- applying --------------------------------------------------------------------------------------------------------------


def apply_import(
    run: Import,
    *,
    by: Administrator,
    now: datetime,
    even_if_stopped: bool = False,
    progress: Progress = lambda _left: None,
) -> Import | Denied:
    """Do what was planned, or go on with it. A stopped one takes `even_if_stopped`. Never inside a unit."""
    refusal = _refuse(run.directory, by=by)
    if refusal is not None:
        return refusal
    able = [ImportState.PLANNED, ImportState.APPLYING, *([ImportState.STOPPED] if even_if_stopped else [])]
    others = run.directory.imports.exclude(pk=run.pk)
    later = Q(state=ImportState.APPLYING) | Q(state=ImportState.DONE, ended_at__gt=run.began_at)
    if others.filter(later).exists():
        return OVERTAKEN
    if not Import.objects.filter(pk=run.pk, state__in=able).update(state=ImportState.APPLYING):
        return NOT_PLANNED
    left = summary_of(run).left
    while done := _apply_some(run, by=by, now=now):
        left -= done
        progress(max(left, 0))
    run.refresh_from_db()
    return _ended(run, ImportState.DONE, by=by, now=now) if run.state == ImportState.APPLYING else run


def _apply_some(run: Import, *, by: Administrator, now: datetime) -> int:
    """Apply the next steps in one transaction; how many they were. A step that cannot be done any more becomes a conflict."""
    wanted = run.steps.filter(applied=False).exclude(action=Action.CONFLICT)
    steps = list(wanted.order_by("pk")[:AT_ONCE])
    try:
        return len(steps) if _applied(run, steps, by=by, now=now) else 0
    except IntegrityError:
        # Somebody took a name or an id at this very moment: then one by one, so that the others are not held up.
        return sum(_applied_alone(run, one, by=by, now=now) for one in steps)


def _applied_alone(run: Import, step: ImportStep, *, by: Administrator, now: datetime) -> bool:
    try:
        return _applied(run, [step], by=by, now=now)
    except IntegrityError:
        run.steps.filter(pk=step.pk).update(
            action=Action.CONFLICT.value, why=Why.NAME_TAKEN.value, applied=True
        )
        return True


def _applied(run: Import, steps: Sequence[ImportStep], *, by: Administrator, now: datetime) -> bool:
    """Do these steps; not when the import is not the one that is being applied any more."""
    with unit():
        if not Import.objects.select_for_update().filter(pk=run.pk, state=ImportState.APPLYING).exists():
            return False
        # Somebody else may have done some of them.
        steps = list(run.steps.filter(pk__in=[one.pk for one in steps], applied=False))
        by_action = {action: [one for one in steps if one.action == action.value] for action in Action}
        _create(run.directory, by_action[Action.CREATE], by=by, now=now)
        _change(run.directory, by_action[Action.CHANGE], by=by, now=now)
        _switch_off(run.directory, by_action[Action.OFF], by=by, now=now)
        run.steps.filter(pk__in=[one.pk for one in steps]).update(applied=True)
        if steps:
            epoch.bump()
    return True


def _free(
    steps: Sequence[ImportStep], *, refs: Collection[str], names: Mapping[str, str]
) -> list[ImportStep]:
    """The steps whose id and name nobody else has taken since they were compared: `names` holds who has each name, by ref."""
    free, late = list[ImportStep](), list[ImportStep]()
    for step in steps:
        key = key_of(str(step.values.get("name", "")))
        is_taken = step.ref in refs or (bool(key) and names.get(key, step.ref) != step.ref)
        (late if is_taken else free).append(step)
    for step in late:
        step.action, step.why = Action.CONFLICT.value, Why.NAME_TAKEN.value
    ImportStep.objects.bulk_update(late, ["action", "why"])
    return free


def _names_of(steps: Sequence[ImportStep], directory: Directory, *, handed: bool) -> dict[str, str]:
    """The ids of those who have these names; with `handed`, without those whom an administrator handed over and who have none yet."""
    keys = [key_of(str(one.values["name"])) for one in steps if "name" in one.values]
    rows = Person.objects.filter(name_key__in=keys)
    if handed:
        rows = rows.exclude(source=directory, source_ref="")
    found = rows.values_list("name_key", "source_id", "source_ref")
    return {key: ref if source == directory.pk else "" for key, source, ref in found}


def _refs_of(steps: Sequence[ImportStep], directory: Directory) -> set[str]:
    """Which of their ids somebody has."""
    rows = Person.objects.filter(source=directory, source_ref__in=[one.ref for one in steps])
    return set(rows.values_list("source_ref", flat=True))


def _create(directory: Directory, steps: Sequence[ImportStep], *, by: Administrator, now: datetime) -> None:
    if not steps:
        return
    rows = [
        Person(
            **step.values,
            name_key=key_of(str(step.values["name"])),
            tenant=directory.people_tenant,
            directory=directory,
            source=directory,
            source_ref=step.ref,
            entry=step.ref,
        )
        for step in _free(
            steps, refs=_refs_of(steps, directory), names=_names_of(steps, directory, handed=False)
        )
    ]
    for row in Person.objects.bulk_create(rows):
        _record(Event.PERSON_CREATED, row, by=by, now=now, roles=[])


def _change(directory: Directory, steps: Sequence[ImportStep], *, by: Administrator, now: datetime) -> None:
    if not steps:
        return
    steps = _free(steps, refs=(), names=_names_of(steps, directory, handed=True))
    refs = {step.ref: step for step in steps}
    known = _refs_of(steps, directory)
    handed = {key_of(step.name): step for step in steps if step.ref not in known}
    rows = Person.objects.select_for_update(of=("self",)).select_related("tenant")
    found = list(
        rows.filter(Q(source_ref__in=refs) | Q(source_ref="", name_key__in=handed), source=directory)
    )
    fields, voided = set[str](), []
    for row in found:
        step = refs.get(row.source_ref) or handed[row.name_key]
        for name, value in step.values.items():
            setattr(row, name, value)
        row.name_key, row.source_ref, row.changed_at = key_of(row.name), step.ref, now
        if step.values.get("is_active"):
            row.gone_at = None
        fields |= step.values.keys()
        if step.values.keys() - HARMLESS:
            voided.append(row.pk)
        _record(Event.PERSON_CHANGED, row, by=by, now=now, fields=sorted(step.values))
    Person.objects.bulk_update(
        found, sorted(fields | {"name_key", "source_ref", "changed_at", "gone_at"}), batch_size=AT_ONCE
    )
    if voided:
        void(Person.objects.filter(pk__in=voided))


def _switch_off(
    directory: Directory, steps: Sequence[ImportStep], *, by: Administrator, now: datetime
) -> None:
    if not steps:
        return
    rows = Person.objects.select_for_update(of=("self",)).select_related("tenant")
    found = list(rows.filter(source=directory, source_ref__in=[one.ref for one in steps], is_active=True))
    for row in found:
        _record(Event.PERSON_CHANGED, row, by=by, now=now, fields=["is_active"])
    gone = Person.objects.filter(pk__in=[one.pk for one in found])
    gone.update(is_active=False, gone_at=now, changed_at=now)
    void(gone)


def _record(event: Event, person: Person, *, by: Administrator, now: datetime, **details: Any) -> None:
    company = by.company_of_tenant(person.tenant.dbid)
    record(event, origin=by.origin, at=now, company_id=company, subject=person, **details)
