"""What the worker runs for co-browse."""

from celery import shared_task
from django.utils import timezone

from cobrowse import validity
from cobrowse.sessions import life


@shared_task(name="cobrowse.compare")
def compare() -> int:
    """Compare the agent tokens of every company; how many have something amiss."""
    return validity.compare_all(now=timezone.now())


@shared_task(name="cobrowse.end-lapsed")
def end_lapsed() -> int:
    """End in the books the sessions that are over by themselves; how many."""
    return life.end_lapsed(now=timezone.now())
