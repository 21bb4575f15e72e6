"""Forms of the administration about tenants, roles and permissions of the Configuration Server."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from django import forms
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as __

from configserver import tree
from configserver.inheritance import Source, Standing, standing
from configserver.models import ENVIRONMENT_DBID, Permission, Role, Tenant
from configserver.options import tenant_rules
from core.admin_forms import VerbForm
from core.option_fields import bounds_of, field_of, shown, typed
from core.options import Option, Snapshot


def source_in_words(found: Standing, rule: Option, *, here: int, names: dict[int, str]) -> str:
    """Where the value of a rule comes from, on the page of the tenant with the DBID `here`."""
    if found.source is Source.PINNED:
        return _("pinned by the environment (%(name)s)") % {"name": rule.environment_name}
    if found.source is Source.SETTINGS:
        return _("from ENVIRONMENT, whose rules are the settings")
    if found.source is Source.DEFAULT:
        return _("the default")
    if found.dbid == here:
        return (
            _("set here")
            if found.source is Source.TENANT
            else _("the default, for this tenant takes nothing from above")
        )
    words = (
        _("from the tenant %(name)s")
        if found.source is Source.TENANT
        else _("the default, for the tenant %(name)s takes nothing from above")
    )
    return words % {"name": names.get(found.dbid or 0, "–")}


def _silent(links: Sequence[tree.Link], name: str) -> list[tree.Link]:
    """The chain as it would be if its first tenant did not say this rule."""
    first = links[0]
    said = {one: value for one, value in first.rules.items() if one != name}
    return [replace(first, rules=said), *links[1:]]


class TenantForm(VerbForm):
    """A tenant; `with_rules` says whether its rules about passwords have fields, of which an empty one takes what stands above."""

    environment: Snapshot  # the rules of ENVIRONMENT
    with_rules: bool  # both are set on the class that the admin makes for a request

    class Meta:
        model = Tenant
        fields = ("dbid", "name", "parent", "is_active", "library", "directory", "enforce", "inherits")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.dbid == ENVIRONMENT_DBID:
            self._say_nothing_above()
        if self.with_rules:
            self._add_rules(self.instance)

    def _say_nothing_above(self) -> None:
        for name, words in (
            ("library", _("nothing said: the Configuration Server itself")),
            ("enforce", _("nothing said: only for persons with an external id")),
        ):
            field: Any = self.fields.get(name)
            if field is not None:
                field.choices = [(value, label if value else words) for value, label in field.choices]

    def _add_rules(self, tenant: Tenant) -> None:
        links = tree.chain_now(tenant.pk)
        rows = Tenant.objects.filter(pk__in=[link.pk for link in links])
        names = dict(rows.values_list("dbid", "name"))
        for name, rule in tenant_rules().items():
            here = standing(rule, links, self.environment)
            above = standing(rule, _silent(links, name), self.environment)
            as_above = _("As above: %(value)s") % {"value": shown(rule, above.value)}
            field = field_of(rule, above=above.value, as_above=as_above)
            field.initial = typed(tenant.rules.get(name))
            field.disabled = here.source is Source.PINNED
            facts = _("In force: %(value)s, %(source)s.") % {
                "value": shown(rule, here.value),
                "source": source_in_words(here, rule, here=tenant.dbid, names=names),
            }
            if here != above:
                facts += " " + _("Empty: %(value)s.") % {"value": shown(rule, above.value)}
            words = '{} {}<span class="gh-facts">{} <code>{}</code></span>'
            field.help_text = format_html(words, rule.help, bounds_of(rule), facts, name)
            self.fields[name] = field


class PrivilegesField(forms.CharField):
    """Privileges, one a line: the application, a colon, and the name."""

    widget = forms.Textarea(attrs={"rows": 12, "class": "vLargeTextField", "spellcheck": "false"})

    def prepare_value(self, value: Any) -> Any:
        """Privileges as lines; what was typed stays as it was typed."""
        return value if isinstance(value, str) or value is None else "\n".join(map(str, value))

    def clean(self, value: Any) -> Any:
        """Pairs of application and name."""
        pairs, wrong = [], []
        for number, text in enumerate(str(super().clean(value)).splitlines(), 1):
            application, _colon, name = (part.strip() for part in text.partition(":"))
            if application and name:
                pairs.append((application, name))
            elif text.strip():
                wrong.append(number)
        if wrong:
            raise forms.ValidationError(
                _("Write “Application: Name” on each line. This is missing on line %(lines)s.")
                % {"lines": ", ".join(map(str, wrong[:5]))}
            )
        return pairs


class RoleForm(VerbForm):
    """A role with its privileges."""

    privileges = PrivilegesField(
        label=__("Privileges"),
        required=False,
        max_length=500_000,
        help_text=__(
            "One a line, as “Application: Name”. Of other systems you can give any; of this portal only those that you have."
        ),
    )

    class Meta:
        model = Role
        fields = ("name", "rank", "description", "privileges")


class PermissionForm(VerbForm):
    """A permission; a kind of object that the portal does not know is shown as it is."""

    class Meta:
        model = Permission
        fields = ("person", "role", "kind", "reach", "tenant")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        kind = self.instance.kind
        field: Any = self.fields.get("kind")
        if kind and field is not None and kind not in dict(field.choices):
            field.choices = [*field.choices, (kind, kind)]
