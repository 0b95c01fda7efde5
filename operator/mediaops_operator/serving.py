"""Probes and metrics over HTTP."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from mediaops_operator import metrics

_BEAT_SECONDS = 0.5


async def beat() -> None:
    """Measure how late the loop runs what is due, for ever."""
    while True:
        due = time.monotonic() + _BEAT_SECONDS
        await asyncio.sleep(_BEAT_SECONDS)
        metrics.LOOP_LAG.set(max(0.0, time.monotonic() - due))


async def serve(
    host: str,
    port: int,
    unwell: Callable[[], str | None],
    ready: Callable[[], bool],
    refresh: Callable[[], None],
) -> web.AppRunner:
    """Serve /healthz, /readyz and /metrics; `unwell` says what is wrong, `refresh` brings gauges up to date."""

    async def healthz(_: web.Request) -> web.Response:
        wrong = unwell()
        return web.Response(text=wrong or "ok", status=503 if wrong else 200)

    async def readyz(_: web.Request) -> web.Response:
        return web.Response(text="ok" if ready() else "listing", status=200 if ready() else 503)

    async def show(_: web.Request) -> web.Response:
        refresh()
        return web.Response(body=generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})

    app = web.Application()
    app.add_routes([web.get("/healthz", healthz), web.get("/readyz", readyz), web.get("/metrics", show)])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, host, port).start()
    return runner
