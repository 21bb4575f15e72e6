"""One file for each method, behind one contract (`base.Method`)."""

from collections.abc import Mapping

from accounts.models import User
from twofactor.methods.base import Method
from twofactor.methods.passkey import Passkey
from twofactor.methods.radius import Radius
from twofactor.methods.recovery import Recovery
from twofactor.methods.sent import Email, Sms
from twofactor.methods.totp import Totp
from twofactor.methods.webservice import WebService
from twofactor.models import FactorKind

_ALL: tuple[Method, ...] = (Email(), Sms(), Totp(), Passkey(), WebService(), Radius(), Recovery())
METHODS: Mapping[str, Method] = {method.kind.value: method for method in _ALL}


def kind_of(way: str) -> str:
    """The kind of a way that a person chose: a service may have several ways, as in “webservice:app”."""
    return way.partition(":")[0]


def address_of(way: str, user: User) -> str:
    """Where the code of a way goes; of a service's way, the name that the service has for it."""
    return way.partition(":")[2] or method_of(way).address(user)


def method_of(way: str) -> Method:
    """The method of a way; raises KeyError for none that there is."""
    return METHODS[kind_of(way)]


def name_of(way: str) -> str:
    """What a way is called: the words of its kind."""
    return str(FactorKind(kind_of(way)).label)


def label_of(way: str, user: User) -> str:
    """What tells a way from others of its kind: an address, masked; empty where there is nothing to tell."""
    return str(method_of(way).label(user))
