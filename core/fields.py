"""Serializer fields that take what the schema says and nothing like it, and refer to objects by the ids that never change."""

from collections.abc import Mapping
from functools import cache, cached_property
from typing import Any, ClassVar
from uuid import UUID

from django.core.validators import MaxLengthValidator
from django.db.models import Model
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail
from rest_framework.fields import empty

NO_SUCH_OBJECT = _("There is no such object.")
MOST_REFERENCES = 500


class Strict(serializers.Serializer[Any]):
    """A body (or query) in which an unknown field is a mistake of its sender, not something to pass over."""

    def to_internal_value(self, data: Any) -> Any:
        """The values; raises ValidationError."""
        if isinstance(data, Mapping):
            known = {name for name, field in self.fields.items() if not field.read_only}
            unknown = sorted(set(map(str, data)) - known)
            if unknown:
                detail = ErrorDetail(str(_("There is no such field.")), code="unknown_field")
                raise serializers.ValidationError({name[:100]: [detail] for name in unknown[:20]})
        return super().to_internal_value(data)


@cache
def _made_once(body: type["MadeOnce"]) -> Any:
    return super(MadeOnce, body()).fields


class MadeOnce(serializers.Serializer[Any]):
    """A body whose fields ask nothing of the request: they are made once a process, for making them costs more than checking by them."""

    @cached_property
    def fields(self) -> Any:
        """The fields, bound to the first body of this kind."""
        return _made_once(type(self))


class Plain(MadeOnce, Strict):
    """The same, in which an unknown field is a mistake of its sender."""


class Text(serializers.CharField):
    """A string; numbers are not made into one."""

    def to_internal_value(self, data: Any) -> str:
        """The text; raises ValidationError."""
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


class Opaque(Text):
    """A string of at most so many characters that is compared and neither kept nor shown, so that nobody looks at each of them."""

    def __init__(self, *, max_length: int, **kwargs: Any) -> None:
        super().__init__(max_length=max_length, trim_whitespace=False, **kwargs)
        self.validators = [one for one in self.validators if isinstance(one, MaxLengthValidator)]


class Secret(Text):
    """A string that is taken as it is, spaces included, and never given back."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**({"write_only": True, "trim_whitespace": False, "max_length": 1_000} | kwargs))


class Flag(serializers.BooleanField):
    """true or false; "yes" and 1 are neither."""

    def to_internal_value(self, data: Any) -> bool:
        """The value; raises ValidationError."""
        if not isinstance(data, bool):
            self.fail("invalid", input=data)
        return data


class Whole(serializers.IntegerField):
    """A whole number; "7", 7.0 and true are none."""

    def to_internal_value(self, data: Any) -> int:
        """The number; raises ValidationError."""
        if not isinstance(data, int) or isinstance(data, bool):
            self.fail("invalid")
        return super().to_internal_value(data)


class Id(serializers.UUIDField):
    """The id of an object."""

    def to_internal_value(self, data: Any) -> UUID:
        """The id; raises ValidationError."""
        if not isinstance(data, str):
            self.fail("invalid", value=data)
        value = super().to_internal_value(data)
        assert isinstance(value, UUID)  # noqa: S101
        return value


class Reference(Id):
    """The id of an object that the caller can see, read as that object. One that he cannot see does not exist for him."""

    def __init__(self, model: type[Model], **kwargs: Any) -> None:
        self.model = model
        super().__init__(**kwargs)

    def to_internal_value(self, data: Any) -> Any:
        """The object; raises ValidationError."""
        uid = super().to_internal_value(data)
        found = self.context["caller"].visible(self.model).filter(uid=uid).first()
        if found is None:
            raise serializers.ValidationError(NO_SUCH_OBJECT, code="not_found")
        return found


class References(serializers.ListField):
    """Ids of objects that the caller can see, read as those objects in one statement."""

    child = Id()

    def __init__(self, model: type[Model], **kwargs: Any) -> None:
        self.model = model
        super().__init__(**({"max_length": MOST_REFERENCES} | kwargs))

    def to_internal_value(self, data: Any) -> list[Any]:
        """The objects; raises ValidationError."""
        uids = set(super().to_internal_value(data))
        found = list(self.context["caller"].visible(self.model).filter(uid__in=uids)) if uids else []
        if len(found) != len(uids):
            raise serializers.ValidationError(NO_SUCH_OBJECT, code="not_found")
        return found


class Uid(serializers.UUIDField):
    """Shows the id of an object, or of the one that `source` leads to."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**({"read_only": True} | kwargs))


@extend_schema_field({"type": "array", "items": {"type": "string", "format": "uuid"}})
class Uids(serializers.Field[Any, Any, list[str], Any]):
    """Shows the ids of related objects."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**({"read_only": True} | kwargs))

    def to_representation(self, value: Any) -> list[str]:
        """The ids, in the order of the objects."""
        return [str(one.uid) for one in value.all()]


@extend_schema_field({"type": ["boolean", "integer", "string"]})
class SettingValue(serializers.Field[Any, Any, Any, Any]):
    """true or false, a whole number, or one line of text: each setting says which."""

    def to_internal_value(self, data: Any) -> Any:
        """The value; whether it fits is the setting's own question."""
        if not isinstance(data, bool | int | str):
            raise serializers.ValidationError(_("Give true or false, a number, or a text."), code="invalid")
        return data

    def to_representation(self, value: Any) -> Any:
        """The value."""
        return value


class Moment(serializers.DateTimeField):
    """A point in time of a query, RFC 3339."""

    default_error_messages: ClassVar = {"invalid": _("Write a time such as 2026-11-22T09:00:00Z.")}

    def run_validation(self, data: Any = empty) -> Any:
        """The time; raises ValidationError, also for one that no calendar of ours holds."""
        try:
            return super().run_validation(data)
        except OverflowError:
            self.fail("invalid")
