"""Pure: which policy holds, whether it asks for a second factor, and by which methods it may be given."""

from collections.abc import Collection, Iterable

STRICTNESS = ("off", "optional", "required")  # from lax to strict
CONTACTS = frozenset({"email", "sms"})  # proved by what was sent to a verified address
PROVIDED = frozenset({"webservice", "radius"})  # by the organisation, for whom it has them
EXTERNAL = PROVIDED | {"totp"}  # somebody else than the portal makes the code
STRONG = EXTERNAL | {"passkey"}
SPARE = "recovery"  # proves it, but is nobody's only second factor
ORDER = ("passkey", "totp", "webservice", "radius", "email", "sms", SPARE)


def strictest(policies: Iterable[str]) -> str:
    """The strictest of these policies; an empty one says nothing."""
    return max((one for one in policies if one), key=STRICTNESS.index, default="off")


def stands(kinds: Iterable[str]) -> bool:
    """Whether any of these is a second factor by itself, which recovery codes are not."""
    return any(kind != SPARE for kind in kinds)


def is_needed(policy: str, *, turned_on: bool) -> bool:
    """Whether a second factor is asked for: always when required, of those who turned it on when optional."""
    return policy == "required" or (policy == "optional" and turned_on)


def allowed(generation: str) -> frozenset[str]:
    """The methods that the setting TwoFactor.CodeGeneration leaves; passkeys and recovery codes always."""
    shut = {"internal": EXTERNAL, "external": CONTACTS}.get(generation, frozenset())
    return frozenset(ORDER) - shut


def offered(
    *,
    turned_on: Collection[str],
    verified: Collection[str],
    provided: Collection[str],
    permitted: Collection[str],
    first: Iterable[str] = (),
) -> tuple[str, ...]:
    """The kinds by which a person may prove it, the one to propose first.

    Verified contacts count without being turned on, for whoever chose nothing: whoever turned an app or a passkey on, or one of
    several contacts, is not let in by a mailbox that he did not choose. What the organisation provides counts for everybody for
    whom it has it. `first` are the ones preferred and last used.
    """
    on = set(turned_on) & set(permitted)
    contacts = set(verified) & set(permitted)
    if on & STRONG or contacts & on:
        contacts &= on
    kinds = contacts | (on - CONTACTS) | (set(provided) & set(permitted))
    # What the organisation provides is there only while it does.
    kinds -= PROVIDED - set(provided)
    rank = [*(one for one in first if one != SPARE), *ORDER]
    return tuple(sorted(kinds, key=rank.index))
