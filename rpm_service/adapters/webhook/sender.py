"""Sends notices to the receivers of their units.

Always over TLS, and never to somebody whose certificate the unit does not trust; a redirect is
not followed, and an answer is not read beyond its status. Whatever goes wrong at the other end
is a refusal: the notice is sent again later.
"""

import asyncio
import logging
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from importlib.metadata import version
from pathlib import Path
from random import Random
from typing import Any, Final

import httpx2

from rpm_service.adapters.webhook.message import body, headers
from rpm_service.application.effects import Notice
from rpm_service.application.outbox import Outbox, is_too_old
from rpm_service.application.ports import Clock
from rpm_service.application.refusals import CannotStart
from rpm_service.application.units import Units, Webhook

LOOK_S: Final = 0.25
"""The outbox is looked at so often, and whenever an attempt has ended."""
ATTEMPT_S_MAX: Final = 10.0
"""A receiver that has not answered by then has not taken it."""

Trace = Callable[[str, Mapping[str, Any]], Awaitable[None]]
"""Hears of the client how a request comes along."""

_log = logging.getLogger(__name__)


class _NotTaken(Exception):
    """A receiver did not take a notice; one line says why."""


class WebhookSender:
    """Sends what is due in an outbox, for as long as it runs. Raises CannotStart."""

    def __init__(self, outbox: Outbox, units: Units, clock: Clock, rng: Random) -> None:
        self._outbox = outbox
        self._units = units
        self._clock = clock
        self._rng = rng
        self._ended = asyncio.Event()
        self._failing: set[str] = set()
        """Units whose receiver did not take the last notice; each is logged once."""
        # A client has one trust, and so there is one for each authority.
        self._clients: dict[Path | None, httpx2.AsyncClient] = {}
        for webhook in units.webhooks():
            if webhook.ca_file not in self._clients:
                self._clients[webhook.ca_file] = _client(webhook.ca_file)

    async def run(self) -> None:
        """Sends until cancelled. What is on its way then is sent again after the next start."""
        try:
            async with asyncio.TaskGroup() as attempts:
                while True:
                    self._ended.clear()
                    for notice in self._outbox.due(self._clock.now()):
                        attempts.create_task(self._attempt(notice))
                    with suppress(TimeoutError):
                        async with asyncio.timeout(LOOK_S):
                            await self._ended.wait()
        finally:
            for client in self._clients.values():
                await client.aclose()

    async def _attempt(self, notice: Notice) -> None:
        webhook = self._units.of(notice.unit).webhook
        try:
            if webhook is None:
                self._give_up(notice, "its unit has no webhook any more")
            elif is_too_old(notice, self._clock.now()):
                self._give_up(notice, "nobody has taken it for too long")
            else:
                await self._post(notice, webhook)
                self._outbox.taken(notice, self._clock.now())
                self._note_success(notice.unit)
        except _NotTaken as refusal:
            self._outbox.refused(notice, self._clock.now(), self._rng.random())
            self._note_failure(notice.unit, str(refusal))
        finally:
            self._ended.set()

    async def _post(self, notice: Notice, webhook: Webhook) -> None:
        """Makes one attempt. Raises _NotTaken."""
        content = body(notice)
        signed = headers(content, webhook.secret, self._clock.now())
        client = self._clients[webhook.ca_file]
        try:
            async with (
                _no_tls_left_half_agreed() as trace,
                asyncio.timeout(ATTEMPT_S_MAX),
                client.stream(
                    "POST",
                    webhook.url,
                    content=content,
                    headers=signed,
                    extensions={"trace": trace},
                ) as answer,
            ):
                status = answer.status_code
        except TimeoutError:
            raise _NotTaken(f"no answer within {ATTEMPT_S_MAX:g} s") from None
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise _NotTaken(str(error) or type(error).__name__) from error
        finally:
            client.cookies.clear()
        if not 200 <= status <= 299:
            raise _NotTaken(f"answered {status}")

    def _give_up(self, notice: Notice, why: str) -> None:
        self._outbox.give_up(notice, self._clock.now())
        _log.error("webhook: notice %s is not sent: %s", notice.notice_id, why)

    def _note_failure(self, unit: str, why: str) -> None:
        # Never the address: it may hold a password.
        if unit not in self._failing:
            self._failing.add(unit)
            _log.warning("webhook of unit %r: %s; trying again", unit, why)

    def _note_success(self, unit: str) -> None:
        if unit in self._failing:
            self._failing.remove(unit)
            _log.warning("webhook of unit %r: taken again", unit)


@asynccontextmanager
async def _no_tls_left_half_agreed() -> AsyncIterator[Trace]:
    """Closes a connection whose attempt is cut off while TLS is agreed upon.

    The client does not: it knows of a connection only once TLS stands.
    """
    async with AsyncExitStack() as opened:

        async def trace(event: str, info: Mapping[str, Any]) -> None:
            if event == "connection.connect_tcp.complete":
                opened.push_async_callback(info["return_value"].aclose)
            elif event == "connection.start_tls.complete":
                opened.pop_all()

        yield trace


def _client(ca_file: Path | None) -> httpx2.AsyncClient:
    try:
        trust = ssl.create_default_context(cafile=ca_file)
    except (OSError, ssl.SSLError) as error:
        raise CannotStart(f"the webhook's ca_file {ca_file} cannot be used: {error}") from error
    return httpx2.AsyncClient(
        verify=trust,
        # Neither trust nor a proxy may come of a variable that somebody has set.
        trust_env=False,
        follow_redirects=False,
        timeout=httpx2.Timeout(ATTEMPT_S_MAX, connect=ATTEMPT_S_MAX / 2),
        headers={"User-Agent": f"rpm-service/{version('rpm-service')}"},
    )
