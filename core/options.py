"""Runtime settings: declared beside the rule that they steer, read as an immutable snapshot.

A value comes from the environment (a pin), else the company's active revision, else what stands between (the rules of the company's
tenant), else the global revision, else the default.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from django.core.exceptions import ImproperlyConfigured
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from core.outcomes import Denied
from core.text import is_one_line

MASK = "••••••••"
type_name = {bool: "boolean", int: "integer", str: "string"}
Value = bool | int | str

_registry: dict[str, "Option"] = {}


@dataclass(frozen=True, kw_only=True)
class Option:
    """One runtime setting: its name, type, default, bounds and the sentence that explains it."""

    name: str
    help: str | Promise
    default: Value
    unit: str | Promise = ""
    minimum: int | None = None
    maximum: int | None = None
    choices: tuple[str, ...] = ()
    pattern: str = ""
    company: bool = True  # whether a company may have its own value
    strictest: bool = False  # a company's own value holds only where it is no laxer; `choices` go to strict
    secret: bool = False  # kept sealed, written and never read back
    leads: str = ""  # name of a secret that is sent where this says: whoever changes it knows the secret, too

    @property
    def type(self) -> type:
        """The type of its values: bool, int or str."""
        return type(self.default)

    @property
    def environment_name(self) -> str:
        """The environment variable that pins it."""
        return "OPTION_" + self.name.upper().replace(".", "__").replace("-", "_")

    def parse(self, given: object) -> Value | Denied:
        """The value that `given` (typed, or text of a form or the environment) stands for, or why it cannot be one."""
        if self.type is bool:
            return self._boolean(given)
        if self.type is int:
            return self._integer(given)
        return self._text(given)

    def told(self, value: Value) -> Value:
        """The value as it may be read: of a secret, only whether there is one."""
        return MASK if self.secret and value != "" else value

    def outdoes(self, own: Value, *, above: Value) -> bool:
        """Whether a company's own value holds against the one that stands above it."""
        order: dict[Value, int] = {choice: place for place, choice in enumerate(self.choices)}
        return not self.strictest or order.get(own, -1) >= order.get(above, -1)

    def _refuse(self, sentence: str | Promise) -> Denied:
        return Denied(code="invalid", field=self.name, message=sentence)

    def _boolean(self, given: object) -> Value | Denied:
        if isinstance(given, bool):
            return given
        if isinstance(given, str) and given.lower() in {"true", "on", "1", "false", "off", "0"}:
            return given.lower() in {"true", "on", "1"}
        return self._refuse(_("Choose on or off."))

    def _integer(self, given: object) -> Value | Denied:
        if isinstance(given, str) and re.fullmatch(r"-?[0-9]{1,9}", given.strip()):
            given = int(given)
        low, high = self.minimum, self.maximum
        if (
            not isinstance(given, int)
            or isinstance(given, bool)
            or (low is not None and given < low)
            or (high is not None and given > high)
        ):
            return self._refuse(
                _("Enter a whole number from %(low)s to %(high)s.")
                % {"low": self.minimum, "high": self.maximum}
            )
        return given

    def _text(self, given: object) -> Value | Denied:
        if self.secret and given == MASK:
            return self._refuse(_("This stands for the secret that is kept, and is none itself."))
        if not isinstance(given, str) or len(given) > 500 or not is_one_line(given):
            return self._refuse(_("Enter one line of at most 500 characters."))
        given = given.strip()
        if self.choices and given not in self.choices:
            return self._refuse(_("Choose one of: %(choices)s.") % {"choices": ", ".join(self.choices)})
        if self.pattern and given and not re.fullmatch(self.pattern, given):
            return self._refuse(_("This does not have the right form."))
        return given


def declare(option: Option) -> Option:
    """Add an option to the registry; a name can be declared once."""
    if option.name in _registry:
        raise ValueError(f"{option.name} is declared twice")
    if option.type is int and (option.minimum is None or option.maximum is None):
        raise ValueError(f"{option.name} needs a minimum and a maximum")
    if isinstance(option.parse(option.default), Denied):
        raise ValueError(f"the default of {option.name} breaks its own bounds")
    _registry[option.name] = option
    return option


def declared() -> Mapping[str, Option]:
    """Every option by name, in alphabetical order."""
    return MappingProxyType(dict(sorted(_registry.items())))


class Snapshot(Mapping[str, Value]):
    """The values in force at one moment, for everyone or for one company; it never changes."""

    def __init__(self, values: Mapping[str, Value], *, pinned: frozenset[str]) -> None:
        self._values, self.pinned = dict(values), pinned

    def __getitem__(self, name: str) -> Value:
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def number(self, option: Option) -> int:
        """The value of a whole-number option."""
        return int(self[option.name])

    def text(self, option: Option) -> str:
        """The value of a text option."""
        return str(self[option.name])

    def on(self, option: Option) -> bool:
        """The value of an on/off option."""
        return bool(self[option.name])


def told(name: str, value: Value) -> Value:
    """A value as it may be read, also of a setting that there is no more."""
    option = _registry.get(name)
    return value if option is None else option.told(value)


def pins(environment: Mapping[str, str]) -> dict[str, Value]:
    """The values that the environment pins; one that does not fit stops the start with its reason."""
    pinned: dict[str, Value] = {}
    by_variable = {option.environment_name: option for option in _registry.values()}
    for variable, text in environment.items():
        if not variable.startswith("OPTION_"):
            continue
        option = by_variable.get(variable)
        if option is None:
            raise ImproperlyConfigured(f"{variable} pins a setting that does not exist")
        value = option.parse(text)
        if isinstance(value, Denied):
            raise ImproperlyConfigured(f"{variable}: {value.message}")
        pinned[option.name] = value
    return pinned


def resolve(
    *,
    revised: Mapping[str, Value],
    between: Mapping[str, Value] | None = None,
    company: Mapping[str, Value] | None = None,
    pinned: Mapping[str, Value],
) -> Snapshot:
    """Pure: defaults, over them the global values, those `between`, the company's, and the pins; what no longer fits is left out."""
    values: dict[str, Value] = {}
    for name, option in declared().items():
        values[name] = option.default
        own = company if option.company and company else {}
        for layer in (revised, between or {}, own, pinned):
            if name in layer:
                parsed = option.parse(layer[name])
                if not isinstance(parsed, Denied) and (
                    layer is not own or option.outdoes(parsed, above=values[name])
                ):
                    values[name] = parsed
    return Snapshot(values, pinned=frozenset(pinned))
