"""The words of administrators who have made sure of somebody, and whether they are enough."""

from datetime import datetime

from login.models import HelpRequest
from twofactor.services.two_persons import is_standing, needed_for


def standing(request: HelpRequest) -> int:
    """How many administrators' words still count."""
    answers = request.answers.select_related("by")
    return sum(is_standing(one.by, version=one.version, on=request.user, verb="help") for one in answers)


def is_enough(request: HelpRequest, *, now: datetime) -> bool:
    """Whether they let the person in, as he and they are now."""
    return standing(request) >= needed_for(request.user, now=now)
