"""Misuse and faults. What a person may bring about by typing is never here: that is a `Denied`."""


class PortalError(Exception):
    """A fault with a stable code and the HTTP status that stands for it."""

    def __init__(self, code: str, *, status: int = 500, detail: str = "") -> None:
        super().__init__(detail or code)
        self.code, self.status, self.detail = code, status, detail


class Unavailable(PortalError):  # noqa: N818  # it names what is so, not what went wrong
    """A part that we cannot do without does not answer; nothing was changed."""

    def __init__(self, detail: str = "") -> None:
        super().__init__("unavailable", status=503, detail=detail)
