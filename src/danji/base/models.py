"""The shape of every row of a complex: the key `(complex_id, id)`, references by both halves."""

from typing import Any, Self
from uuid import UUID

from django.db import models
from django.db.models.fields.related import ForeignObject
from django.db.models.fields.related_descriptors import ForwardManyToOneDescriptor

from danji.base.ids import uuid7


class ScopedQuerySet(models.QuerySet[Any]):
    def within(self, complex_id: UUID) -> Self:
        """Only the rows of one complex; every query of a tenant table begins with it."""
        return self.filter(complex_id=complex_id)


class ComplexScoped(models.Model):
    """A row that belongs to one complex (단지)."""

    pk = models.CompositePrimaryKey("complex_id", "id")
    # The primary key begins with it, so an index of its own would only cost writes.
    complex = models.ForeignKey(
        "complexes.Complex", models.PROTECT, related_name="+", db_index=False
    )
    id = models.UUIDField(default=uuid7)

    objects = ScopedQuerySet.as_manager()

    class Meta:
        abstract = True


class _Reference(ForwardManyToOneDescriptor):  # type: ignore[type-arg]
    """Pointing nowhere empties the reference's own column, and leaves the row in its complex."""

    def __set__(self, instance: models.Model, value: models.Model | None) -> None:
        if value is not None:
            super().__set__(instance, value)
            return
        setattr(instance, f"{self.field.name}_id", None)
        self.field.set_cached_value(instance, None)


class ScopedForeignKey(ForeignObject):  # type: ignore[type-arg]
    """A reference inside one complex: it joins on the complex and on the column `<name>_id`.

    The composite constraint in the database is added by `scoped_foreign_key` in a migration.
    """

    forward_related_accessor_class = _Reference

    def __init__(
        self,
        to: Any,
        on_delete: Any,
        *,
        from_fields: Any = (),
        to_fields: Any = (),
        **options: Any,
    ) -> None:
        super().__init__(to, on_delete, from_fields=from_fields, to_fields=to_fields, **options)

    def contribute_to_class(
        self, cls: type[models.Model], name: str, private_only: bool = False, **options: Any
    ) -> None:
        column = f"{name}_id"
        self.from_fields = ["complex", column]
        self.to_fields = ["complex", "id"]
        # Django replays migrations on models that already carry the column.
        if not cls._meta.abstract and all(f.name != column for f in cls._meta.local_fields):
            models.UUIDField(null=self.null).contribute_to_class(cls, column)
        super().contribute_to_class(cls, name, private_only=private_only, **options)

    def deconstruct(self) -> Any:
        name, path, args, options = super().deconstruct()
        options.pop("from_fields", None)
        options.pop("to_fields", None)
        return name, path, args, options
