"""Merge patches and the signature that n8n checks."""

from __future__ import annotations

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from mediaops_operator.apply import merge_patch
from mediaops_operator.n8n import sign
from tests.unit.operator.simulation import merged

VALUES = st.recursive(
    st.integers() | st.text(max_size=3) | st.booleans() | st.lists(st.integers(), max_size=2),
    lambda children: st.dictionaries(st.sampled_from("abc"), children, max_size=3),
    max_leaves=8,
)
OBJECTS = st.dictionaries(st.sampled_from("abcd"), VALUES, max_size=4)


@given(OBJECTS, OBJECTS)
def test_a_merge_patch_makes_the_one_of_the_other(before: dict, after: dict) -> None:  # type: ignore[type-arg]
    assert after == merged(before, merge_patch(before, after))


@given(OBJECTS)
def test_nothing_is_written_where_nothing_differs(value: dict) -> None:  # type: ignore[type-arg]
    assert {} == merge_patch(value, value)


def test_the_signature_is_standard_webhooks_keyed_by_the_secret_s_text() -> None:
    secret, body, now = "s" * 40, json.dumps({"a": 1}).encode(), int(time.time())
    headers = {
        "webhook-id": "i",
        "webhook-timestamp": str(now),
        "webhook-signature": sign(SecretStr(secret), "i", now, body),
    }
    assert {"a": 1} == Webhook(secret.encode()).verify(body, headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(secret.encode()).verify(body + b" ", headers)
