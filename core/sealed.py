"""SealedField: the one way to keep a secret that has to be read again, such as a seed or a password for another system.

Every such column is a field of this kind, so `reseal` finds them all by walking the models.
"""

from typing import TYPE_CHECKING, Any

from django.apps import apps
from django.db import models

from core import crypto
from core.crypto import Cipher, Sealed

__all__ = ["NOTHING", "Cipher", "Sealed", "SealedField", "seal", "sealed_fields", "unseal"]
NOTHING = Sealed("")

if TYPE_CHECKING:
    Text = models.TextField[Sealed, Sealed]
else:
    Text = models.TextField


class SealedField(Text):
    """A column of sealed text. In Python it is a `Sealed`, which shows nothing of itself; plain text is refused.

    `bound_to` names the column without which the value does not open: one that is given at construction and never changes.
    `purpose` is for columns that were sealed under another name once; it must not change either.
    """

    def __init__(
        self,
        *args: Any,
        purpose: str = "",
        bound_to: str = "uid",
        cipher: Cipher = Cipher.AES_256_GCM,
        **more: Any,
    ) -> None:
        super().__init__(*args, **more | {"editable": False})
        self._purpose, self.bound_to, self.cipher = purpose, bound_to, cipher

    @property
    def purpose(self) -> str:
        """What the value is for; it opens for nothing else."""
        return self._purpose or f"{self.model._meta.label_lower}.{self.name}"

    def seal_for(self, row: models.Model, plain: bytes) -> Sealed:
        """`plain`, sealed for this row alone."""
        return crypto.seal(plain, purpose=self.purpose, uid=self._uid_of(row), cipher=self.cipher)

    def open_of(self, row: models.Model) -> bytes:
        """The plain bytes of this row; PortalError when they do not open."""
        sealed: Sealed = getattr(row, self.name)
        return crypto.unseal(sealed, purpose=self.purpose, uid=self._uid_of(row), cipher=self.cipher)

    def _uid_of(self, row: models.Model) -> str:
        return str(getattr(row, self.bound_to))

    def deconstruct(self) -> tuple[str, str, list[Any], dict[str, Any]]:
        """Plain text for migrations: sealing changes nothing in the database, and no old migration needs this class."""
        name, _path, args, kwargs = super().deconstruct()
        kwargs.pop("editable", None)
        if isinstance(kwargs.get("default"), Sealed):
            kwargs["default"] = kwargs["default"].text
        return name, "django.db.models.TextField", [*args], kwargs

    def from_db_value(self, value: str | None, *_: object) -> Sealed | None:
        """What stands in the column."""
        return None if value is None else Sealed(value)

    def get_prep_value(self, value: Any) -> str | None:
        """The text for the column; whatever was not sealed is a mistake that must not be stored."""
        if value is None or isinstance(value, Sealed):
            return None if value is None else value.text
        raise TypeError(f"{self} takes what core.sealed.seal() gave, and nothing else.")


def _field(model: type[models.Model], name: str) -> SealedField:
    field = model._meta.get_field(name)
    if not isinstance(field, SealedField):
        raise TypeError(f"{model._meta.label}.{name} is no SealedField.")
    return field


def seal(row: models.Model, name: str, plain: bytes) -> Sealed:
    """`plain`, sealed for this column of this row alone."""
    return _field(type(row), name).seal_for(row, plain)


def unseal(row: models.Model, name: str) -> bytes:
    """The plain bytes of this column of this row."""
    return _field(type(row), name).open_of(row)


def sealed_fields() -> list[SealedField]:
    """Every sealed column of the product."""
    return [
        field
        for model in apps.get_models(include_auto_created=True)
        for field in model._meta.local_fields
        if isinstance(field, SealedField)
    ]
