"""A request of SCIM that cannot be done, with what its answer says (RFC 7644, 3.12)."""

from typing import Any

from core.middleware import SCIM_ERROR


class ScimError(Exception):
    """Raised where a request is read; the door answers it. `scim_type` is one of the words of RFC 7644, table 9."""

    def __init__(self, status: int, detail: str, *, scim_type: str = "") -> None:
        super().__init__(detail)
        self.status, self.detail, self.scim_type = status, detail, scim_type

    def body(self) -> dict[str, Any]:
        """The body of the answer."""
        kind = {"scimType": self.scim_type} if self.scim_type else {}
        return {"schemas": [SCIM_ERROR], "status": str(self.status), **kind, "detail": self.detail}


def invalid(detail: str) -> ScimError:
    """A value of the wrong type or form."""
    return ScimError(400, detail, scim_type="invalidValue")


def fixed(name: str) -> ScimError:
    """A change of what is not for the caller to change."""
    return ScimError(400, f"{name} is not for you to change.", scim_type="mutability")
