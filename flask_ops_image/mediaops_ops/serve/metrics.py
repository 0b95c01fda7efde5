"""What Prometheus is told, read from the queue at each scrape: so every process tells the same."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector

from mediaops_ops.serve.queue import ENDED, Queue

CONTENT_TYPE = CONTENT_TYPE_LATEST


class _QueueCollector(Collector):
    def __init__(self, queue: Queue) -> None:
        self._queue = queue

    def collect(self) -> Iterator[Metric]:
        """Count jobs and callbacks."""
        open_jobs = GaugeMetricFamily(
            "mediaops_serve_jobs", "Jobs that wait or run.", labels=["operation", "status"]
        )
        ended = CounterMetricFamily(
            "mediaops_serve_jobs_ended", "Jobs that ended.", labels=["operation", "status"]
        )
        seconds = CounterMetricFamily(
            "mediaops_serve_job_seconds", "Seconds that ended jobs took.", labels=["operation", "status"]
        )
        for operation, status, count, took in self._queue.counts():
            if status in ENDED:
                ended.add_metric([operation, status], count)
                seconds.add_metric([operation, status], took)
            else:
                open_jobs.add_metric([operation, status], count)
        callbacks = GaugeMetricFamily("mediaops_serve_callbacks", "Callbacks by state.", labels=["state"])
        for state, count in self._queue.callback_counts().items():
            callbacks.add_metric([state], count)
        yield from (open_jobs, ended, seconds, callbacks)


def text(queue: Queue) -> bytes:
    """Give the exposition."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_QueueCollector(queue))
    return generate_latest(registry)
