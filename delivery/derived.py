"""The code or link that a message carries: described in its row, computed from the description when the message is sent."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from core import entropy
from core.errors import PortalError

PLACEHOLDER = "{secret}"


@dataclass(frozen=True, kw_only=True)
class Derived:
    """Which secret a message carries.

    A `code` fills the template's `code`. A `link` replaces `{secret}` in the context's `url` by a token, which is signed from `claims`
    when it is sent, and where `digits` is not 0 it also fills `short_code`. `purpose` and `id` are those under which what the person
    brings back is checked.
    """

    kind: Literal["code", "link"]
    purpose: str
    id: str
    digits: int = 0
    claims: Mapping[str, Any] = field(default_factory=dict)

    def stored(self) -> dict[str, Any]:
        """The description as it stands in the row."""
        return asdict(self)

    def reveal(self, context: Mapping[str, Any]) -> dict[str, Any]:
        """The values that the template needs; as good at every call."""
        if self.kind == "code":
            return {"code": entropy.derived_code(purpose=self.purpose, id=self.id, digits=self.digits)}
        revealed = {"url": str(context["url"]).replace(PLACEHOLDER, _signed(self))}
        if self.digits:
            revealed["short_code"] = entropy.derived_code(
                purpose=self.purpose, id=self.id, digits=self.digits
            )
        return revealed


_signers: list[Callable[[Derived], str]] = []


def sign_links(by: Callable[[Derived], str]) -> None:
    """Have the tokens of links signed by this: keys and tokens are known further up (`accounts.tokens`)."""
    _signers[:] = [by]


def _signed(link: Derived) -> str:
    if not _signers:
        raise PortalError("no_signer", detail="Nobody signs the tokens of links.")
    return _signers[0](link)
