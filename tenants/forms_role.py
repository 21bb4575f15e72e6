"""The field in which the privileges of a role are ticked."""

from collections.abc import Iterator
from itertools import groupby
from typing import TYPE_CHECKING, Any

from django import forms
from django.forms.models import ModelChoiceIterator
from django.utils.html import format_html

from core.admin_pages import two_lines
from tenants.models import Privilege

if TYPE_CHECKING:
    StockIterator = ModelChoiceIterator[Privilege]
    StockField = forms.ModelMultipleChoiceField[Privilege]
else:
    StockIterator, StockField = ModelChoiceIterator, forms.ModelMultipleChoiceField


class ByApplication(StockIterator):
    """Privileges under the names of their applications."""

    def __iter__(self) -> Iterator[Any]:
        rows = self.queryset.order_by("application", "name")
        for application, privileges in groupby(rows, key=lambda one: one.application):
            yield application, [self.choice(one) for one in privileges]


class PrivilegesField(StockField):
    """Boxes to tick, each with what it allows."""

    iterator = ByApplication
    widget = forms.CheckboxSelectMultiple(attrs={"class": "gh-checks"})

    def label_from_instance(self, obj: Any) -> str:
        """Name and description."""
        return format_html("<span>{}</span>", two_lines(obj.name, obj.description))
