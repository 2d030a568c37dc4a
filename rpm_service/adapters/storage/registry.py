"""Devices and what they measure, beds, and who and what is where: written and read back."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from hashlib import sha256
from math import inf, isinf
from typing import Any, Final, NamedTuple

from sqlalchemy import Column, Connection, Select, Table, func, insert, select, update
from sqlalchemy.dialects import sqlite

from rpm_service.adapters.storage.tables import (
    acts,
    associations,
    beds,
    descriptions,
    devices,
    stays,
)
from rpm_service.application.effects import (
    UNITS_ACT,
    Association,
    Bed,
    Description,
    Numeric,
    SampleArray,
    Stay,
    StoredDevice,
)
from rpm_service.application.effects import Connection as DeviceConnection
from rpm_service.application.units import BUILT_IN
from rpm_service.domain.limits import AgeClass


class Place(NamedTuple):
    """How the blocks of a device refer to it, and to what it measures now."""

    device_number: int
    description_id: int


class Devices:
    """Writes what is known of devices; the only one who does."""

    def __init__(self, connection: Connection) -> None:
        found = connection.execute(
            select(devices.c.device_id, devices.c.number, devices.c.description_id)
        )
        self._places = {device_id: Place(*rest) for device_id, *rest in found}

    def place(self, connection: Connection, device_id: str) -> Place:
        """The place of a device; a new one where it was never heard of."""
        place = self._places.get(device_id)
        return place or self._enter(connection, device_id, Description())

    def place_under(
        self, connection: Connection, device_id: str, description: Description
    ) -> Place:
        """The place of a device, with what it measured before."""
        place = self.place(connection, device_id)
        return place._replace(description_id=_description_id(connection, description))

    def describe(self, connection: Connection, described: Mapping[str, Description]) -> None:
        """Notes what devices measure from now on."""
        for device_id, description in described.items():
            place = self._places.get(device_id)
            if place is None:
                self._enter(connection, device_id, description)
                continue
            description_id = _description_id(connection, description)
            self._places[device_id] = place._replace(description_id=description_id)
            self._set(connection, device_id, {"description_id": description_id})

    def connect(self, connection: Connection, connections: Mapping[str, DeviceConnection]) -> None:
        """Notes whether devices are there."""
        for device_id, state in connections.items():
            self._set(connection, device_id, {"connection": state.value})

    def _set(self, connection: Connection, device_id: str, changed: Mapping[str, Any]) -> None:
        number = self.place(connection, device_id).device_number
        connection.execute(update(devices).where(devices.c.number == number).values(changed))

    def _enter(self, connection: Connection, device_id: str, description: Description) -> Place:
        description_id = _description_id(connection, description)
        number = connection.execute(
            insert(devices)
            .values(
                device_id=device_id,
                description_id=description_id,
                connection=DeviceConnection.AWAY.value,
            )
            .returning(devices.c.number)
        ).scalar_one()
        place = self._places[device_id] = Place(number, description_id)
        return place


def stored_devices(connection: Connection) -> list[StoredDevice]:
    """Every device that was ever heard of."""
    known: dict[int, Description] = {}
    found = []
    for row in connection.execute(select(devices).order_by(devices.c.number)):
        if row.description_id not in known:
            known[row.description_id] = description_of(connection, row.description_id)
        state = DeviceConnection(row.connection)
        found.append(StoredDevice(row.device_id, known[row.description_id], state))
    return found


# -- descriptions -------------------------------------------------------------------------

# The keys are short because they are stored for ever; an infinite bound is null.


def description_of(connection: Connection, description_id: int) -> Description:
    """Reads a description back."""
    content = connection.execute(
        select(descriptions.c.content).where(descriptions.c.description_id == description_id)
    ).scalar_one()
    fields = json.loads(content)
    return Description(
        tuple(_numeric(**each) for each in fields["numerics"]),
        tuple(SampleArray(**each) for each in fields["sample_arrays"]),
    )


def _numeric(plausible: tuple[float | None, float | None], **fields: Any) -> Numeric:
    low, high = plausible
    return Numeric(
        plausible=(-inf if low is None else low, inf if high is None else high), **fields
    )


def _description_id(connection: Connection, description: Description) -> int:
    """The number that a description is stored under; stores it where it is new."""
    fields = asdict(description)
    for numeric in fields["numerics"]:
        numeric["plausible"] = [None if isinf(bound) else bound for bound in numeric["plausible"]]
    content = json.dumps(fields, allow_nan=False, separators=(",", ":"))
    digest = sha256(content.encode()).digest()
    known = select(descriptions.c.description_id).where(descriptions.c.digest == digest)
    found: int | None = connection.execute(known).scalar()
    if found is not None:
        return found
    new = insert(descriptions).values(digest=digest, content=content)
    number: int = connection.execute(new.returning(descriptions.c.description_id)).scalar_one()
    return number


# -- who and what is where ----------------------------------------------------------------


_STAYS: Final = select(stays).order_by(stays.c.since, stays.c.bed)
_ASSOCIATIONS: Final = select(associations).order_by(associations.c.since, associations.c.device_id)


def keep_beds(connection: Connection, changed: Iterable[Bed]) -> None:
    """Notes new beds and their units."""
    _upsert(connection, beds, [asdict(bed) for bed in changed])


def keep_stays(connection: Connection, changed: Iterable[Stay]) -> None:
    """Notes stays that begin or end."""
    _upsert(
        connection, stays, [{**asdict(stay), "age_class": stay.age_class.value} for stay in changed]
    )


def keep_associations(connection: Connection, changed: Iterable[Association]) -> None:
    """Notes associations that begin or end."""
    _upsert(connection, associations, [asdict(each) for each in changed])


def known_beds(connection: Connection) -> list[Bed]:
    """Every bed."""
    rows = connection.execute(select(beds.c.name, beds.c.unit).order_by(beds.c.name))
    return [Bed(*row) for row in rows]


def lasting_stays(connection: Connection) -> list[Stay]:
    """Who lies where."""
    return _stays(connection, _STAYS.where(stays.c.until.is_(None)))


def admitted_at(connection: Connection, patient_id: str) -> float:
    """Since when a patient is here, whatever beds they have lain in since."""
    began = inf
    query = select(stays).where(stays.c.patient_id == patient_id).order_by(stays.c.since.desc())
    for stay in _stays(connection, query):
        # A transfer ends one stay and begins the next in the same moment.
        if began not in (inf, stay.until):
            break
        began = stay.since
    return began


def all_stays(connection: Connection) -> list[Stay]:
    """Who lay where, and still does."""
    return _stays(connection, _STAYS)


def _stays(connection: Connection, query: Select[Any]) -> list[Stay]:
    rows = connection.execute(query)
    return [
        Stay(row.bed, row.patient_id, AgeClass(row.age_class), row.since, row.until) for row in rows
    ]


def lasting_associations(connection: Connection) -> list[Association]:
    """Which device is at which bed."""
    rows = connection.execute(_ASSOCIATIONS.where(associations.c.until.is_(None)))
    return [Association(*row) for row in rows]


def all_associations(connection: Connection) -> list[Association]:
    """Which device was at which bed, and still is."""
    return [Association(*row) for row in connection.execute(_ASSOCIATIONS)]


def vacated(connection: Connection) -> dict[str, float]:
    """By bed: when the last stay that is over has ended."""
    return _last_ended(connection, stays.c.bed, stays.c.until)


def removed(connection: Connection) -> dict[str, float]:
    """By device: when the last association that is over has ended."""
    return _last_ended(connection, associations.c.device_id, associations.c.until)


def _last_ended(connection: Connection, of: Column[str], until: Column[Any]) -> dict[str, float]:
    query = select(of, func.max(until)).where(until.is_not(None)).group_by(of)
    return dict(connection.execute(query).all())


def _upsert(connection: Connection, table: Table, rows: list[dict[str, Any]]) -> None:
    if not rows:
        return
    keys: Final = list(table.primary_key)
    new = sqlite.insert(table)
    changed = {
        column.name: new.excluded[column.name] for column in table.columns if column not in keys
    }
    connection.execute(new.on_conflict_do_update(index_elements=keys, set_=changed), rows)


def units_in_force(connection: Connection) -> str:
    """The digest of what units had decided at the last start."""
    known = select(acts.c.detail).where(acts.c.act == UNITS_ACT)
    newest: str | None = connection.execute(
        known.order_by(acts.c.number.desc()).limit(1)
    ).scalar_one_or_none()
    return BUILT_IN if newest is None else newest
