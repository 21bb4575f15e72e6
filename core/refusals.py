"""How a refusal leaves a view: carried to the one place that knows its status, after every transaction is done."""

from typing import Any, TypeVar

from rest_framework.exceptions import APIException

from core.outcomes import Denied

Result = TypeVar("Result")


class Refused(APIException):
    """Carries a `Denied` to `portal.api`. Raised in views alone: in a verb it would undo the transaction that wrote it down."""

    def __init__(self, denied: Denied, **more: Any) -> None:
        super().__init__(detail=str(denied.message), code=denied.code)
        self.denied = denied
        self.more = more  # further members of the problem document


def settled(result: Result | Denied) -> Result:
    """What a verb gave; raises Refused when it refused."""
    if isinstance(result, Denied):
        raise Refused(result)
    return result
