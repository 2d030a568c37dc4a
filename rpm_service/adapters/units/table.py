"""One table of the file of units: what is read of it is of its kind, and nothing is left over."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

from rpm_service.application.refusals import CannotStart


class UnitsRefused(CannotStart):
    """The file of units cannot be used: the line names the file, the table and the field."""


@dataclass(slots=True)
class Table:
    """A table and where it is. Every method raises UnitsRefused for a value of another kind."""

    file: Path
    path: str
    values: Mapping[str, object]
    _read: set[str] = field(default_factory=set)

    def refuse(self, key: str, reason: str) -> NoReturn:
        """Says what is wrong with a field."""
        where = f"[{self.path}] {key}" if self.path else key
        raise UnitsRefused(
            f"{self.file}: {where if where.isprintable() else repr(where)}: {reason}"
        )

    def has(self, key: str) -> bool:
        """Whether a field is there."""
        return key in self.values

    def flag(self, key: str, *, otherwise: bool) -> bool:
        """Reads true or false."""
        value = self._take(key, otherwise)
        if not isinstance(value, bool):
            self.refuse(key, "must be true or false")
        return value

    def number(self, key: str, otherwise: float) -> float:
        """Reads a number."""
        value = self._take(key, otherwise)
        if isinstance(value, bool) or not isinstance(value, int | float):
            self.refuse(key, "must be a number")
        return float(value)

    def number_within(self, key: str, least: float, most: float, otherwise: float) -> float:
        """Reads a number within bounds, ends included."""
        value = self.number(key, otherwise)
        if not least <= value <= most:
            self.refuse(key, f"{value:g} is not within {least:g} to {most:g}")
        return value

    def number_or_none(self, key: str, otherwise: float | None) -> float | None:
        """Reads a number; false says that there is none."""
        value = self._take(key, otherwise)
        return (
            None
            if value is None or value is False
            else self.number(key, 0.0 if otherwise is None else otherwise)
        )

    def pair(self, key: str, otherwise: tuple[float, float]) -> tuple[float, float]:
        """Reads two numbers, the lower one first."""
        value = self._take(key, list(otherwise))
        numbers = [
            float(each)
            for each in (value if isinstance(value, list) else ())
            if isinstance(each, int | float) and not isinstance(each, bool)
        ]
        if not isinstance(value, list) or len(value) != 2 or len(numbers) != 2:
            self.refuse(key, "must be two numbers, [lowest, highest]")
        lowest, highest = numbers
        if not lowest <= highest:
            self.refuse(key, f"{lowest:g} is not below {highest:g}")
        return lowest, highest

    def text(self, key: str, most: int) -> str:
        """Reads a text that must be there."""
        value = self._take(key, "")
        if not isinstance(value, str) or not 1 <= len(value) <= most or not value.isprintable():
            self.refuse(key, f"must be 1 to {most} printable characters")
        return value

    def texts(self, key: str, most: int, count_max: int) -> tuple[str, ...]:
        """Reads texts, none where the field is not there."""
        value = self._take(key, [])
        if not isinstance(value, list) or len(value) > count_max:
            self.refuse(key, f"must be a list of at most {count_max}")
        for each in value:
            if not isinstance(each, str) or not 1 <= len(each) <= most or not each.isprintable():
                self.refuse(key, f"each must be 1 to {most} printable characters")
        return tuple(value)

    def table(self, key: str) -> "Table":
        """Reads a table, an empty one where it is not there."""
        value = self._take(key, {})
        if not isinstance(value, dict):
            self.refuse(key, "must be a table")
        return Table(self.file, f"{self.path}.{key}" if self.path else key, value)

    def tables(self, key: str, count_max: int) -> Iterator[tuple[str, "Table"]]:
        """Reads a table of tables, by their names."""
        outer = self.table(key)
        if len(outer.values) > count_max:
            self.refuse(key, f"must be at most {count_max}")
        for name in outer.values:
            yield name, outer.table(name)

    def list_of_tables(self, key: str, count_max: int) -> list["Table"]:
        """Reads tables in their order."""
        value = self._take(key, [])
        if (
            not isinstance(value, list)
            or len(value) > count_max
            or not all(isinstance(each, dict) for each in value)
        ):
            self.refuse(key, f"must be a list of at most {count_max} tables")
        inner = f"{self.path}.{key}" if self.path else key
        return [Table(self.file, f"{inner}[{place}]", each) for place, each in enumerate(value)]

    def end(self) -> None:
        """Refuses what nobody has asked for."""
        for key in self.values:
            if key not in self._read:
                self.refuse(key, "is not known here")

    def _take(self, key: str, otherwise: object) -> object:
        self._read.add(key)
        return self.values.get(key, otherwise)
