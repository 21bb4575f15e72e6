"""What is asked of a person at sign-in: whether a second factor, and by which ways it may be given."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from accounts.models import User
from accounts.principal import bounding_rights_of, roles_of
from core.options import Snapshot
from tenants.roles import RoleGiven
from tenants.settings import snapshot
from twofactor.methods import kind_of
from twofactor.models import FactorKind
from twofactor.options import EMAIL_FIELD, GENERATION, NO_CONTACT, PHONE_FIELD, POLICY
from twofactor.policy import allowed, is_needed, offered, stands, strictest


@dataclass(frozen=True, kw_only=True)
class Provided:
    """What the organisation has for one person: ways by the kind, each with its name as the person knows it."""

    ways: Sequence[tuple[str, str]] = field(default=())  # (way, label)
    unknown: bool = False  # whoever knows it did not answer

    @property
    def kinds(self) -> set[str]:
        """The kinds of them."""
        return {kind_of(way) for way, _label in self.ways}


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What is asked of one person: the policy, whether a second factor is needed, by which ways, and what happens with none."""

    policy: str
    needed: bool
    methods: tuple[str, ...]
    without_method: str


def turned_on(user: User) -> list[str]:
    """The kinds of factors that the person turned on."""
    return [kind for kind in user.factor_kinds.split(",") if kind]


def policy_for(user: User) -> str:
    """The strictest of the global policy, the company's and those of the person's roles."""
    return _policy(user, roles_of(user))


def _policy(user: User, roles: Iterable[RoleGiven]) -> str:
    return strictest([snapshot(user.company_id).text(POLICY), *(role.twofactor_policy for role in roles)])


def contact_fields(settings: Snapshot) -> dict[str, str]:
    """The fields of a person that hold addresses for codes, by the kind of code; those that the settings leave."""
    fields = {FactorKind.EMAIL.value: EMAIL_FIELD, FactorKind.SMS.value: PHONE_FIELD}
    return {kind: name for kind, option in fields.items() if (name := settings.text(option)) != "none"}


def verified_contacts(user: User, settings: Snapshot) -> list[str]:
    """The addresses of the person to which codes may go, by the kind of code."""
    fields = contact_fields(settings)
    return [
        kind for kind, name in fields.items() if getattr(user, name) and getattr(user, f"{name}_verified_at")
    ]


def enrollable(user: User, settings: Snapshot, *, proved_by: str = "") -> list[str]:
    """What somebody without any way may turn on at sign-in, on the strength of the first proof: nothing that is not his already.

    `proved_by` is the kind of contact that was the first proof, if one was: it is no second one.
    """
    possible = allowed(settings.text(GENERATION))
    fields = contact_fields(settings)
    fields.pop(proved_by, None)
    found = [kind for kind, name in fields.items() if kind in possible and getattr(user, name)]
    # Anybody's app would do, so only where there is nothing of the person's own to prove, and nothing that was turned on.
    if not found and FactorKind.TOTP in possible and not stands(turned_on(user)):
        found.append(FactorKind.TOTP.value)
    return found


def ways_of(user: User, settings: Snapshot, *, provided: Provided) -> tuple[str, ...]:
    """The ways by which this person may prove it, the one to propose first."""

    def offered_with(provided_kinds: set[str]) -> tuple[str, ...]:
        return offered(
            turned_on=turned_on(user),
            verified=verified_contacts(user, settings),
            provided=provided_kinds,
            permitted=allowed(settings.text(GENERATION)),
            first=(user.preferred_factor, user.last_factor),
        )

    kinds = offered_with(provided.kinds)
    if FactorKind.WEBSERVICE in provided.kinds and bounding_rights_of(user).may_open_admin:
        # Its address is a setting of the company: who may change it is no second factor of another administrator who has one of his own.
        kinds = offered_with(provided.kinds - {FactorKind.WEBSERVICE}) or kinds
    found: list[str] = []
    for kind in kinds:
        of_organisation = [way for way, _label in provided.ways if kind_of(way) == kind]
        found += of_organisation or [kind]
    return tuple(found)


def is_asked(user: User, *, roles: Iterable[RoleGiven]) -> bool:
    """Whether a second factor is needed."""
    return needs_factor(user, _policy(user, roles))


def needs_factor(user: User, policy: str) -> bool:
    """Whether this policy asks this person for a second factor; recovery codes alone are none."""
    return is_needed(policy, turned_on=stands(turned_on(user)))


def asked_of(user: User, *, roles: Iterable[RoleGiven], provided: Provided | None = None) -> Asked:
    """What is asked of this person, who has these roles, at sign-in."""
    policy, settings = _policy(user, roles), snapshot(user.company_id)
    return Asked(
        policy=policy,
        needed=needs_factor(user, policy),
        methods=ways_of(user, settings, provided=provided or Provided()),
        without_method=settings.text(NO_CONTACT),
    )
