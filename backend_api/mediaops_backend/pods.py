"""Pods' own tokens: projected by the kubelet, signed by the cluster, checked here against its public keys."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jwt

from mediaops.problems import unauthorized
from mediaops.tokens import POD_TOKEN_AUDIENCE
from mediaops_backend.cluster import Issuer

_ALGORITHMS = ["RS256", "ES256", "ES384", "ES512"]
"""What an API server signs with; never a symmetric one."""


@dataclass(frozen=True)
class Pod:
    """A pod that has shown its token."""

    namespace: str
    name: str

    def belongs_to(self, job: str) -> bool:
        """Say whether this is a pod of that Job: its name and the controller's five characters."""
        return re.fullmatch(re.escape(job) + "-[a-z0-9]{5}", self.name) is not None

    def index_in(self, job: str) -> int | None:
        """Give the completion index of a pod of that Indexed Job, which stands in between; None: it is none."""
        found = re.fullmatch(re.escape(job) + r"-(0|[1-9][0-9]?)-[a-z0-9]{5}", self.name)
        return int(found[1]) if found else None


class PodTokens:
    """Checks pods' tokens. Keys are fetched once, and again when a token names one that isn't known."""

    REFETCH_SECONDS = 10.0
    """An unknown key makes us fetch, but not more often than this."""

    def __init__(self, fetch: Callable[[], Issuer], clock: Callable[[], float] = time.monotonic) -> None:
        self._fetch = fetch
        self._clock = clock
        self._lock = threading.Lock()
        self._issuer = ""
        self._keys: dict[str, jwt.PyJWK] = {}
        self._fetched_at = float("-inf")

    def check(self, token: str) -> Pod:
        """Give the pod that a token is for; raises Problem (401), and ApiException while keys can't be had."""
        try:
            key = self._key(str(jwt.get_unverified_header(token).get("kid", "")))
            if key is None:
                raise unauthorized("the token is signed with a key that is not this cluster's")
            claims: dict[str, Any] = jwt.decode(
                token,
                key.key,
                algorithms=_ALGORITHMS,
                audience=POD_TOKEN_AUDIENCE,
                issuer=self._issuer,
                options={"require": ["exp", "iss", "aud"]},
            )
            about = claims["kubernetes.io"]
            return Pod(namespace=about["namespace"], name=about["pod"]["name"])
        except (jwt.PyJWTError, KeyError, TypeError):
            raise unauthorized("this needs the pod's own service-account token") from None

    def _key(self, key_id: str) -> jwt.PyJWK | None:
        with self._lock:
            if key_id not in self._keys and self._clock() - self._fetched_at >= self.REFETCH_SECONDS:
                issuer = self._fetch()
                self._issuer = issuer.name
                self._keys = {key["kid"]: jwt.PyJWK(key) for key in issuer.keys if "kid" in key}
                self._fetched_at = self._clock()
            return self._keys.get(key_id)
