"""What every noun of the show language is: frozen and closed."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict
from pydantic.fields import FieldInfo


class Noun(BaseModel):
    """Frozen and closed: an unknown key is an error, a value never changes.

    Validators are built when a noun is first read: `check` pays for the nouns of its show alone.
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, allow_inf_nan=False, defer_build=True
    )

    @classmethod
    def written(cls) -> dict[str, FieldInfo]:
        """The fields by the keys that people write: `from` is no name in Python."""
        return {field.alias or name: field for name, field in cls.model_fields.items()}
