"""Applying an import that was planned: step by step, 500 persons in a transaction, so that one that is killed goes on where it stopped."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from audit.events import Event
from audit.record import record
from configserver.access import Administrator
from configserver.engines.slots import slots
from configserver.models import Directory, Import, ImportState, ImportStep, Person
from configserver.services.importing import (
    BEGUN_ANEW,
    MORE,
    OVERTAKEN,
    WAITING,
    Progress,
    ended,
    give_up,
    plan_import,
    refuse_import,
    summary_of,
    unfinished,
)
from configserver.services.person import HARMLESS
from configserver.services.voiding import void
from configserver.sync import Action, Why
from core import epoch
from core.contacts import key_of
from core.db import unit
from core.deadline import Deadline
from core.outcomes import Denied
from core.throttle import Limit, take

AT_ONCE = 500  # persons in one transaction
NOT_PLANNED = Denied(code="conflict", message=_("This import is not waiting to be applied."))
IMPORTS = Limit(name="directory-imports", tries=10, window=timedelta(minutes=1))
BUSY = Denied(
    code="unavailable", message=_("Too many people are signing in. Try again in a moment."), retry_after=5
)
SECONDS = 40.0  # that somebody waits for a directory to be read
MOST_ON_A_PAGE = 5_000  # entries of an import that somebody waits for


def apply_import(
    run: Import,
    *,
    by: Administrator,
    now: datetime,
    even_if_stopped: bool = False,
    progress: Progress = lambda _left: None,
) -> Import | Denied:
    """Do what was planned, or go on with it. A stopped one takes `even_if_stopped`. Never inside a unit."""
    refusal = refuse_import(run.directory, by=by)
    if refusal is not None:
        return refusal
    with unit():
        # One at a time; and what was compared before this one says nothing of how it is after it.
        Directory.objects.select_for_update().filter(pk=run.directory_id).first()
        others = run.directory.imports.exclude(pk=run.pk)
        if others.filter(state=ImportState.APPLYING).exists():
            return OVERTAKEN
        if not Import.objects.filter(pk=run.pk, state__in=_able(even_if_stopped)).update(
            state=ImportState.APPLYING
        ):
            return NOT_PLANNED
        give_up(others.filter(state__in=WAITING), BEGUN_ANEW, now=now)
    left = summary_of(run).left
    while done := _apply_some(run, by=by, now=now):
        left -= done
        progress(max(left, 0))
    return ended(run, ImportState.DONE, before=ImportState.APPLYING, by=by, now=now)


def _able(even_if_stopped: bool) -> list[ImportState]:
    return [ImportState.PLANNED, ImportState.APPLYING, *([ImportState.STOPPED] if even_if_stopped else [])]


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
        # Whom an administrator has switched off since it was compared stays so.
        values = {
            name: value
            for name, value in step.values.items()
            if name != "is_active" or row.gone_at is not None
        }
        for name, value in values.items():
            setattr(row, name, value)
        written = set(values)
        if not row.source_ref:
            row.source_ref = step.ref
            if row.directory_id is None and not row.password:
                row.directory = directory  # else nobody could prove a password, here or there
                written.add("directory")
            row.entry = step.ref if row.directory_id == directory.pk else row.entry
            written.add("source_ref")
        row.name_key, row.changed_at = key_of(row.name), now
        if "is_active" in values:
            row.gone_at = None
        fields |= values.keys()
        if values.keys() - HARMLESS:
            voided.append(row.pk)
        _record(Event.PERSON_CHANGED, row, by=by, now=now, fields=sorted(written))
    Person.objects.bulk_update(
        found,
        sorted(fields | {"name_key", "source_ref", "entry", "directory", "changed_at", "gone_at"}),
        batch_size=AT_ONCE,
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


def import_people(
    directory: Directory, *, whole: bool, dry_run: bool, even_if_many: bool, by: Administrator, now: datetime
) -> Import | Denied:
    """An import that somebody waits for: read, compare, and unless it is a dry run, stopped or failed, apply. Never inside a unit.

    One that was interrupted goes on instead. More than `MOST_ON_A_PAGE` entries are too many for a wait.
    """
    who = str(by.origin.actor.uid) if by.origin.actor is not None else "installation"
    refusal = refuse_import(directory, by=by) or take(IMPORTS, who, now=now)
    if refusal is not None:
        return refusal
    run = unfinished(directory)
    if run is None:
        with slots().one() as room:
            if not room:
                return BUSY
            planned = plan_import(
                directory, whole=whole, by=by, now=now, most=MOST_ON_A_PAGE, deadline=Deadline.after(SECONDS)
            )
        if isinstance(planned, Denied):
            return planned
        run = planned
    if dry_run or run.state not in _able(even_if_many):
        return run
    if summary_of(run).left > MOST_ON_A_PAGE:
        return Denied(code="invalid", message=_(MORE) % {"most": MOST_ON_A_PAGE})
    return apply_import(run, by=by, now=now, even_if_stopped=even_if_many)
