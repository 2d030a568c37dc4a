"""What a route may tell whoever asks: nothing about beds outside of their rights.

`guard` stands before every route, so that one added later is limited too: a bed in the path
(`{bed}` or `{bed:path}`), an alarm in the path (`{occurrence_id}`), and `bed=` and `unit=` in
the query are checked there, and answered like what is not there. A route that names beds in its
body or answers about several, and one that answers about alarms of the past, asks here itself.
"""

from collections.abc import Awaitable, Callable

from starlette.requests import HTTPConnection

from rpm_service.adapters.web.gate import session_of
from rpm_service.application.access import Access, Rights


def rights_of(connection: HTTPConnection) -> Rights:
    """The rights of whoever asks; only for routes that are not open."""
    return session_of(connection).rights


def may_see(connection: HTTPConnection, bed: str) -> bool:
    """Whether whoever asks may see a bed: for answers about several."""
    return _access(connection).may_see(rights_of(connection), bed)


def check_bed(connection: HTTPConnection, bed: str) -> None:
    """Raises ActRefused for a bed that whoever asks may not see: for a bed in a body."""
    _access(connection).check_bed(rights_of(connection), bed)


def check_unit(connection: HTTPConnection, unit: str) -> None:
    """Raises ActRefused for a unit that whoever asks may not see: for a unit in a body."""
    _access(connection).check_unit(rights_of(connection), unit)


def guard(access: Access) -> Callable[[HTTPConnection], Awaitable[None]]:
    """Makes the check that stands before every route."""

    async def check(connection: HTTPConnection) -> None:
        if connection.scope.get("state", {}).get("session") is None:
            # Open to strangers: nothing of a bed is said there.
            return
        rights, query = rights_of(connection), connection.query_params
        named = connection.path_params
        for bed in (*query.getlist("bed"), *([named["bed"]] if "bed" in named else ())):
            access.check_bed(rights, bed)
        for unit in query.getlist("unit"):
            access.check_unit(rights, unit)
        if str(named.get("occurrence_id", "")).isdecimal():
            access.check_alarm(rights, int(named["occurrence_id"]))

    return check


def _access(connection: HTTPConnection) -> Access:
    access = connection.app.state.access
    assert isinstance(access, Access)
    return access
