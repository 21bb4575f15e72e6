"""Many who write at once: the trail does not fork, and nobody waits for each other for ever."""

import pytest

from audit.models import AuditEvent
from audit.verify import verify
from core.models import Epoch
from tests.faults.database import deadlocks
from tests.faults.figures import soak_seconds, told
from tests.faults.writers import EVENTS, write_for
from tests.services.database import environment

pytestmark = [pytest.mark.postgresql_only, pytest.mark.django_db(transaction=True)]


def test_twelve_writers_in_two_processes_never_fork_the_chain() -> None:
    version = Epoch.objects.filter(pk=1).values_list("version", flat=True).first() or 1
    figures = write_for(soak_seconds(4), environment=environment())
    told(str(figures))
    events = AuditEvent.objects.count()
    assert events == figures.commits * EVENTS
    assert AuditEvent.objects.values("mac").distinct().count() == events
    verdict = verify()
    assert (verdict.rows, verdict.broken_at) == (events, None)
    assert Epoch.objects.get(pk=1).version == version + figures.commits
    rows = iter(AuditEvent.objects.order_by("id").values_list("details__writer", "details__turn"))
    last: dict[str, int] = {}
    for begun, sent in zip(rows, rows, strict=True):  # what belongs together stands together, in its order
        assert begun == sent
        assert begun[1] == last.get(begun[0], 0) + 1
        last[begun[0]] = begun[1]
    assert len(last) == 12
    assert deadlocks() == 0
