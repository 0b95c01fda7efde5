"""The signature that n8n checks."""

from __future__ import annotations

import json
import time

import pytest
from pydantic import SecretStr
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from mediaops_operator.n8n import sign


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
