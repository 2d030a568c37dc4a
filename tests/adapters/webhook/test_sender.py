"""Notices over real https, to receivers good and bad."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Self

import pytest

from rpm_service.adapters import pki
from rpm_service.adapters.webhook import sender as module
from rpm_service.adapters.webhook.sender import WebhookSender
from rpm_service.application import outbox as outbox_module
from rpm_service.application.effects import Notice
from rpm_service.application.outbox import GIVE_UP_S, Outbox
from rpm_service.application.refusals import CannotStart
from rpm_service.application.units import Unit, Units, Webhook
from tests.adapters.webhook.receiver import BUSY, OK, Receiver, receiving
from tests.support.manual_clock import ManualClock

PATIENCE_S = 30.0
SECRET = b"a secret of the unit"


@pytest.fixture(scope="module")
def certs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("webhook") / "certs"
    pki.ensure_server(directory)
    return directory


@pytest.fixture(autouse=True)
def _hasten(monkeypatch: pytest.MonkeyPatch) -> None:
    """Time of the outbox stands still unless a test moves it: refusals are due at once."""
    monkeypatch.setattr(module, "LOOK_S", 0.01)
    monkeypatch.setattr(outbox_module, "BACKOFF_S_MIN", 0.0)


def notice(number: int = 1, unit: str = "icu", at: float = 0.0) -> Notice:
    return Notice(f"n{number}", at, unit, "bed-7", 1, 42, 3, "SPO2_LOW", "HIGH", at)


class Sending:
    """An outbox, and who sends from it."""

    def __init__(self, **webhooks: Webhook) -> None:
        self.clock = ManualClock()
        self.outbox = Outbox()
        units = Units({name: Unit(name, webhook=each) for name, each in webhooks.items()})
        self._sender = WebhookSender(self.outbox, units, self.clock, Random(1))

    def sends(self, *notices: Notice) -> None:
        now = self.clock.now()
        self.outbox.add([replace(each, created_at=now) for each in notices], now)

    async def until(self, true: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while not true():
                await asyncio.wait((self._task,), timeout=0.005)
                assert not self._task.done(), self._task

    async def all_sent(self) -> list[str]:
        await self.until(lambda: not len(self.outbox))
        return list(self.outbox.take_sent())

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._sender.run())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task


@asynccontextmanager
async def icu(certs: Path, answer: bytes | None = OK) -> AsyncIterator[tuple[Sending, Receiver]]:
    async with receiving(certs, answer) as receiver:
        webhook = Webhook(receiver.url, SECRET, certs / "server-trust.crt")
        async with Sending(icu=webhook) as sending:
            yield sending, receiver


@pytest.mark.spec("HOOK-3")
async def test_a_notice_is_posted_as_json_that_names_no_patient(certs: Path) -> None:
    async with icu(certs) as (sending, receiver):
        sending.sends(notice())
        assert await sending.all_sent() == ["n1"]
    (call,) = receiver.calls
    assert call.path == "/calls?token=hush"
    assert call.headers["Content-Type"] == "application/json"
    now = sending.clock.now()
    assert call.notice == {
        "type": "alarm_not_delivered", "notice_id": "n1", "created_at": now,
        "unit": "icu", "bed": "bed-7", "level": 1, "occurrence_id": 42, "event_seq": 3,
        "condition": "SPO2_LOW", "priority": "HIGH", "raised_at": 0.0,
    }  # fmt: skip


@pytest.mark.spec("HOOK-4")
async def test_each_attempt_has_its_time_and_its_signature_and_the_same_body(certs: Path) -> None:
    async with icu(certs, BUSY) as (sending, receiver):
        sending.sends(notice())
        await sending.until(lambda: len(receiver.calls) == 1)
        sending.clock.advance(30)
        so_far = len(receiver.calls)
        await sending.until(lambda: len(receiver.calls) >= so_far + 2)
        receiver.answer = OK
        await sending.all_sent()
    first, last = receiver.calls[0], receiver.calls[-1]
    assert first.body == last.body
    times = [int(call.headers["Rpm-Timestamp"]) for call in (first, last)]
    assert times[1] - times[0] == 30
    assert first.headers["Rpm-Signature"] != last.headers["Rpm-Signature"]


@pytest.mark.spec("HOOK-5")
@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 400 Bad\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 410 Gone\r\nContent-Length: 0\r\n\r\n",
        BUSY,
        b"this is no http\r\n\r\n",
        b"",
    ],
)
async def test_what_is_not_taken_is_sent_again(certs: Path, answer: bytes) -> None:
    async with icu(certs, answer) as (sending, receiver):
        with pytest.MonkeyPatch.context() as patch:
            if not answer:
                # Silence.
                receiver.answer = None
                patch.setattr(module, "ATTEMPT_S_MAX", 0.5)
            sending.sends(notice())
            await sending.until(lambda: len(receiver.calls) >= 3)
        assert sending.outbox.take_sent() == {}
        receiver.answer = OK
        assert await sending.all_sent() == ["n1"]
    assert set(receiver.ids) == {"n1"}


@pytest.mark.spec("HOOK-5")
async def test_a_receiver_that_is_not_there_gets_it_when_it_is_back(certs: Path) -> None:
    async with receiving(certs) as gone:
        pass
    webhook = Webhook(gone.url, SECRET, certs / "server-trust.crt")
    async with Sending(icu=webhook) as sending:
        sending.sends(notice())
        line = sending.outbox._lines["icu"]
        await sending.until(lambda: line.refusals >= 2)
        async with receiving(certs, port=gone.port) as receiver:
            assert await sending.all_sent() == ["n1"]
    assert receiver.ids == ["n1"]


@pytest.mark.spec("HOOK-5")
async def test_what_is_too_old_or_has_nowhere_to_go_is_given_up_with_a_line(
    certs: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with icu(certs, BUSY) as (sending, receiver):
        sending.sends(notice(1), notice(2, "closed unit"))
        await sending.until(lambda: len(receiver.calls) >= 1)
        sending.clock.advance(GIVE_UP_S + 1)
        assert await sending.all_sent() == []
        assert set(sending.outbox.take_given_up()) == {"n1", "n2"}
    said = sorted(record.getMessage() for record in caplog.records if "not sent" in record.message)
    assert said == [
        "webhook: notice n1 is not sent: nobody has taken it for too long",
        "webhook: notice n2 is not sent: its unit has no webhook any more",
    ]


@pytest.mark.spec("HOOK-6")
async def test_a_unit_whose_receiver_is_silent_holds_up_no_other(certs: Path) -> None:
    trust = certs / "server-trust.crt"
    async with receiving(certs, None) as silent, receiving(certs) as good:
        webhooks = {
            "icu": Webhook(silent.url, SECRET, trust),
            "ward": Webhook(good.url, SECRET, trust),
        }
        async with Sending(**webhooks) as sending:
            sending.sends(notice(1), notice(2))
            await sending.until(lambda: len(silent.calls) == 1)
            sending.sends(*(notice(n, "ward") for n in range(10, 20)))
            await sending.until(lambda: len(good.calls) == 10)
            assert good.ids == [f"n{n}" for n in range(10, 20)]
            assert (silent.ids, silent.most_at_once, good.most_at_once) == (["n1"], 1, 1)


@pytest.mark.spec("HOOK-7")
async def test_an_answer_is_not_read_beyond_its_status(certs: Path) -> None:
    endless = b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\nSet-Cookie: a=b\r\n\r\n{"
    async with icu(certs, endless) as (sending, receiver):
        sending.sends(notice(1), notice(2))
        assert await sending.all_sent() == ["n1", "n2"]
    assert "Cookie" not in receiver.calls[1].headers


@pytest.mark.spec("HOOK-7")
@pytest.mark.parametrize("attempt_s_max", [0.5, PATIENCE_S], ids=["too late", "stopped"])
async def test_a_receiver_that_never_agrees_on_tls_is_hung_up_on(
    certs: Path, monkeypatch: pytest.MonkeyPatch, attempt_s_max: float
) -> None:
    monkeypatch.setattr(outbox_module, "BACKOFF_S_MIN", PATIENCE_S)
    called, hung_up = asyncio.Event(), asyncio.Event()

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        called.set()
        await reader.read()
        writer.close()
        hung_up.set()

    async with await asyncio.start_server(take, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        webhook = Webhook(f"https://localhost:{port}/", SECRET, certs / "server-trust.crt")
        async with Sending(icu=webhook) as sending, asyncio.timeout(PATIENCE_S):
            # The client's own patience, longer than this, is set by now.
            monkeypatch.setattr(module, "ATTEMPT_S_MAX", attempt_s_max)
            sending.sends(notice())
            await called.wait()
            if attempt_s_max < PATIENCE_S:
                await hung_up.wait()
        async with asyncio.timeout(PATIENCE_S):
            await hung_up.wait()


# -- whom it speaks to --------------------------------------------------------------------


@pytest.mark.spec("HOOK-2")
async def test_a_redirect_is_not_followed(certs: Path) -> None:
    async with receiving(certs) as elsewhere:
        there = elsewhere.url.encode()
        answer = b"HTTP/1.1 307 Go\r\nContent-Length: 0\r\nLocation: " + there + b"\r\n\r\n"
        async with icu(certs, answer) as (sending, receiver):
            sending.sends(notice())
            await sending.until(lambda: len(receiver.calls) >= 2)
            assert sending.outbox.take_sent() == {}
    assert elsewhere.connections == 0


@pytest.mark.spec("HOOK-2")
@pytest.mark.parametrize("trust", ["the system's", "another authority's"])
async def test_a_receiver_of_an_authority_that_is_not_trusted_gets_nothing(
    certs: Path, tmp_path: Path, trust: str
) -> None:
    pki.ensure_server(tmp_path / "other")
    ca_file = None if trust == "the system's" else tmp_path / "other" / "server-trust.crt"
    await gets_nothing(certs, "localhost", ca_file)


@pytest.mark.spec("HOOK-2")
async def test_a_receiver_whose_certificate_is_for_another_host_gets_nothing(certs: Path) -> None:
    # An address that is ours, and that no certificate of ours names.
    await gets_nothing(certs, "127.0.0.2", certs / "server-trust.crt")


async def gets_nothing(certs: Path, host: str, ca_file: Path | None) -> None:
    # Once is enough: nothing is to be on its way when the test ends.
    outbox_module.BACKOFF_S_MIN = 1.0
    async with receiving(certs, host=host) as receiver:
        url = receiver.url.replace("localhost", host)
        async with Sending(icu=Webhook(url, SECRET, ca_file)) as sending:
            sending.sends(notice())
            line = sending.outbox._lines["icu"]
            await sending.until(lambda: line.refusals == 1)
    assert receiver.calls == []


@pytest.mark.spec("HOOK-2")
def test_plain_http_is_no_webhook() -> None:
    with pytest.raises(AssertionError):
        Webhook("http://localhost/calls", SECRET)


@pytest.mark.spec("HOOK-2")
async def test_the_environment_changes_neither_trust_nor_way(
    certs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    async with icu(certs) as (sending, _receiver):
        sending.sends(notice())
        assert await sending.all_sent() == ["n1"]


@pytest.mark.spec("HOOK-2")
@pytest.mark.parametrize("content", [None, "no certificate"])
async def test_a_ca_file_that_cannot_be_used_is_told_at_the_start(
    tmp_path: Path, content: str | None
) -> None:
    ca_file = tmp_path / "ca.pem"
    if content is not None:
        ca_file.write_text(content)
    with pytest.raises(CannotStart, match="ca_file"):
        Sending(icu=Webhook("https://localhost/", SECRET, ca_file))


# -- what is said of it -------------------------------------------------------------------


@pytest.mark.spec("HOOK-8")
async def test_the_log_says_once_that_it_fails_and_once_that_it_works_and_no_secret(
    certs: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    logging.getLogger("httpx2").setLevel(logging.WARNING)
    async with icu(certs, BUSY) as (sending, receiver):
        sending.sends(notice())
        await sending.until(lambda: len(receiver.calls) >= 3)
        receiver.answer = OK
        await sending.all_sent()
    said = [record.getMessage() for record in caplog.records]
    assert said == [
        "webhook of unit 'icu': answered 503; trying again",
        "webhook of unit 'icu': taken again",
    ]
    assert "hush" not in caplog.text
    assert SECRET.decode() not in repr(Webhook(receiver.url, SECRET))
