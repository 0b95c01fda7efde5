"""Calling OpenAI's API: the real client, its key only to the hosts it is for, a budget, and errors people read.

The client's own retries are off: ours honour `Retry-After` within one budget of time, and say at its end
that the engine was out of reach (again later, not counted) instead of counting an attempt. Every answer's
tokens or minutes are counted (mediaops_ops.metering), whatever becomes of the answer.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from mediaops.reasons import Reason
from mediaops_ops import credential
from mediaops_ops.metering import METER
from mediaops_ops.net import Again, persistently
from mediaops_ops.outcome import StepError

if TYPE_CHECKING:
    import openai
    from openai.types.chat import ChatCompletion

    from mediaops_ops.settings import Settings

T = TypeVar("T")

ENGINE = "openai"

ANSWER_SECONDS = 300.0
"""Longest wait for one answer: an engine listens to 25 MB in one call."""
_EXHAUSTED = frozenset({"insufficient_quota", "billing_hard_limit_reached"})
"""Codes of a 429 that no waiting cures."""


def call(settings: Settings, model: str, ask: Callable[[openai.OpenAI], T]) -> T:
    """Ask a model until there is an answer; raises StepError (permanent) for refusals, Unreachable for silence."""
    import httpx2  # half a second of imports; only who calls pays for it
    import openai

    base_url = settings.openai_base_url
    key = _key(settings)
    context = ssl.create_default_context(cafile=str(settings.ca_file) if settings.ca_file else None)
    timeout = httpx2.Timeout(ANSWER_SECONDS, connect=settings.connect_seconds)
    # No redirects: the key goes to the host that was checked and to no other.
    transport = openai.DefaultHttpxClient(
        verify=context, timeout=timeout, follow_redirects=False, trust_env=False
    )
    with openai.OpenAI(api_key=key, base_url=base_url, max_retries=0, http_client=transport) as client:

        def attempt() -> T:
            try:
                answer = ask(client)
                METER.answered(ENGINE, model, **used(answer))
                return answer
            except openai.APIConnectionError as error:
                cause = "it fell silent" if isinstance(error, openai.APITimeoutError) else "no connection"
                raise Again(cause) from error
            except openai.APIStatusError as error:
                raise _refusal(error) from error
            except openai.OpenAIError as error:
                raise StepError(
                    Reason.ENGINE_REJECTED, f"OpenAI's answer can't be read: {type(error).__name__}."
                ) from error

        return persistently(
            attempt,
            patience_seconds=settings.patience_seconds,
            reason=Reason.ENGINE_UNAVAILABLE,
            what="OpenAI",
        )


def used(answer: Any) -> dict[str, int]:
    """Give what an answer says to have cost, as a chat, a transcription by tokens or one by time says it; pure."""
    usage = getattr(answer, "usage", None)
    if usage is None:
        return {"audio_millis": round(getattr(answer, "duration", 0.0) * 1000)}
    if getattr(usage, "type", "") == "duration":
        return {"audio_millis": round(usage.seconds * 1000)}
    if hasattr(usage, "prompt_tokens"):
        details = usage.prompt_tokens_details
        cached = (details.cached_tokens or 0) if details else 0
        return {
            "input_tokens": usage.prompt_tokens,
            "cached_tokens": cached,
            "output_tokens": usage.completion_tokens,
        }
    return {"input_tokens": usage.input_tokens, "output_tokens": usage.output_tokens}


def content(answer: ChatCompletion, task: str) -> str:
    """Give a chat answer's text; raises StepError where the model refused the task (`to write about this`)."""
    choice = answer.choices[0]
    if choice.message.refusal:
        raise StepError(Reason.ENGINE_REJECTED, f"OpenAI's model refused {task}.", permanent=True)
    if choice.finish_reason == "content_filter":
        raise StepError(Reason.ENGINE_REJECTED, "OpenAI's filter held the answer back.", permanent=True)
    return choice.message.content or ""


def _key(settings: Settings) -> str:
    """Give the key, if it may be sent to the API's host; raises StepError otherwise."""
    mounted = credential.read(settings)
    if mounted is None:
        if settings.openai_api_key is None:
            message = "No credential for OpenAI is there; make the Secret mediaops-engine-openai."
            raise StepError(Reason.SECRET_NOT_FOUND, message, permanent=True)
        return settings.openai_api_key.get_secret_value()
    if mounted.api_key is None:
        message = "OpenAI needs an apiKey; the Secret has something else."
        raise StepError(Reason.SECRET_INVALID, message, permanent=True)
    mounted.allow(urlsplit(settings.openai_base_url).hostname or "")
    return mounted.api_key


def _refusal(error: openai.APIStatusError) -> Exception:
    """Give what an error answer means: another try, or the end, said so that a person can act on it."""
    status = error.status_code
    if status in (401, 403):
        return StepError(
            Reason.CREDENTIAL_REJECTED, f"OpenAI refused the credential ({status}).", permanent=True
        )
    if status == 429 and error.code in _EXHAUSTED:
        return StepError(
            Reason.ENGINE_REJECTED, "OpenAI says that the account's quota is used up.", permanent=True
        )
    if status in (408, 409, 429) or status >= 500:
        return Again(f"it answered {status}", after=_retry_after(error))
    if error.code == "model_not_found":
        return StepError(Reason.ENGINE_REJECTED, "OpenAI has no such model for this account.", permanent=True)
    if status == 413:
        return StepError(Reason.ENGINE_REJECTED, "The file is larger than OpenAI takes.", permanent=True)
    told = error.body.get("message") if isinstance(error.body, dict) else None
    words = " ".join(str(told or "it says nothing more").split())[:300]
    return StepError(
        Reason.ENGINE_REJECTED, f"OpenAI refused the request ({status}): {words}", permanent=True
    )


def _retry_after(error: openai.APIStatusError) -> float:
    """Give the seconds that the answer asks to wait, 0 if it doesn't."""
    for name, unit in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        value = error.response.headers.get(name, "")
        if value.replace(".", "", 1).isdigit():
            return float(value) * unit
    return 0.0
