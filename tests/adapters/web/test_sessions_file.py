"""Who was signed in before the server started again."""

import json
import stat
from pathlib import Path

import pytest

from rpm_service.adapters.web import sessions as bounds
from rpm_service.adapters.web.sessions import Sessions
from rpm_service.adapters.web.sessions_file import NAME, SessionsFile
from rpm_service.application.access import SHIFT_S, Part, Person, Rights
from tests.support.manual_clock import ManualClock

NURSE = Person("nurse", Rights(Part.CLINICIAN, frozenset({"ICU", "ward"})), mark="abc")
WALL = Person("wall-1", Rights(Part.WALL), None)


def stands(person: Person) -> Person:
    return person


class Server:
    """One that starts again and again on one data directory."""

    def __init__(self, data: Path) -> None:
        self.clock, self.data = ManualClock(), data
        self.start()

    def start(self, **ways) -> None:
        self.file = SessionsFile(self.data)
        self.sessions = Sessions(self.clock, self.file, ways or {"link": stands, "account": stands})

    def stop(self) -> None:
        self.file.close()

    def restart(self, **ways) -> None:
        self.stop()
        self.start(**ways)


@pytest.fixture
def server(tmp_path: Path):
    server = Server(tmp_path)
    yield server
    server.stop()


@pytest.mark.spec("SIGNIN-25")
def test_who_was_signed_in_is_so_after_a_restart(server: Server) -> None:
    nurse = server.sessions.open(NURSE, by_password=True, way="account")
    wall = server.sessions.open(WALL, way="link")
    ended = server.sessions.open(NURSE, way="account")
    server.sessions.end(ended)
    server.restart()
    again = server.sessions.find(nurse.id)
    assert again is not None
    assert (again.person, again.by_password, again.locked) == (NURSE, True, False)
    found = server.sessions.find(wall.id)
    assert found is not None
    assert (found.person, found.is_wall) == (WALL, True)
    assert server.sessions.find(ended.id) is None
    assert server.sessions.find("another number") is None


@pytest.mark.spec("SIGNIN-25")
def test_a_session_lasts_no_longer_for_a_restart(server: Server) -> None:
    nurse = server.sessions.open(NURSE, way="link")
    server.clock.advance(SHIFT_S - 60)
    server.restart()
    server.clock.advance(59)
    assert server.sessions.find(nurse.id) is not None
    server.clock.advance(1)
    assert server.sessions.find(nurse.id) is None


@pytest.mark.spec("SIGNIN-25")
def test_a_lock_and_the_time_until_it_outlast_a_restart(server: Server) -> None:
    locked, alone, busy = (server.sessions.open(NURSE, way="link") for _ in range(3))
    server.clock.advance(bounds.LOCK_S - bounds.KEPT_EVERY_S)
    assert server.sessions.take_act(busy)
    server.sessions.unlock(locked)
    server.clock.advance(bounds.KEPT_EVERY_S - 1)
    server.restart()
    found = {each: server.sessions.find(each.id) for each in (locked, alone, busy)}
    server.clock.advance(1)
    assert [server.sessions.is_locked(each) for each in found.values() if each] == [
        False,
        True,
        False,
    ]
    server.restart()
    again = server.sessions.find(alone.id)
    assert again is not None
    assert not server.sessions.take_act(again)


@pytest.mark.spec("SIGNIN-25")
def test_rights_are_those_of_now_and_a_way_that_is_gone_lets_nobody_in(server: Server) -> None:
    moved = Person("nurse", Rights(Part.CLINICIAN, frozenset({"ward"})), mark="abc")
    by_account = server.sessions.open(NURSE, way="account")
    by_provider = server.sessions.open(Person("doctor"), way="provider")
    removed = server.sessions.open(Person("bo"), way="account")
    server.restart(account=lambda person: moved if person.user == "nurse" else None)
    found = server.sessions.find(by_account.id)
    assert found is not None
    assert found.rights == moved.rights
    assert server.sessions.find(by_provider.id) is None
    assert server.sessions.find(removed.id) is None


@pytest.mark.spec("SIGNIN-26")
def test_the_file_is_the_owners_alone_and_signs_nobody_in(server: Server, tmp_path: Path) -> None:
    nurse = server.sessions.open(NURSE, way="link")
    server.restart()
    text = (tmp_path / NAME).read_text()
    assert nurse.id not in text
    (kept,) = json.loads(text)["sessions"]
    assert server.sessions.find(kept["key"]) is None
    assert stat.S_IMODE((tmp_path / NAME).stat().st_mode) == 0o600


@pytest.mark.spec("SIGNIN-26")
@pytest.mark.parametrize("harm", ["mode", "[]", '{"sessions": [{}]}', "no json"])
def test_a_file_that_cannot_be_trusted_signs_nobody_in(
    server: Server, tmp_path: Path, harm: str, caplog: pytest.LogCaptureFixture
) -> None:
    nurse = server.sessions.open(NURSE, way="link")
    server.stop()
    path = tmp_path / NAME
    if harm == "mode":
        path.chmod(0o640)
    else:
        path.write_text(harm)
    server.start()
    assert server.sessions.find(nurse.id) is None
    assert "everybody signs in anew" in caplog.text
