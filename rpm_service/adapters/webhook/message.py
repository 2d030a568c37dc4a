"""What a receiver gets: a JSON body, when it was sent, and the signature of both.

docs/webhook.md tells receivers how to check it.
"""

import hmac
import json
from typing import Final

from rpm_service.application.effects import Notice

KIND: Final = "alarm_not_delivered"
TIMESTAMP: Final = "Rpm-Timestamp"
SIGNATURE: Final = "Rpm-Signature"


def body(notice: Notice) -> bytes:
    """A notice as JSON, the same at every attempt. It names the bed and no patient."""
    content = {
        "type": KIND,
        "notice_id": notice.notice_id,
        "created_at": notice.created_at,
        "unit": notice.unit,
        "bed": notice.bed,
        "level": notice.level,
        "occurrence_id": notice.occurrence_id,
        "event_seq": notice.event_seq,
        "condition": notice.condition,
        "priority": notice.priority,
        "raised_at": notice.raised_at,
    }
    return json.dumps(content, allow_nan=False).encode()


def headers(content: bytes, secret: bytes, now: float) -> dict[str, str]:
    """Says when a body is sent, in whole seconds, and signs both: nobody can send it later."""
    timestamp = str(int(now))
    return {
        "Content-Type": "application/json",
        TIMESTAMP: timestamp,
        SIGNATURE: hmac.digest(secret, f"{timestamp}.".encode() + content, "sha256").hex(),
    }
