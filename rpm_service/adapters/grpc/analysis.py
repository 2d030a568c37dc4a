"""AlarmAnalysisService: what alarms cost, and what other limits would have made of history."""

import grpc
from google.protobuf.message import Message

from rpm_service.adapters.grpc.refusals import Context, refuse
from rpm_service.application.acts import ActRefused
from rpm_service.application.analyses import Analyst, Take, TookTooLong, TooManyWait
from rpm_service.application.identity import Identity
from rpm_service.v1 import alarm_analysis_pb2 as wire


class AlarmAnalysisService:
    """Serves whoever asks what alarms cost."""

    def __init__(self, analyst: Analyst) -> None:
        self._analyst = analyst

    async def list_alarm_events(
        self, _identity: Identity, request: Message, context: Context
    ) -> None:
        """Gives alarm events from the journal."""
        await self._analysed("ListAlarmEvents", request, context, context.write)

    async def replay_alarm_limits(
        self, _identity: Identity, request: Message, context: Context
    ) -> None:
        """Replays history: progress, then the result."""
        await self._analysed("ReplayAlarmLimits", request, context, context.write)

    async def measure_alarm_burden(
        self, _identity: Identity, request: Message, context: Context
    ) -> Message:
        """Measures the alarm burden."""
        response = wire.MeasureAlarmBurdenResponse()

        async def take(frame: bytes) -> None:
            response.ParseFromString(frame)

        await self._analysed("MeasureAlarmBurden", request, context, take)
        return response

    async def _analysed(self, method: str, request: Message, context: Context, take: Take) -> None:
        try:
            await self._analyst.analyse(method, request.SerializeToString(), take)
        except ActRefused as refusal:
            await refuse(context, grpc.StatusCode[refusal.code], refusal.field, refusal.reason)
        except TooManyWait as refusal:
            await refuse(context, grpc.StatusCode.RESOURCE_EXHAUSTED, "", str(refusal))
        except TookTooLong as refusal:
            await refuse(context, grpc.StatusCode.DEADLINE_EXCEEDED, "scope", str(refusal))
