"""EarlyWarningService: what no device measures, and the trend of the score."""

import asyncio
from collections.abc import Sequence
from math import inf

import grpc

from rpm_service.adapters.grpc.monitoring import acted
from rpm_service.adapters.grpc.refusals import Context, refuse
from rpm_service.adapters.grpc.scores import score_to_wire, seen_of
from rpm_service.application.acts import ActRefused
from rpm_service.application.identity import Identity
from rpm_service.application.monitoring import Monitoring
from rpm_service.domain.early_warning import Score
from rpm_service.v1 import early_warning_pb2


class EarlyWarningService:
    """Serves assessments and scores."""

    def __init__(self, monitoring: Monitoring) -> None:
        self._monitoring = monitoring

    async def record_assessment(
        self,
        identity: Identity,
        request: early_warning_pb2.RecordAssessmentRequest,
        context: Context,
    ) -> early_warning_pb2.RecordAssessmentResponse:
        """Records what a clinician has seen or decided."""
        try:
            seen = seen_of(request)
        except KeyError as unknown:
            reason = "not a value of this version"
            await refuse(context, grpc.StatusCode.INVALID_ARGUMENT, unknown.args[0], reason)
        score = await acted(
            context,
            lambda: self._monitoring.operators.assess(
                request.bed, seen, identity.id, request.idempotency_key
            ),
        )
        return early_warning_pb2.RecordAssessmentResponse(score=score_to_wire(score))

    async def list_scores(
        self,
        _identity: Identity,
        request: early_warning_pb2.ListEarlyWarningScoresRequest,
        context: Context,
    ) -> early_warning_pb2.ListEarlyWarningScoresResponse:
        """Gives the newest stored scores of whoever lies in a bed."""
        try:
            scores = await self._monitoring.scores(
                request.bed, request.since, request.before or inf
            )
        except ActRefused as refusal:
            await refuse(context, grpc.StatusCode[refusal.code], refusal.field, refusal.reason)
        # So many take longer to put together than alarms should wait for.
        return await asyncio.to_thread(_listed, scores)


def _listed(scores: Sequence[Score]) -> early_warning_pb2.ListEarlyWarningScoresResponse:
    return early_warning_pb2.ListEarlyWarningScoresResponse(scores=map(score_to_wire, scores))
