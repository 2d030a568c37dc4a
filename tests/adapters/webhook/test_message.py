"""What receivers are told in docs/webhook.md is so."""

import json
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rpm_service.adapters.webhook.message import SIGNATURE, TIMESTAMP, body, headers
from rpm_service.application.effects import Notice

PAGE = (Path(__file__).parents[3] / "docs" / "webhook.md").read_text()
SECRET = b"a secret of the unit"
NOTICE = Notice(
    notice_id="4711-1-1-1800000010.000",
    created_at=1_800_000_010.0,
    unit="icu",
    bed="bed-7",
    level=1,
    occurrence_id=4711,
    event_seq=1,
    condition="SPO2_LOW",
    priority="HIGH",
    raised_at=1_800_000_000.0,
)


def block(language: str) -> str:
    (text,) = re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    return str(text)


@pytest.fixture
def is_genuine() -> Callable[..., bool]:
    """The function that the page gives to receivers."""
    names: dict[str, Any] = {}
    exec(block("python"), names)
    found: Callable[..., bool] = names["is_genuine"]
    return found


@pytest.mark.spec("HOOK-3")
def test_the_notice_on_the_page_is_one_of_ours() -> None:
    assert json.loads(block("json")) == json.loads(body(NOTICE))


@pytest.mark.spec("HOOK-3")
def test_it_has_every_word_of_a_notice() -> None:
    assert set(json.loads(body(NOTICE))) == {"type", *Notice.__dataclass_fields__}


@pytest.mark.spec("HOOK-4")
def test_a_receiver_that_does_as_the_page_says_knows_what_is_from_us(
    is_genuine: Callable[..., bool],
) -> None:
    content, now = body(NOTICE), time.time()
    signed = headers(content, SECRET, now)
    timestamp, signature = signed[TIMESTAMP], signed[SIGNATURE]
    assert is_genuine(SECRET, timestamp, signature, content)
    assert not is_genuine(b"another secret", timestamp, signature, content)
    assert not is_genuine(SECRET, timestamp, signature, content.replace(b"bed-7", b"bed-8"))
    assert not is_genuine(SECRET, str(int(timestamp) + 1), signature, content)
    assert not is_genuine(SECRET, timestamp, "", content)
    kept = headers(content, SECRET, now - 301)
    assert not is_genuine(SECRET, kept[TIMESTAMP], kept[SIGNATURE], content)


@pytest.mark.spec("HOOK-4")
def test_the_signature_is_what_others_compute() -> None:
    # printf '1800000000.{}' | openssl dgst -sha256 -hmac key
    signed = headers(b"{}", b"key", 1_800_000_000.9)
    assert signed[TIMESTAMP] == "1800000000"
    assert signed[SIGNATURE] == "7321475872b03ff21bdc2dfd86ea2d99ec29c479fbe4a77aa6acf4509505493f"
