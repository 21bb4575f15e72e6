"""Whether the two applications of a company hold the same token: compared at start, every hour, and with every change (mission C3).

What came of it stands on both applications; a mismatch is a warning in the log.
"""

import logging
from collections.abc import Iterable
from datetime import datetime
from itertools import groupby
from operator import attrgetter

from audit.events import Event
from audit.record import Origin, record
from cobrowse.catalogue import TOKEN_OF
from cobrowse.models import Application, ApplicationType, Validity
from cobrowse.tokens import UNREADABLE, print_of
from core.db import unit

logger = logging.getLogger("cobrowse")
CHUNK = 500
# What somebody has to look after; that authentication is off is told wherever it is off, and that is no mistake of anybody's.
TROUBLES = frozenset(
    {Validity.MISMATCH, Validity.WORKSPACE_MISSING, Validity.CLUSTER_MISSING, Validity.UNREADABLE}
)


def validity_of(cluster: str, workspace: str) -> Validity:
    """What two fingerprints say of each other; empty where there is no token."""
    if UNREADABLE in {cluster, workspace}:
        return Validity.UNREADABLE
    if not cluster:
        return Validity.CLUSTER_MISSING if workspace else Validity.OFF
    if not workspace:
        return Validity.WORKSPACE_MISSING
    return Validity.VALID if cluster == workspace else Validity.MISMATCH


def compare(company_id: int, *, origin: Origin, now: datetime) -> Validity:
    """Inside a unit: compare the tokens of this company's applications and write down what came of it."""
    # Held to the end: of two changes at once, the second one compares what the first one wrote.
    rows = Application.objects.select_for_update().filter(company=company_id)
    applications = list(rows.order_by("pk").prefetch_related("options"))
    found = _compared(applications)
    changed = [one for one in applications if one.validity != found]
    Application.objects.filter(company=company_id).update(validity=found, checked_at=now)
    _warn(found, applications)
    if changed:
        record(
            Event.TOKENS_COMPARED,
            origin=origin,
            at=now,
            company_id=company_id,
            subject=changed[0],
            outcome=found.value,
        )
    return found


def compare_all(*, now: datetime) -> int:
    """Compare those of every company; how many have something amiss. Where nothing changed, one statement notes it for all."""
    rows = Application.objects.order_by("company", "pk").prefetch_related("options")
    amiss, others = 0, []
    for company_id, group in groupby(rows.iterator(chunk_size=CHUNK), key=attrgetter("company_id")):
        applications = list(group)
        found = _compared(applications)
        if any(one.validity != found for one in applications):
            others.append(company_id)
            continue
        _warn(found, applications)
        amiss += found in TROUBLES
    Application.objects.exclude(company__in=others).update(checked_at=now)
    for company_id in others:
        with unit():
            amiss += compare(company_id, origin=Origin(), now=now) in TROUBLES
    return amiss


def _compared(applications: Iterable[Application]) -> Validity:
    """What the tokens of one company's applications say of each other; their options are fetched."""
    prints = dict.fromkeys(ApplicationType.values, "")
    for one in applications:
        kind = TOKEN_OF[one.type]
        named = (option for option in one.options.all() if option.path == kind.path)
        prints[one.type] = print_of(next(named, None))
    return validity_of(prints[ApplicationType.CLUSTER], prints[ApplicationType.WORKSPACE])


def _warn(found: Validity, applications: Iterable[Application]) -> None:
    if found in TROUBLES:
        uids = ", ".join(str(one.uid) for one in applications)
        logger.warning("cobrowse.token.compared: %s (applications %s)", found.value, uids)
