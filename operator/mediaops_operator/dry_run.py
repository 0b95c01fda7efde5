"""`mediaops-operator sweep --dry-run`: name the step folders that are released, and what would become of each.

Reads database, cluster and storage and changes nothing. What visits of the running operator are looking at just now
is known to that alone, so it may keep a folder that is named here.
"""

from __future__ import annotations

from datetime import timedelta

from mediaops.settings import S3Settings
from mediaops.storage import Storage, Upload
from mediaops_operator.database import Database
from mediaops_operator.kube import Access, Cluster
from mediaops_operator.settings import OperatorSettings
from mediaops_operator.sweeper import Finding, Survey

_MOST_ROWS = 10_000


async def find(
    settings: OperatorSettings, s3: S3Settings, access: Access
) -> tuple[list[Finding], list[Upload] | None]:
    """Give the folders that something lies in, and uploads that would be aborted; None: they can't be listed.

    Without the sweeper's key it looks with the operator's own, which may not list uploads. Raises ApiError,
    Unreachable, DatabaseUnavailable, StorageError.
    """
    database = Database(settings.database_url)
    own = settings.sweeper_storage(s3)
    grace = timedelta(seconds=settings.sweep_grace_seconds)
    try:
        async with Cluster(access) as cluster:
            survey = Survey(cluster, database, Storage(own or s3), grace)
            found = [finding async for finding in survey.findings(_MOST_ROWS) if finding.objects]
            found.sort(key=lambda finding: finding.folder.prefix)
            return found, await survey.stale_uploads() if own else None
    finally:
        database.close()


def table(found: list[Finding], uploads: list[Upload] | None) -> str:
    """Give a line for each folder and upload, and what it all comes to."""
    head = ("WORKSPACE", "STEP", "OBJECTS", "BYTES", "WOULD")
    rows = [
        (
            finding.folder.workspace,
            finding.folder.step_key,
            str(len(finding.objects)),
            str(finding.size),
            f"stay: {finding.kept}" if finding.kept else "go",
        )
        for finding in found
    ]
    widths = [max(len(row[column]) for row in (head, *rows)) for column in range(4)]
    lines = ["  ".join([*map(str.ljust, row[:4], widths), row[4]]) for row in (head, *rows)] if rows else []
    going = [finding for finding in found if finding.kept is None]
    size = sum(finding.size for finding in going)
    unfinished = "unknown" if uploads is None else str(len(uploads))
    total = f"Would go: {len(going)} step folders of {size} bytes. Unfinished uploads: {unfinished}."
    return "\n".join([*lines, *([""] if lines else []), total])
