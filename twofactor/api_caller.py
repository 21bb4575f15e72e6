"""Who changes what is his own over REST."""

from django.utils import timezone
from rest_framework.request import Request

from accounts.principal import Principal
from core.api import caller
from core.refusals import Refused
from twofactor.services.recent import refuse_unproved


def principal_of(request: Request) -> Principal:
    """The person who calls; only for views that let nobody else in."""
    principal = caller(request)
    assert isinstance(principal, Principal)  # noqa: S101  # a view for signed-in people
    return principal


def confirmed(request: Request) -> Principal:
    """The same, who has proved recently who he is; raises Refused (`confirm_first`)."""
    principal = principal_of(request)
    if (denied := refuse_unproved(principal.session, now=timezone.now())) is not None:
        raise Refused(denied)
    return principal
