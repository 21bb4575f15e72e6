"""The form of all settings, made from their declarations."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as __

from core.option_fields import bounds_of, field_of, shown, typed, words_of
from core.options import Option, Value, declared
from tenants import settings
from tenants.models import Company, SettingsRevision


class SettingsForm(forms.Form):
    """Every setting of a company, or of everywhere; an empty field means the value that stands above."""

    revision = forms.IntegerField(widget=forms.HiddenInput, min_value=0)
    reason = forms.CharField(
        label=__("Reason"),
        max_length=300,
        widget=forms.TextInput(attrs={"class": "vTextField"}),
        help_text=__("Why you change this. It stands beside the revision and in the audit events."),
    )

    def __init__(self, data: Any = None, *, company: Company | None, locked: bool) -> None:
        newest = SettingsRevision.objects.filter(company=company).order_by("-number").first()
        self.number = newest.number if newest else 0
        super().__init__(data, initial={"revision": self.number})
        self._company = company
        self._own: dict[str, Value] = dict(newest.values) if newest else {}
        everywhere: Mapping[str, Value] = settings.active(None) if company is not None else {}
        # The rules of the company's tenant stand between its own values and those for everywhere.
        self._between: Mapping[str, Value] = settings.of_tenant(company.pk) if company is not None else {}
        pinned = settings.pinned()
        self.options = {name: one for name, one in declared().items() if company is None or one.company}
        for name, option in self.options.items():
            above = self._between.get(name, everywhere.get(name, option.default))
            field = self._field(option, above)
            field.initial = "" if option.secret else typed(pinned.get(name, self._own.get(name)))
            field.disabled = locked or name in pinned
            field.help_text = self._explained(
                option, above=above, everywhere=name in everywhere, pinned=pinned.get(name)
            )
            self.fields[name] = field
        if locked:
            del self.fields["reason"]

    def _field(self, option: Option, above: Value) -> forms.Field:
        words = _("Default: %(value)s") if self._company is None else _("As everywhere: %(value)s")
        if option.name in self._between:
            words = _("As the company's tenant says: %(value)s")
        return field_of(option, above=above, as_above=words % {"value": shown(option, above)})

    def _explained(self, option: Option, *, above: Value, everywhere: bool, pinned: Value | None) -> str:
        if pinned is not None:
            facts = _("In force: %(value)s, pinned by the environment (%(name)s).") % {
                "value": shown(option, pinned),
                "name": option.environment_name,
            }
        elif option.name in self._own and not option.outdoes(self._own[option.name], above=above):
            facts = _("In force: %(above)s, as everywhere, for it is stricter than %(value)s, set here.") % {
                "value": shown(option, self._own[option.name]),
                "above": shown(option, above),
            }
        elif option.name in self._own:
            words = _("In force: %(value)s, set here. Empty: %(above)s.")
            if option.secret:
                words = _("In force: %(value)s, set here. Empty: it stays.")
            facts = words % {
                "value": shown(option, self._own[option.name]),
                "above": shown(option, above),
            }
        else:
            source = _("set for everywhere") if everywhere else _("the default")
            if option.name in self._between:
                source = _("said by the company's tenant")
            facts = _("In force: %(value)s, %(source)s.") % {"value": shown(option, above), "source": source}
        words = '{} {}<span class="gh-facts">{} <code>{}</code></span>'
        return format_html(words, option.help, bounds_of(option), facts, option.name)

    def fieldsets(self) -> list[tuple[str, dict[str, Any]]]:
        """The settings by what stands before their last dot; the reason last."""
        groups: dict[str, list[str]] = {}
        for name in self.options:
            groups.setdefault(name.rpartition(".")[0], []).append(name)
        found = [
            (" · ".join(words_of(part) for part in prefix.split(".")), {"fields": names})
            for prefix, names in groups.items()
        ]
        return [*found, (_("Why"), {"fields": ["reason"]})] if "reason" in self.fields else found

    def is_stale(self) -> bool:
        """Whether another revision has come into force since the form was shown."""
        return bool(self.cleaned_data["revision"] != self.number)

    def changes(self) -> dict[str, str | None]:
        """What is given differently from what is set here; None takes a value back to what stands above."""
        changed = {}
        for name, option in self.options.items():
            given = self.cleaned_data.get(name, "").strip()
            if self.fields[name].disabled or (option.secret and not given):
                continue
            if option.secret or given != typed(self._own.get(name)):
                changed[name] = given or None
        return changed
