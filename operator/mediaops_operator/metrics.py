"""Prometheus metrics; served at /metrics."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

VISITS = Counter("mediaops_operator_visits_total", "Visits of assets, by how they ended.", ["result"])
VISIT_SECONDS = Histogram(
    "mediaops_operator_visit_seconds",
    "Length of a visit in seconds.",
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)
QUEUE = Gauge("mediaops_operator_queue", "Assets that wait for a visit.")
OBJECTS = Gauge("mediaops_operator_objects", "Objects in the cache.", ["kind"])
WRITES = Gauge("mediaops_operator_api_writes", "Writes to the API server since the start.")
JOBS_LAUNCHED = Counter("mediaops_operator_jobs_launched_total", "Jobs created.", ["kind"])
FAILURES = Counter(
    "mediaops_operator_failures_total", "Ends of Jobs without a result, by reason.", ["reason"]
)
EXHAUSTED = Counter(
    "mediaops_operator_attempts_exhausted_total", "Operations that failed after their last attempt."
)
SENDS = Counter("mediaops_operator_publish_requests_total", "Requests to n8n, by result.", ["result"])
MIRROR_BEHIND = Gauge("mediaops_operator_mirror_behind", "Assets whose rows wait to be written.")
EVENTS_DROPPED = Gauge("mediaops_operator_events_dropped", "Kubernetes Events that were not written.")
LOOP_LAG = Gauge("mediaops_operator_loop_lag_seconds", "How late the event loop runs what is due.")
LAST_EVENT = Gauge("mediaops_operator_last_event_timestamp_seconds", "When a watch brought something last.")
LAST_LIST = Gauge("mediaops_operator_last_list_timestamp_seconds", "When everything was listed last.")
SWEEPS = Counter("mediaops_operator_sweeps_total", "Rounds of the sweeper, by how they ended.", ["result"])
SWEPT_FOLDERS = Counter("mediaops_operator_swept_folders_total", "Step folders deleted.")
SWEPT_BYTES = Counter("mediaops_operator_swept_bytes_total", "Bytes of objects deleted with them.")
SWEPT_UPLOADS = Counter("mediaops_operator_swept_uploads_total", "Multipart uploads aborted.")
LAST_SWEEP = Gauge(
    "mediaops_operator_last_sweep_timestamp_seconds", "When a round of the sweeper ended well last."
)
