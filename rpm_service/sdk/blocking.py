"""The client for programs that have no event loop.

A thread of its own runs the loop and the client in it; every method hands its call over and
waits for the answer. Any thread may call.
"""

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterable, Sequence
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, Self, TypeVar

from rpm_service.sdk.client import TelemetryClient
from rpm_service.sdk.counters import Counters
from rpm_service.sdk.credentials import Credentials
from rpm_service.sdk.monitor import Monitor, Observation
from rpm_service.sdk.session import State
from rpm_service.sdk.vocabulary import AlarmPriority, GoodbyeReason

if TYPE_CHECKING:
    from types import TracebackType

T = TypeVar("T")


class BlockingTelemetryClient:
    """Streams a device's observations from a program without an event loop.

        with BlockingTelemetryClient(target, credentials, [monitor]) as client:
            client.observe([98.0, 72.0])

    Takes the options of TelemetryClient, and its methods do what they do there. `observe` and
    its like wait for the client's thread, not for the network. Callbacks run in that thread.
    """

    def __init__(
        self,
        target: str,
        credentials: Credentials,
        monitors: Sequence[Monitor],
        **options: Any,
    ) -> None:
        self._target, self._credentials, self._monitors = target, credentials, monitors
        self._options = options
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="telemetry", daemon=True)
        self._client: TelemetryClient | None = None

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()

    def __enter__(self) -> Self:
        self._thread.start()
        try:
            self._client = self._wait(self._entered())
        except BaseException:
            self._stop()
            raise
        return self

    async def _entered(self) -> TelemetryClient:
        client = TelemetryClient(self._target, self._credentials, self._monitors, **self._options)
        return await client.__aenter__()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: "TracebackType | None",
    ) -> None:
        try:
            self._wait(self._entered_client.__aexit__(kind, error, traceback))
        finally:
            self._stop()

    def _stop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    @property
    def state(self) -> State:
        """Where the session stands; STREAMING is good."""
        return self._entered_client.state

    @property
    def counters(self) -> Counters:
        """What has become of the frames."""
        return self._entered_client.counters

    @property
    def pending(self) -> int:
        """Frames that wait to be sent or acknowledged."""
        return self._call(lambda: self._entered_client.pending)

    def observe(self, values: Sequence[float] = (), **what: Any) -> int:
        """Takes what one monitor observed; see TelemetryClient.observe."""
        return self._call(lambda: self._entered_client.observe(values, **what))

    def observe_many(self, observations: Iterable[Observation]) -> int:
        """Takes what several monitors observed; see TelemetryClient.observe_many."""
        return self._call(lambda: self._entered_client.observe_many(observations))

    def raise_alarm(self, condition: str, priority: AlarmPriority, **what: Any) -> int:
        """Takes an alarm of the device's own; see TelemetryClient.raise_alarm."""
        return self._call(lambda: self._entered_client.raise_alarm(condition, priority, **what))

    def end_alarm(self, condition: str, **what: Any) -> int:
        """Takes the end of such an alarm; see TelemetryClient.end_alarm."""
        return self._call(lambda: self._entered_client.end_alarm(condition, **what))

    def connected(self, timeout_s: float | None = None) -> None:
        """Waits for the server's first Welcome; raises TimeoutError or Refused."""
        self._wait(self._entered_client.connected(timeout_s))

    def drained(self, timeout_s: float | None = None) -> None:
        """Waits until all that was observed is on the server's disk, or was refused."""
        self._wait(self._entered_client.drained(timeout_s))

    def goodbye(self, reason: GoodbyeReason, timeout_s: float = 5.0) -> bool:
        """Leaves on purpose; see TelemetryClient.goodbye."""
        return self._wait(self._entered_client.goodbye(reason, timeout_s))

    @property
    def _entered_client(self) -> TelemetryClient:
        assert self._client is not None, "not entered"
        return self._client

    def _wait(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()

    def _call(self, act: Callable[[], T]) -> T:
        answer: Future[T] = Future()

        def carry_out() -> None:
            try:
                answer.set_result(act())
            except BaseException as error:  # noqa: BLE001 - raised where the call came from
                answer.set_exception(error)

        self._loop.call_soon_threadsafe(carry_out)
        return answer.result()
