"""MediaAssets for callers: created in the cluster with their rows, read from the rows, retried by annotation."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from typing import Any, NamedTuple
from uuid import UUID, uuid4

from kubernetes.client import ApiException
from sqlalchemy import Connection, Row, select
from sqlalchemy.dialects.postgresql import insert

from mediaops import rows
from mediaops.models.mediaasset import MediaAsset
from mediaops.planner.steps import plan_steps
from mediaops.problems import Problem, not_found
from mediaops.reasons import Reason
from mediaops.tables import AssetRow, JobRow
from mediaops_backend import costs, intake
from mediaops_backend.backend import Backend
from mediaops_backend.costs import Amounts

log = logging.getLogger(__name__)

RETRY_ANNOTATION = "mediaops.dev/retry"


class Rows(NamedTuple):
    """What the database knows of one asset."""

    asset: Row[Any]
    jobs: Sequence[Row[Any]]
    """Of the jobs it wants, in their order."""
    cost: Amounts
    """What it cost in all."""
    job_costs: dict[UUID, Amounts]
    """What each job cost, by its id."""


def create(parts: Backend, workspace: str, manifest: dict[str, Any]) -> Rows:
    """Create the asset and its rows; an asset that this same request made already is found instead.

    Raises Problem (409 where the name is another request's, 422 as the API server says), and errors of
    database and cluster. The transaction is open before the asset is created, so that one without rows is
    left behind only by a crash between the two; the operator writes its rows then.
    """
    namespace = parts.workspaces.namespace_of(workspace)
    if namespace is None:
        raise Problem(409, "no-namespace", f"no namespace is labelled for the workspace {workspace}")
    with parts.database.bound(workspace) as connection:
        asset = MediaAsset.model_validate(_created(parts, namespace, manifest))
        steps = plan_steps(asset.spec, asset_name=asset.name, asset_uid=asset.uid, identity="")
        row = rows.asset_row(asset, workspace)
        jobs = [rows.job_row(asset, workspace, position, step) for position, step in enumerate(steps)]
        connection.execute(insert(AssetRow).values(row).on_conflict_do_nothing())
        if jobs:
            connection.execute(insert(JobRow).values(jobs).on_conflict_do_nothing())
        return read(connection, row["id"])


def _created(parts: Backend, namespace: str, manifest: dict[str, Any]) -> dict[str, Any]:
    try:
        return parts.cluster.create_asset(namespace, manifest)
    except ApiException as error:
        if error.status == 409:
            return _made_before(parts, namespace, manifest)
        if error.status in (400, 422):
            raise intake.refused(_status_of(error)) from None
        if error.status == 403:
            # Quota, an admission policy, a namespace that is going, or our role; the log says which.
            log.warning("the cluster refused an asset", extra={"said": _status_of(error).get("message")})
            raise Problem(
                403,
                "not-allowed",
                f"the cluster allows no further asset in namespace {namespace} (quota, policy)",
            ) from None
        raise


def _made_before(parts: Backend, namespace: str, manifest: dict[str, Any]) -> dict[str, Any]:
    """Give the asset that this idempotency key made, if the body was the same."""
    existing = parts.cluster.asset(namespace, manifest["metadata"]["name"])
    annotations = existing["metadata"].get("annotations") or {}
    wanted = manifest["metadata"]["annotations"][intake.REQUEST_ANNOTATION]
    if annotations.get(intake.REQUEST_ANNOTATION) != wanted:
        raise Problem(409, "idempotency-key-reused", "this Idempotency-Key was sent with another body before")
    return existing


def _status_of(error: ApiException) -> dict[str, Any]:
    try:
        status = json.loads(error.body or "")
    except ValueError:
        return {}
    return status if isinstance(status, dict) else {}


def find(parts: Backend, workspace: str, asset: UUID) -> Rows:
    """Give an asset's rows; raises Problem (404) where the workspace has no such asset."""
    with parts.database.bound(workspace) as connection:
        return read(connection, asset)


def read(connection: Connection, asset: UUID) -> Rows:
    """Give an asset's rows within a transaction; raises Problem (404)."""
    row = connection.execute(select(AssetRow.__table__).where(AssetRow.id == asset)).one_or_none()
    if row is None:
        raise not_found("asset")
    wanted = (JobRow.media_asset_id == asset) & JobRow.wanted
    jobs = connection.execute(select(JobRow.__table__).where(wanted).order_by(JobRow.position)).all()
    return Rows(row, jobs, *costs.of_asset(connection, asset))


def retry(parts: Backend, workspace: str, asset: UUID) -> Rows:
    """Ask the operator for the next round of what failed; raises Problem (404, 409)."""
    found = find(parts, workspace, asset)
    row = found.asset
    try:
        resource = parts.cluster.asset(row.namespace, row.name)
    except ApiException as error:
        if error.status != 404:
            raise
        resource = None
    if resource is None or resource["metadata"]["uid"] != str(row.resource_uid):
        raise Problem(409, "resource-gone", "the MediaAsset of this asset no longer exists; apply it again")
    if asked_already(MediaAsset.model_validate(resource)):
        return found
    if not something_failed(MediaAsset.model_validate(resource)):
        raise Problem(409, "nothing-failed", "nothing of this asset has failed")
    try:
        parts.cluster.annotate_asset(resource, {RETRY_ANNOTATION: uuid4().hex})
    except ApiException as error:
        if error.status == 409:
            raise Problem(409, "changed-meanwhile", "the asset changed meanwhile; ask again") from None
        raise
    return found


def asked_already(asset: MediaAsset) -> bool:
    """Say whether a retry is asked for that the operator has not handled yet."""
    token = asset.annotation("retry")
    return token is not None and token != asset.status.last_handled.retry


def something_failed(asset: MediaAsset) -> bool:
    """Say whether a retry has something to open: the source, an operation or a target that failed.

    Not what a person has to resolve, and not what was cancelled.
    """
    status = asset.status
    stalled = rows.condition(status.conditions, "Stalled")
    ready = rows.condition(status.conditions, "Ready")
    if ready and ready.reason == Reason.CANCELLED:
        return False
    return (
        status.progress.failed > 0
        or any(post.state == "Failed" for post in (status.publication.posts if status.publication else []))
        or bool(stalled and stalled.status == "True" and ready and ready.reason != Reason.OUTCOME_UNKNOWN)
    )
