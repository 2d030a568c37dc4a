"""What a device's program uses: observe now, delivered for certain later.

Nothing here waits for the network but the coroutines. What is said when is decided in
rpm_service.sdk.session; rpm_service.sdk.link carries it.
"""

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence
from random import Random, SystemRandom
from typing import TYPE_CHECKING, Self

from rpm_service.sdk import wire
from rpm_service.sdk.counters import Counters
from rpm_service.sdk.credentials import Credentials
from rpm_service.sdk.link import Callbacks, Link
from rpm_service.sdk.monitor import Monitor, Observation, Samples
from rpm_service.sdk.notices import Coverage, Refusal, Settings
from rpm_service.sdk.session import Session, State
from rpm_service.sdk.spool import SPOOL_BYTES_MAX, MemorySpool, Spool
from rpm_service.sdk.vocabulary import AlarmKind, AlarmPriority, GoodbyeReason, Validity
from rpm_service.sdk.wire import Numbered

if TYPE_CHECKING:
    from types import TracebackType

NUMBER_BYTES_MAX = 32
"""What a frame's tag, length and sequence number can add to its payload."""


class TelemetryClient:
    """Streams a device's observations, reconnecting for as long as the block lasts.

        async with TelemetryClient(target, credentials, [monitor]) as client:
            client.observe([98.0, 72.0])

    A program that leaves the block without `goodbye` has lost its connection as far as the
    server is concerned, and that is an alarm. A refusal that no retry can mend, such as a
    certificate that may not speak for the device, is raised as Refused by the next call, or on
    leaving the block where there was none.

    Without a `spool` frames are kept in memory, at most SPOOL_BYTES_MAX of them; a DiskSpool
    keeps them over the end of the process. The client closes it when the block ends.

    The five callbacks run in the event loop and must not block; an exception in one ends the
    client and is raised by the next call.
    """

    def __init__(
        self,
        target: str,
        credentials: Credentials,
        monitors: Sequence[Monitor],
        *,
        software: str = "",
        clock: Callable[[], float] = time.time,
        clock_rate: float = 1.0,
        spool: Spool | None = None,
        on_refusal: Callable[[Refusal], None] | None = None,
        on_settings: Callable[[Settings], None] | None = None,
        on_coverage: Callable[[Coverage], None] | None = None,
        on_connected: Callable[[], None] | None = None,
        on_disconnected: Callable[[str], None] | None = None,
        rng: Random | None = None,
    ) -> None:
        self._indices = {monitor.id: index for index, monitor in enumerate(monitors)}
        self._numerics = [len(monitor.numerics) for monitor in monitors]
        self._clock = clock
        # An empty spool is false.
        self._spool = MemorySpool(SPOOL_BYTES_MAX) if spool is None else spool
        self._session = Session(monitors, self._spool, software=software, clock_rate=clock_rate)
        self._link = Link(
            target,
            credentials,
            self._session,
            clock=clock,
            callbacks=Callbacks(
                on_refusal, on_settings, on_coverage, on_connected, on_disconnected
            ),
            rng=rng or SystemRandom(),
        )
        self._alarms: dict[tuple[int, str], tuple[AlarmKind, AlarmPriority]] = {}
        self._leaving = False
        self._failure_told = False
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        assert self._task is None, "a client is used once"
        self._task = asyncio.create_task(self._link.run(), name="telemetry")
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: "TracebackType | None",
    ) -> None:
        assert self._task is not None
        self._task.cancel()
        await asyncio.wait({self._task})
        self._spool.close()
        if error is None and not self._failure_told:
            self._raise_failure()

    @property
    def state(self) -> State:
        """Where the session stands; STREAMING is good."""
        return self._session.state

    @property
    def counters(self) -> Counters:
        """What has become of the frames."""
        return self._session.counters

    @property
    def pending(self) -> int:
        """Frames that wait to be sent or acknowledged."""
        return len(self._spool)

    @property
    def server_clock(self) -> float:
        """The server's clock when it last said Welcome; 0 before."""
        return self._session.server_clock

    def observe(
        self,
        values: Sequence[float] = (),
        *,
        observed_at: float | None = None,
        monitor: int | str = 0,
        indices: Sequence[int] = (),
        validity: Sequence[Validity] = (),
        sample_arrays: Sequence[Samples] = (),
    ) -> int:
        """Takes what one monitor observed, to be delivered; returns the frame's number.

        `values` are of all the monitor's numerics in order, or of those that `indices` names.
        NaN says that there is no value now; 0 is a value. `observed_at` is now unless given.
        Raises ValueError where the shapes do not fit the monitor, Refused once the server
        has refused this device.
        """
        entry = Observation(
            self._clock() if observed_at is None else observed_at,
            values,
            self._mds(monitor),
            indices,
            validity,
            sample_arrays,
        )
        return self.observe_many((entry,))

    def observe_many(self, observations: Iterable[Observation]) -> int:
        """Takes what several monitors observed, as one frame; a gateway's whole ward.

        Raises as observe does, and ValueError where the frame would have more than
        FRAME_BYTES_MAX bytes.
        """
        entries = tuple(observations)
        for entry in entries:
            self._check(entry)
        has_waveforms = any(entry.sample_arrays for entry in entries)
        payload = wire.observations(entries)
        return self._take(Numbered.OBSERVATIONS, payload, has_waveforms=has_waveforms)

    def raise_alarm(
        self,
        condition: str,
        priority: AlarmPriority,
        *,
        kind: AlarmKind = AlarmKind.PHYSIOLOGICAL,
        monitor: int | str = 0,
        observed_at: float | None = None,
        text: str = "",
    ) -> int:
        """Takes an alarm that the device itself raises; returns the frame's number.

        `condition` is the device's own name for it: 1 to 48 of A-Z, 0-9 and _. `text` names no
        patient. Raises as observe does.
        """
        mds = self._mds(monitor)
        number = self._alarm(mds, condition, kind, priority, True, observed_at, text)
        self._alarms[mds, condition] = (kind, priority)
        return number

    def end_alarm(
        self, condition: str, *, monitor: int | str = 0, observed_at: float | None = None
    ) -> int:
        """Takes the end of an alarm that this client raised; returns the frame's number.

        Raises KeyError where it has not, and otherwise as observe does.
        """
        mds = self._mds(monitor)
        kind, priority = self._alarms[mds, condition]
        number = self._alarm(mds, condition, kind, priority, False, observed_at, "")
        del self._alarms[mds, condition]
        return number

    def hush(self, seconds: float) -> None:
        """Sends nothing for so long, not even a heartbeat, as a device that hangs would.

        For trying out what a ward makes of silence. What is observed meanwhile is sent after.
        """
        self._session.hush(asyncio.get_running_loop().time() + seconds)
        self._link.wake()

    async def connected(self, timeout_s: float | None = None) -> None:
        """Waits for the server's first Welcome; raises TimeoutError or Refused."""
        await self._until(self._link.connected, timeout_s)

    async def drained(self, timeout_s: float | None = None) -> None:
        """Waits until all that was observed is on the server's disk, or was refused.

        Raises TimeoutError or Refused.
        """
        await self._until(self._link.drained, timeout_s)

    async def goodbye(self, reason: GoodbyeReason, timeout_s: float = 5.0) -> bool:
        """Leaves on purpose, after all that was observed has been sent.

        Returns whether the server has answered by ending the stream. Nothing can be observed
        afterwards. Raises Refused.
        """
        assert self._task is not None, "not entered"
        self._raise_failure()
        self._leaving = True
        self._session.leave(reason)
        self._link.wake()
        await asyncio.wait({self._task}, timeout=timeout_s)
        self._raise_failure()
        return self._task.done()

    def _mds(self, monitor: int | str) -> int:
        return monitor if isinstance(monitor, int) else self._indices[monitor]

    def _check(self, entry: Observation) -> None:
        if not 0 <= entry.mds < len(self._numerics):
            raise ValueError(f"no monitor {entry.mds}; there are {len(self._numerics)}")
        values = len(entry.values)
        if entry.indices:
            if len(entry.indices) != values:
                raise ValueError(f"{values} values for {len(entry.indices)} indices")
        elif values and values != self._numerics[entry.mds]:
            raise ValueError(f"{values} values for {self._numerics[entry.mds]} numerics")
        if entry.validity and len(entry.validity) != values:
            raise ValueError(f"{len(entry.validity)} validities for {values} values")

    def _alarm(
        self,
        mds: int,
        condition: str,
        kind: AlarmKind,
        priority: AlarmPriority,
        present: bool,
        observed_at: float | None,
        text: str,
    ) -> int:
        payload = wire.device_alarm(
            mds=mds,
            condition=condition,
            kind=kind,
            priority=priority,
            present=present,
            observed_at=self._clock() if observed_at is None else observed_at,
            text=text,
        )
        return self._take(Numbered.DEVICE_ALARM, payload)

    def _take(self, kind: Numbered, payload: bytes, *, has_waveforms: bool = False) -> int:
        self._raise_failure()
        if self._leaving:
            raise RuntimeError("nothing can be observed after goodbye")
        if len(payload) > wire.FRAME_BYTES_MAX - NUMBER_BYTES_MAX:
            raise ValueError(f"a frame of {len(payload)} bytes; split it")
        number = self._session.observe(kind, payload, has_waveforms=has_waveforms)
        self._link.wake()
        return number

    def _raise_failure(self) -> None:
        if self._task is not None and self._task.done() and not self._task.cancelled():
            self._failure_told = True
            self._task.result()

    async def _until(self, event: asyncio.Event, timeout_s: float | None) -> None:
        assert self._task is not None, "not entered"
        waiter = asyncio.create_task(event.wait())
        try:
            await asyncio.wait(
                {waiter, self._task}, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED
            )
            # It may be over again by now: that it was is enough.
            came = waiter.done()
        finally:
            waiter.cancel()
        self._raise_failure()
        if not came:
            raise TimeoutError
