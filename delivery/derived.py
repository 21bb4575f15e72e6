"""The code or link that a message carries: described in its row, computed from the description when the message is sent."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from core import entropy

PLACEHOLDER = "{secret}"


@dataclass(frozen=True, kw_only=True)
class Derived:
    """Which secret a message carries.

    A `code` fills the template's `code`. A `link` replaces `{secret}` in the context's `url`, and where `digits` is not 0 it also
    fills `short_code`. `purpose` and `id` are those under which `core.entropy` checks what the person brings back.
    """

    kind: Literal["code", "link"]
    purpose: str
    id: str
    digits: int = 0

    def stored(self) -> dict[str, Any]:
        """The description as it stands in the row."""
        return asdict(self)

    def reveal(self, context: Mapping[str, Any]) -> dict[str, Any]:
        """The values that the template needs; the same at every call."""
        if self.kind == "code":
            return {"code": entropy.derived_code(purpose=self.purpose, id=self.id, digits=self.digits)}
        secret = entropy.derived_secret(purpose=self.purpose, id=self.id)
        revealed = {"url": str(context["url"]).replace(PLACEHOLDER, secret)}
        if self.digits:
            revealed["short_code"] = entropy.derived_code(
                purpose=self.purpose, id=self.id, digits=self.digits
            )
        return revealed
