"""Publications in the database, as the operator reads and moves them; mediaops.publications decides."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, func, insert, select, update

from mediaops import publications
from mediaops.publications import Decision, Publication, State
from mediaops.tables import AssetRow, PostRow, mirror
from mediaops_operator.observed import Observed, Post
from mediaops_operator.planning.desired import Decide, PostAction, Resolve, Withdraw


def read(connection: Connection, workspace: str, resource: str) -> tuple[Post, ...]:
    """Give every publication on record under an asset's name."""
    rows = connection.execute(
        select(PostRow.__table__).where(PostRow.workspace_id == workspace, PostRow.resource == resource)
    )
    return tuple(_post(row._asdict()) for row in rows)


def _post(row: dict[str, Any]) -> Post:
    return Post(
        key=row["publish_key"],
        target=row["target"],
        request_id=row["request_id"],
        row=Publication.of(row),
        files=tuple(file["sha256"] for file in row["files"]),
        text=row["text"],
        place=(row["platform"], row["account"]),
    )


def act(
    connection: Connection, observed: Observed, asset_row: dict[str, Any], actions: Iterable[PostAction]
) -> tuple[Post, ...]:
    """Do what a plan asks for, each in its row's lock, and give all publications as they are then."""
    asset = observed.asset
    resource = f"{asset.namespace}/{asset.name}"
    # The row that publications refer to may not have been mirrored yet.
    connection.execute(mirror(AssetRow, [asset_row]))
    for action in actions:
        match action:
            case Decide():
                for target, decision in sorted(action.decisions.items()):
                    _decide(connection, observed.served, resource, action.publish_key, target, decision)
            case Withdraw():
                for key, target in sorted(action.posts):
                    _move(
                        connection,
                        _of(observed.served, resource, key, target),
                        lambda row, now: publications.withdraw(row, UUID(asset.uid), now),
                    )
            case Resolve():
                _resolve(
                    connection, _of(observed.served, resource, action.publish_key, action.target), action
                )
    return read(connection, observed.served, resource)


def withdraw_all(connection: Connection, resource_uids: Iterable[UUID]) -> None:
    """Take back what isn't posted of resources that are gone."""
    for uid in resource_uids:
        states = (State.PLANNED, State.CLAIMED, State.FAILED, State.POSTING)
        which = (PostRow.resource_uid == uid) & PostRow.state.in_([state.value for state in states])
        for publication in connection.scalars(select(PostRow.id).where(which)).all():
            _move(
                connection,
                PostRow.id == publication,
                lambda row, now, uid=uid: publications.withdraw(row, uid, now),  # type: ignore[misc]
            )


def _of(workspace: str, resource: str, key: str, target: str) -> ColumnElement[bool]:
    return (
        (PostRow.workspace_id == workspace)
        & (PostRow.resource == resource)
        & (PostRow.publish_key == key)
        & (PostRow.target == target)
    )


def _resolve(connection: Connection, which: ColumnElement[bool], action: Resolve) -> None:
    if action.post_id is None:
        _move(connection, which, lambda row, _: publications.resolve_again(row))
    else:
        post_id = action.post_id
        _move(connection, which, lambda row, now: publications.resolve_posted(row, post_id, now))


def _decide(
    connection: Connection, workspace: str, resource: str, key: str, target: str, decision: Decision
) -> None:
    """Put a decision on record, unless the row is in a state that must stay."""
    which = _of(workspace, resource, key, target)
    content = _content(decision)
    row = _locked(connection, which)
    now = _now(connection)
    if row is None:
        opened, _ = publications.plan(None, decision, now)
        identity = {"workspace_id": workspace, "resource": resource, "publish_key": key, "target": target}
        columns = {name: value for name, value in vars(opened).items() if value is not None}
        connection.execute(insert(PostRow).values(**identity, **content, **columns))
        return
    before = after = Publication.of(row)
    if before.state is State.FAILED and before.round < decision.round:
        same = all(row[name] == content[name] for name in ("platform", "account", "text", "files"))
        # With other content it is decided anew; with the same, what was uploaded already may be of use.
        if same and before.resource_uid == decision.resource_uid:
            after = publications.reopen(before, decision.round)
        else:
            after = publications.withdraw(before, before.resource_uid, now)
    after, opened_anew = publications.plan(after, decision, now)
    _write(connection, row, publications.changes(before, after) | (content if opened_anew else {}))


def _content(decision: Decision) -> dict[str, Any]:
    return {
        "media_asset_id": decision.media_asset_id,
        "request_id": decision.request_id,
        "revision": decision.revision,
        "platform": decision.platform,
        "account": decision.account,
        "text": decision.text,
        "files": decision.files,
    }


def _move(
    connection: Connection, which: ColumnElement[bool], move: Callable[[Publication, datetime], Publication]
) -> None:
    """Lock a row, if there is one, and write what becomes of it."""
    row = _locked(connection, which)
    if row is not None:
        before = Publication.of(row)
        _write(connection, row, publications.changes(before, move(before, _now(connection))))


def _locked(connection: Connection, which: ColumnElement[bool]) -> dict[str, Any] | None:
    row = connection.execute(select(PostRow.__table__).where(which).with_for_update()).one_or_none()
    return row._asdict() if row else None


def _now(connection: Connection) -> datetime:
    """Give the time by the database's clock, once the lock is ours."""
    now: datetime = connection.execute(select(func.clock_timestamp())).scalar_one()
    return now


def _write(connection: Connection, row: dict[str, Any], changes: dict[str, Any]) -> None:
    if changes:
        values = {**changes, "updated_at": func.clock_timestamp()}
        connection.execute(update(PostRow).where(PostRow.id == row["id"]).values(**values))
