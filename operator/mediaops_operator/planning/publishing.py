"""Publishing: decide what is posted, commit to the request, send it until every target has ended.

The database is the truth for what was posted. Decisions are put on record first, then the request's id goes
into status, then n8n is told; each of the three may be repeated without harm.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from mediaops.identity import digest, request_id
from mediaops.models.mediaasset import SOURCE, PostStatus, PublicationStatus
from mediaops.models.publish import Publish, Target
from mediaops.models.work import StepResult, StoredFile
from mediaops.publications import HELD, TERMINAL, Decision, Publication, State
from mediaops.reasons import Reason
from mediaops_operator.installation import Installation
from mediaops_operator.observed import Observed, Post
from mediaops_operator.planning.conditions import Says, stamp
from mediaops_operator.planning.desired import Decide, PostAction, Send

PUBLISHED = "Published"

_STATES: dict[State, Any] = {
    State.PLANNED: "Planned",
    State.CLAIMED: "Claimed",
    State.POSTING: "Posting",
    State.POSTED: "Posted",
    State.FAILED: "Failed",
    State.OUTCOME_UNKNOWN: "OutcomeUnknown",
    State.WITHDRAWN: "Withdrawn",
}


Outcome = Literal["none", "held", "working", "posted", "failed"]
"""held: nothing is sent before a person has seen to a quality check."""


@dataclass(frozen=True)
class PublishPlan:
    """What becomes of publishing."""

    outcome: Outcome
    says: Says
    status: PublicationStatus | None
    actions: tuple[PostAction, ...] = ()
    send: Send | None = None
    wake_at: datetime | None = None


def not_requested() -> PublishPlan:
    """Give the plan of an asset without targets."""
    return PublishPlan(
        "none", Says(PUBLISHED, "False", Reason.NOT_REQUESTED, Reason.NOT_REQUESTED.sentence), None
    )


def plan_publishing(
    observed: Observed,
    files: Mapping[str, list[StoredFile]],
    captions: Mapping[str, StepResult],
    round_: int,
    installation: Installation,
    now: datetime,
    hold: Says | None = None,
) -> PublishPlan:
    """Give the next step of publishing an asset whose operations have all succeeded.

    `files`: what each operation and the source has to post, by name; `captions`: results of caption
    operations, by name; `hold`: what quality checks say, unless all hold. What was sent already goes on.
    """
    publish = observed.asset.spec.publish
    if publish is None:
        return not_requested()
    known = {t.name: t for t in publish.targets if t.platform in installation.platforms}
    decisions = _decisions(observed, publish, known, files, captions, round_)
    before = observed.asset.status.publication or PublicationStatus()
    request = request_id(observed.asset_id, publish.key)
    revision = before.revision if before.request_id == str(request) else _revision(decisions)
    if hold is not None and before.request_id != str(request):
        outcome: Outcome = "held" if hold.status == "False" else "working"
        return PublishPlan(
            outcome, replace(hold, type=PUBLISHED), before.model_copy(update={"revision": revision})
        )
    if observed.posts is None:
        trouble = observed.database_trouble
        says = Says(PUBLISHED, "Unknown", trouble.reason, trouble.message) if trouble else _working()
        return PublishPlan("working", says, before.model_copy(update={"revision": revision}))
    rows = {post.target: post for post in observed.posts if post.key == publish.key and post.target in known}
    undecided = {t: d for t, d in decisions.items() if _undecided(rows.get(t), d)}
    if undecided:
        says = Says(PUBLISHED, "Unknown", Reason.WAITING, "an earlier asset of this name still has a target")
        return PublishPlan(
            "working", says, before.model_copy(update={"revision": revision}),
            actions=(Decide(publish.key, undecided),), wake_at=now + timedelta(seconds=30),
        )  # fmt: skip
    committed = before.request_id == str(request)
    status = PublicationStatus(
        request_id=str(request),
        revision=revision,
        generation=before.generation if committed else observed.asset.generation,
        sends=before.sends if committed else 0,
        posts=[_post(target, rows.get(target.name), installation) for target in publish.targets],
    )
    says = _outcome(status, rows, decisions, observed)
    open_ = [row for row in rows.values() if row.row.state not in TERMINAL]
    if not open_:
        return PublishPlan("posted" if says.status == "True" else "failed", says, status)
    return _request(observed, publish, status, open_, says, request, installation, now)


def _decisions(
    observed: Observed,
    publish: Publish,
    targets: Mapping[str, Target],
    files: Mapping[str, list[StoredFile]],
    captions: Mapping[str, StepResult],
    round_: int,
) -> dict[str, Decision]:
    spec, asset = observed.asset.spec, observed.asset
    chosen = {text.target: text.variant for text in spec.review.texts} if spec.review else {}
    contents = {
        name: (
            [f for m in _media(target, spec.primary_name) for f in files[m]],
            _text(target, captions, chosen.get(name)),
        )
        for name, target in targets.items()
    }
    revision = digest(
        [
            (name, targets[name].platform, targets[name].account, [f.sha256 for f in made], text)
            for name, (made, text) in sorted(contents.items())
        ]
    )
    return {
        name: Decision(
            resource_uid=UUID(asset.uid),
            media_asset_id=observed.asset_id,
            request_id=request_id(observed.asset_id, publish.key),
            revision=revision,
            platform=targets[name].platform,
            account=targets[name].account,
            text=text,
            files=[
                {"key": f.key, "sha256": f.sha256, "size": f.size_bytes, "type": f.media_type} for f in made
            ],
            round=round_,
            retry_limit=spec.retry.limit,
            backoff_seconds=spec.retry.backoff_seconds,
        )
        for name, (made, text) in contents.items()
    }


def _media(target: Target, primary: str) -> list[str]:
    return [m.from_ for m in target.media] if target.media else [primary]


def _text(target: Target, captions: Mapping[str, StepResult], chosen: int | None) -> str:
    """Give the text of a post: as written, or the caption's for this platform, variant and language.

    `chosen`: the variant that a person chose in spec.review. The caption's own language comes first among its texts.
    """
    if target.text is None:
        return ""
    if target.text.value is not None:
        return target.text.value
    result = captions.get(target.text.from_ or "")
    texts = result.texts if result else []
    wanted = (target.text.variant or 0) if chosen is None else chosen
    language = target.text.language
    for platform in (target.platform, "any"):
        for text in texts:
            fits = language is None or text.language in (None, language)
            if fits and (text.platform, text.variant) == (platform, wanted):
                return text.text
    return ""


def _revision(decisions: Mapping[str, Decision]) -> str | None:
    return next((d.revision for d in decisions.values()), None)


def _undecided(post: Post | None, decision: Decision) -> bool:
    """Say whether a target needs a decision on record: it has none, or the next round opens a failed one."""
    if post is None or post.row.state is State.WITHDRAWN:
        return True
    if post.row.resource_uid != decision.resource_uid:
        return post.row.state not in (State.POSTED, State.OUTCOME_UNKNOWN)
    return post.row.state is State.FAILED and post.row.round < decision.round


def _post(target: Target, post: Post | None, installation: Installation) -> PostStatus:
    if post is None:
        named = ", ".join(sorted(installation.platforms))
        message = f"this installation publishes on: {named}"
        return PostStatus(target=target.name, state="Failed", reason=Reason.UNKNOWN_PLATFORM, message=message)
    return _shown(target.name, post.row)


def _shown(target: str, row: Publication) -> PostStatus:
    return PostStatus(
        target=target,
        state=_STATES[row.state],
        external_post_id=row.external_post_id,
        uri=row.url,
        post_time=stamp(row.posted_at) if row.posted_at else None,
        reason=row.reason,
        message=row.message[:512] if row.message else None,
    )


def refreshed(publication: PublicationStatus, posts: Iterable[Post]) -> PublicationStatus:
    """Give the same publication with each target as it stands now."""
    rows = {p.target: p.row for p in posts if str(p.request_id) == publication.request_id}
    shown = [_shown(p.target, rows[p.target]) if p.target in rows else p for p in publication.posts]
    return publication.model_copy(update={"posts": shown})


def _outcome(
    status: PublicationStatus, rows: Mapping[str, Post], decisions: Mapping[str, Decision], observed: Observed
) -> Says:
    """Say how publishing stands, the worst target first."""
    unknown = [p for p in status.posts if p.state == "OutcomeUnknown"]
    lost = [p for p in status.posts if p.state in ("Failed", "Withdrawn")]
    if any(p.state in ("Planned", "Claimed", "Posting") for p in status.posts):
        return _working()
    if unknown:
        name = unknown[0].target
        words = (
            f"{name}: it is unknown whether the post exists. Look at the account, then set the annotation "
            f"mediaops.dev/resolve to {name}=posted:ID or {name}=post-again"
        )
        return Says(PUBLISHED, "False", Reason.OUTCOME_UNKNOWN, words)
    if lost:
        words = "; ".join(f"{p.target}: {p.reason or p.state}: {p.message or ''}".strip(": ") for p in lost)
        reason = (
            Reason.UNKNOWN_PLATFORM if lost[0].reason == Reason.UNKNOWN_PLATFORM else Reason.PUBLISH_FAILED
        )
        return Says(PUBLISHED, "False", reason, words)
    reason = _agreement(rows, decisions, observed.asset.uid)
    return Says(PUBLISHED, "True", reason, reason.sentence)


def _agreement(rows: Mapping[str, Post], decisions: Mapping[str, Decision], uid: str) -> Reason:
    """Compare what was posted with what would be posted now."""
    foreign = {t: p for t, p in rows.items() if str(p.row.resource_uid) != uid}

    def files_differ(target: str) -> bool:
        return [f["sha256"] for f in decisions[target].files] != list(rows[target].files)

    def differs(target: str) -> bool:
        decision = decisions[target]
        place = (decision.platform, decision.account)
        return files_differ(target) or (decision.text, place) != (rows[target].text, rows[target].place)

    if any(files_differ(t) for t in foreign):
        return Reason.PUBLISHED_DIFFERENT_MEDIA
    if any(differs(t) for t in rows if t not in foreign):
        return Reason.PUBLISHED_OLDER_REVISION
    return Reason.ALREADY_POSTED if foreign else Reason.POSTED


def _working() -> Says:
    return Says(PUBLISHED, "Unknown", Reason.PUBLISHING, Reason.PUBLISHING.sentence)


def _request(
    observed: Observed,
    publish: Publish,
    status: PublicationStatus,
    open_: list[Post],
    says: Says,
    request: UUID,
    installation: Installation,
    now: datetime,
) -> PublishPlan:
    """Send, or wait until sending again can be of use."""
    last = observed.sending
    due = _due(open_, last.time if last else None, status.sends, installation.resend_seconds)
    number = status.sends + 1
    if last and last.failures:  # the same send again: n8n didn't take it
        says = Says(
            PUBLISHED, "Unknown", Reason.N8N_UNAVAILABLE, f"n8n didn't take the request: {last.message}"
        )
        due = last.time + timedelta(seconds=min(2**last.failures, installation.resend_seconds))
        number = max(status.sends, 1)
    if due and due > now:
        return PublishPlan("working", says, status, wake_at=due)
    names = {post.target for post in open_}
    body = {
        "action": "upload_media",
        "request_id": str(request),
        "asset_id": str(observed.asset_id),
        "workspace_id": observed.served,
        "targets": [
            {"name": t.name, "platform": t.platform, "account": t.account}
            for t in publish.targets
            if t.name in names
        ],
    }
    status = status.model_copy(update={"sends": number})
    return PublishPlan("working", says, status, send=Send(request, number, body))


def _due(open_: list[Post], last: datetime | None, sends: int, resend_seconds: float) -> datetime | None:
    """Give the time from which sending (again) is of use; None: at once.

    A target that waits for its back-off is due when that ends; one under a lease not before the lease ends.
    """
    if last is None or sends == 0:
        return None
    again = last + timedelta(seconds=resend_seconds * 2 ** min(sends - 1, 4))
    times = []
    for post in open_:
        row = post.row
        if row.next_attempt_at and row.next_attempt_at > last:
            times.append(row.next_attempt_at)
        elif row.state in HELD and row.lease_until:
            times.append(max(row.lease_until + timedelta(seconds=1), again))
        else:
            times.append(again)
    return min(times)


def source_file(observed: Observed) -> list[StoredFile]:
    """Give the source as a file to post; nothing where its content hash isn't known."""
    found = observed.source.object
    if found is None or found.sha256 is None:
        return []
    media_type = found.media_type or "application/octet-stream"
    file = StoredFile(
        name=SOURCE,
        key=found.key,
        media_type=media_type,
        size_bytes=found.size_bytes or 0,
        sha256=found.sha256,
    )
    return [file]
