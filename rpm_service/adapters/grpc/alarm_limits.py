"""AlarmLimitsService: limits of a patient's own."""

from rpm_service.adapters.grpc.limits import limits_of, limits_to_wire, override_to_wire
from rpm_service.adapters.grpc.monitoring import acted
from rpm_service.adapters.grpc.refusals import Context
from rpm_service.application.identity import Identity
from rpm_service.application.operators import Operators
from rpm_service.v1 import alarm_limits_pb2


class AlarmLimitsService:
    """Serves changes of alarm limits."""

    def __init__(self, operators: Operators) -> None:
        self._operators = operators

    async def set_alarm_limits(
        self, identity: Identity, request: alarm_limits_pb2.SetAlarmLimitsRequest, context: Context
    ) -> alarm_limits_pb2.SetAlarmLimitsResponse:
        """Sets the limits of one metric."""
        override = await acted(
            context,
            lambda: self._operators.set_limits(
                request.bed,
                request.limits.metric,
                limits_of(request.limits),
                request.reason,
                request.duration_s,
                identity.id,
                request.idempotency_key,
            ),
        )
        return alarm_limits_pb2.SetAlarmLimitsResponse(
            limits=limits_to_wire(override.metric, override.limits),
            override=override_to_wire(override),
        )

    async def clear_alarm_limits(
        self,
        identity: Identity,
        request: alarm_limits_pb2.ClearAlarmLimitsRequest,
        context: Context,
    ) -> alarm_limits_pb2.ClearAlarmLimitsResponse:
        """Puts the preset into force again."""
        preset = await acted(
            context,
            lambda: self._operators.clear_limits(
                request.bed, request.metric, identity.id, request.idempotency_key
            ),
        )
        return alarm_limits_pb2.ClearAlarmLimitsResponse(
            limits=None if preset is None else limits_to_wire(request.metric, preset)
        )

    async def propose_alarm_limits(
        self,
        _identity: Identity,
        request: alarm_limits_pb2.ProposeAlarmLimitsRequest,
        context: Context,
    ) -> alarm_limits_pb2.ProposeAlarmLimitsResponse:
        """Proposes limits around the values of now."""
        proposals = await acted(context, lambda: self._operators.propose_limits(request.bed))
        return alarm_limits_pb2.ProposeAlarmLimitsResponse(
            proposals=[
                alarm_limits_pb2.ProposedLimits(
                    limits=limits_to_wire(each.metric, each.limits), value=each.value
                )
                for each in proposals
            ]
        )
