"""Attempts at more than one has, over REST and in the administration, and how a refusal has to look at either door."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.utils import timezone

from accounts.models import Session, User
from accounts.principal import rights_of
from audit.events import Event
from audit.models import AuditEvent
from configserver import forms_package, services
from configserver import models as outside
from configserver.directory import Directory
from configserver.models import Person, SolutionPackage, Tenant
from configserver.services import Plan
from tenants.actor import system_actor
from tenants.models import Company, Permission, Privilege, Role
from tenants.rights import Everywhere
from tests import directory
from tests.isolation.cases import filled, form_of, shown_in
from tests.isolation.database import changes, state
from tests.isolation.them import Them
from tests.isolation.visits import Call, Visitor

# The resource and the page of each class.
PLACES: Mapping[type[Any], tuple[str, str]] = {
    User: ("users", "accounts/user"),
    Session: ("sessions", "accounts/session"),
    Role: ("roles", "tenants/role"),
    Permission: ("permissions", "tenants/permission"),
    Company: ("companies", "tenants/company"),
    Privilege: ("privileges", "tenants/privilege"),
    Person: ("persons", "configserver/person"),
    Tenant: ("tenants", "configserver/tenant"),
    Directory: ("directories", "configserver/directory"),
    outside.Role: ("directory-roles", "configserver/role"),
    outside.Permission: ("directory-permissions", "configserver/permission"),
    SolutionPackage: ("solution-packages", "configserver/solutionpackage"),
}
# Verbs that have another name on a page.
PAGES = {
    "": "change",
    "password": "set_password",
    "forget-entry": "forget_entry",
    "rollback": "roll_back",
    "reset-factors": "turn_off_factors",
    "lock-down": "lock_down",
    "temporary-code": "temporary_code",
    "end-recovery": "end_recovery",
    "forget-devices": "forget_devices",
}


class _Nobody(Them):
    """Nothing to fill empty fields with: what is empty stays so."""

    def pk(self, kind: str) -> int:
        return 0


def _id(value: Any) -> Any:
    if isinstance(value, list):
        return [_id(one) for one in value]
    return str(value.uid) if hasattr(value, "uid") else value


def _pk(value: Any) -> Any:
    if isinstance(value, list):
        return [_pk(one) for one in value]
    return "" if value is None else value.pk if hasattr(value, "pk") else value


def _in_json(model: type[Any], name: str, value: Any) -> tuple[str, Any]:
    """A value as the API takes it, which names some things otherwise than by their id."""
    if (model, name) == (Person, "tenant"):
        return "tenant_dbid", value.dbid
    if (model, name) == (Person, "roles"):
        return name, [role.name for role in value]
    if name == "groups":
        return name, [{"group": text, "role": str(role.uid)} for text, role in value]
    if name == "tenant_values":
        return name, [{"value": text, "tenant": str(tenant.uid)} for text, tenant in value]
    if (model, name) == (outside.Role, "privileges"):
        return name, [{"application": application, "name": one} for application, one in value]
    if name == "servers":
        return name, value.split()
    return name, _id(value)


def _in_a_form(model: type[Any], name: str, value: Any) -> tuple[str, Any]:
    """A value as a form takes it: what is a list in the API is lines of text there."""
    if name == "password":
        return "new_password", value
    if name == "groups":
        return name, "\n".join(f"{text} => {role.name}" for text, role in value)
    if name == "tenant_values":
        return name, "\n".join(f"{text} => {tenant.dbid}" for text, tenant in value)
    if (model, name) == (outside.Role, "privileges"):
        return name, "\n".join(f"{application}: {one}" for application, one in value)
    return name, "on" if value is True else "" if value is False else _pk(value)


@dataclass(frozen=True)
class Attempt:
    """What somebody tries: to change `what`, or (a class) to make one, with these values; `does` names another verb than changing."""

    what: Any
    values: Mapping[str, Any]
    does: str = ""

    @property
    def _is_new(self) -> bool:
        return isinstance(self.what, type)

    @property
    def _model(self) -> type[Any]:
        found: type[Any] = self.what if self._is_new else type(self.what)
        return found

    def over_rest(self) -> Call:
        """The attempt as a call of the API."""
        path = f"/api/v1/{PLACES[self._model][0]}/"
        data = dict(_in_json(self._model, name, value) for name, value in self.values.items())
        if self._is_new:
            return Call("POST", path, data=data.get("file", data))
        if self.does in {"delete", "end"}:
            return Call("DELETE", f"{path}{self.what.uid}/")
        verb = self.does and f"{self.does}/"
        return Call("POST" if self.does else "PATCH", f"{path}{self.what.uid}/{verb}", data=data)

    def in_the_administration(self, visitor: Visitor) -> Call:
        """The attempt as the form that a browser would send."""
        page = PAGES.get(self.does, self.does)
        where = "add" if self._is_new else f"{self.what.pk}/{page}"
        path = f"/admin/{PLACES[self._model][1]}/{where}/"
        if "file" in self.values:
            return Call("POST", path, data={"held": _held(self.values["file"], visitor)})
        if self.does == "rollback":
            return Call("POST", path, data={"seen": _seen(self.what)})
        query = (("protocol", "ldap"),) if self._model is Directory and self._is_new else ()
        data = self._untouched(visitor, Call("GET", path, query))
        if self._is_new and self._model not in outside_models():
            data = {"kind": "delivery", "reach": "own"}
        data |= dict(_in_a_form(self._model, name, value) for name, value in self.values.items())
        return Call("POST", path, query, data=data)

    def _untouched(self, visitor: Visitor, page: Call) -> dict[str, Any]:
        form = form_of(visitor, page.url)
        if form is None:
            return {"confirmed": "1"}
        # In the forms about the Configuration Server an empty field has a meaning of its own.
        return shown_in(form) if self._model in outside_models() else filled(form, _Nobody())


def outside_models() -> set[type[Any]]:
    """The classes that the Configuration Server keeps."""
    return {model for model in PLACES if model._meta.app_label == "configserver"}


def _seen(package: SolutionPackage) -> str:
    """By what the page that rolls a package back knows again what it has shown."""
    plan = services.plan_roll_back(package, by=system_actor())
    assert isinstance(plan, Plan), plan
    return plan.seen


def _held(data: bytes, visitor: Visitor) -> str:
    """The text by which the page of a package knows again what somebody has looked at."""
    plan = services.plan_package(data, by=system_actor())
    assert isinstance(plan, Plan), plan
    assert visitor.user is not None
    held = forms_package.hold(
        forms_package.Held(data=data, seen=plan.seen), person=str(visitor.user.uid), now=timezone.now()
    )
    assert held is not None
    return held


def twin(user: User, *, tenant: Tenant, name: str) -> User:
    """Somebody kept in the Configuration Server to whom the sign-in gave just what this person has."""
    rights = rights_of(user)
    role = directory.role(f"All of {name}", rank=rights.rank, privileges=sorted(rights.privileges))
    for kind, companies in rights.reach.items():
        reach = "every" if isinstance(companies, Everywhere) else "own"
        outside.Permission.objects.create(role=role, kind=kind, reach=reach)
    person = directory.person(name, tenant=tenant, password=f"{name} walks by the sea", roles=[role])
    return directory.shadow(person, password=f"{name} walks by the sea")


def _trespasses(visitor: Visitor) -> int:
    assert visitor.user is not None
    return AuditEvent.objects.filter(event=Event.REFUSED, actor_uid=str(visitor.user.uid)).count()


def refused_over_rest(attempt: Attempt, visitor: Visitor) -> None:
    """It changes nothing, and is written down."""
    call, before = attempt.over_rest(), state()
    answer = visitor.send(call)
    assert changes(before, state()) == []
    assert answer.status in {400, 403, 404, 409}, answer.text
    if answer.status == 403:
        assert _trespasses(visitor) == 1


def refused_in_the_administration(attempt: Attempt, visitor: Visitor) -> None:
    """The page comes again with a sentence and it is written down; or there is no such form for this person."""
    call, before = attempt.in_the_administration(visitor), state()
    answer = visitor.send(call)
    assert changes(before, state()) == []
    assert answer.status in {200, 403, 404}, answer.text
    unseen = answer.status == 404 or "is not one of the available choices" in answer.text
    assert unseen or _trespasses(visitor) == 1, answer.text
    assert answer.status != 200 or "errornote" in answer.text


Attempts = dict[str, Callable[[Any], Attempt]]
