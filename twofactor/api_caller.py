"""Who changes what is his own over REST."""

from django.utils import timezone
from rest_framework.request import Request

from accounts.authentication import principal_of
from accounts.principal import Principal
from core.refusals import Refused
from twofactor.services.recent import refuse_unproved


def confirmed(request: Request, *, adds: bool = False) -> Principal:
    """The person who calls and has proved recently who he is; raises Refused. `adds`: what is asked for is a way to prove it."""
    principal = principal_of(request)
    if (denied := refuse_unproved(principal.session, now=timezone.now(), adds=adds)) is not None:
        raise Refused(denied)
    return principal
