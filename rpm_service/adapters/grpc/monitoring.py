"""MonitoringService: viewers' streams and the acts of clinicians."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import TypeVar

import grpc
from google.protobuf.message import DecodeError

from rpm_service.adapters.grpc.convert import (
    ACCEPTED_OF,
    INACTIVATION_OF,
    PRIORITY_OF,
    alarm_to_wire,
    inactivation_to_wire,
)
from rpm_service.adapters.grpc.refusals import Context, cut, refuse
from rpm_service.application.acts import ActRefused
from rpm_service.application.delivery import CONFIRM_MAX
from rpm_service.application.identity import Identity
from rpm_service.application.live import LeftOff, standing
from rpm_service.application.monitoring import Feed, FeedClosed, Monitoring
from rpm_service.v1 import alarm_pb2, monitoring_pb2

T = TypeVar("T")
_parse = monitoring_pb2.WatchRequest.FromString


async def acted(context: Context, act: Callable[[], T]) -> T:
    """Carries out an act; a refused one ends the call with its status."""
    try:
        return act()
    except ActRefused as refusal:
        await refuse(context, grpc.StatusCode[refusal.code], refusal.field, refusal.reason)


class MonitoringService:
    """Serves viewers."""

    def __init__(self, monitoring: Monitoring) -> None:
        self._monitoring = monitoring

    async def watch(self, identity: Identity, context: Context) -> None:
        """Carries one viewer's stream: one task reads what it wants, and one writes."""
        feed = self._monitoring.watch(identity.id)
        reader = asyncio.create_task(self._read(feed, context))
        # Whatever ends the reader ends the stream: a viewer that is not heard any more would go
        # on to look as if it confirmed nothing.
        reader.add_done_callback(lambda _: feed.end("nothing more is read from this viewer"))
        writer = asyncio.create_task(self._write(feed, context))
        given_up = asyncio.create_task(feed.given_up.wait())
        try:
            await asyncio.wait({writer, given_up}, return_when=asyncio.FIRST_COMPLETED)
            if not writer.done():
                feed.close()
                writer.cancel()
                await asyncio.wait({writer})
                await cut(context, grpc.StatusCode.RESOURCE_EXHAUSTED, feed.reason)
            writer.result()
            if reader.done():
                # An error in it is an error of the call.
                reader.result()
        finally:
            for task in (reader, writer, given_up):
                task.cancel()
            feed.close()

    async def _write(self, feed: Feed, context: Context) -> None:
        with suppress(FeedClosed):
            while True:
                await context.write(await feed.next_frame())

    async def _read(self, feed: Feed, context: Context) -> None:
        while (data := await context.read()) is not grpc.aio.EOF:
            try:
                request = _parse(data)
            except DecodeError:
                feed.end("a frame that is not a WatchRequest")
                return
            match request.WhichOneof("frame"):
                case "subscribe":
                    wanted = request.subscribe
                    feed.subscribe(
                        frozenset(wanted.beds),
                        frozenset(wanted.units),
                        waveforms=wanted.waveforms,
                        left_off=LeftOff(wanted.run, wanted.revision),
                    )
                case "presence":
                    presence = request.presence
                    feed.present(armed=presence.audio_armed, visible=presence.visible)
                case "confirm_delivery":
                    events = request.confirm_delivery.events
                    if len(events) > CONFIRM_MAX:
                        feed.end(f"{len(events)} events confirmed at once; at most {CONFIRM_MAX}")
                        return
                    feed.confirm([(each.occurrence_id, each.event_seq) for each in events])
        feed.end("the viewer has closed its side")

    # -- acts ---------------------------------------------------------------------------

    async def acknowledge_alarm(
        self, identity: Identity, request: monitoring_pb2.AcknowledgeAlarmRequest, context: Context
    ) -> monitoring_pb2.AcknowledgeAlarmResponse:
        """Acknowledges one occurrence at one priority."""
        priority = PRIORITY_OF.get(request.priority)
        if priority is None:
            reason = "say the priority that was seen"
            await refuse(context, grpc.StatusCode.INVALID_ARGUMENT, "priority", reason)
        event = await acted(
            context,
            lambda: self._monitoring.operators.acknowledge(
                request.occurrence_id,
                priority,
                identity.id,
                request.idempotency_key,
                request.duration_s,
            ),
        )
        return monitoring_pb2.AcknowledgeAlarmResponse(alarm=alarm_to_wire(event))

    async def set_responsibility(
        self, identity: Identity, request: monitoring_pb2.SetResponsibilityRequest, context: Context
    ) -> monitoring_pb2.SetResponsibilityResponse:
        """Takes responsibility for one occurrence, or says that one cannot."""
        accepted = ACCEPTED_OF.get(request.responsibility)
        if accepted is None:
            reason = "accepted or rejected"
            await refuse(context, grpc.StatusCode.INVALID_ARGUMENT, "responsibility", reason)
        event = await acted(
            context,
            lambda: self._monitoring.operators.answer(
                request.occurrence_id, identity.id, request.idempotency_key, accepted=accepted
            ),
        )
        return monitoring_pb2.SetResponsibilityResponse(alarm=alarm_to_wire(event))

    async def reset_alarm(
        self, identity: Identity, request: monitoring_pb2.ResetAlarmRequest, context: Context
    ) -> monitoring_pb2.ResetAlarmResponse:
        """Ends a latched signal."""
        event = await acted(
            context,
            lambda: self._monitoring.operators.reset(
                request.occurrence_id, identity.id, request.idempotency_key
            ),
        )
        return monitoring_pb2.ResetAlarmResponse(alarm=alarm_to_wire(event))

    async def pause_audio(
        self, identity: Identity, request: monitoring_pb2.PauseAudioRequest, context: Context
    ) -> monitoring_pb2.PauseAudioResponse:
        """Pauses the sound of one bed."""
        until = await acted(
            context,
            lambda: self._monitoring.operators.pause_audio(
                request.bed, request.duration_s, identity.id, request.idempotency_key
            ),
        )
        return monitoring_pb2.PauseAudioResponse(paused_until=until)

    async def inactivate_alarms(
        self, identity: Identity, request: monitoring_pb2.InactivateAlarmsRequest, context: Context
    ) -> monitoring_pb2.InactivateAlarmsResponse:
        """Holds back signals of one alarm, one metric or one bed."""
        state = INACTIVATION_OF.get(request.state)
        if state is None:
            reason = "say what is held back"
            await refuse(context, grpc.StatusCode.INVALID_ARGUMENT, "state", reason)
        held = await acted(
            context,
            lambda: self._monitoring.operators.inactivate(
                request.bed,
                request.metric,
                request.condition,
                state,
                request.duration_s,
                request.reason,
                identity.id,
                request.idempotency_key,
            ),
        )
        return monitoring_pb2.InactivateAlarmsResponse(inactivation=inactivation_to_wire(held))

    async def reactivate_alarms(
        self, identity: Identity, request: monitoring_pb2.ReactivateAlarmsRequest, context: Context
    ) -> monitoring_pb2.ReactivateAlarmsResponse:
        """Ends what is held back of one scope."""
        await acted(
            context,
            lambda: self._monitoring.operators.reactivate(
                request.bed,
                request.metric,
                request.condition,
                identity.id,
                request.idempotency_key,
            ),
        )
        return monitoring_pb2.ReactivateAlarmsResponse()

    async def list_alarms(
        self, _identity: Identity, request: monitoring_pb2.ListAlarmsRequest, _context: Context
    ) -> monitoring_pb2.ListAlarmsResponse:
        """Lists every alarm that has a signal."""
        return monitoring_pb2.ListAlarmsResponse(alarms=self._alarms(frozenset(request.beds)))

    def _alarms(self, beds: frozenset[str]) -> Iterator[alarm_pb2.AlarmEvent]:
        events = [
            event
            for bedside in self._monitoring.ward.bedsides.values()
            if not beds or bedside.bed in beds
            for event in standing(bedside)
        ]
        events.sort(key=lambda event: (-event.alarm.priority, event.alarm.raised_at))
        return map(alarm_to_wire, events)
