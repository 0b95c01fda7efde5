"""What users call to see what there is: one asset with all that is known of it, and pages of all."""

from __future__ import annotations

from flask import Blueprint, Response, g, request

from mediaops_backend import catalogue, shown
from mediaops_backend.backend import backend
from mediaops_backend.documented import documented
from mediaops_backend.reading import answer, uuid_of
from mediaops_backend.routes.media import only_users

routes = Blueprint("assets", __name__)
routes.before_request(only_users)


@routes.get("/api/media/assets")
@documented(
    "The workspace's assets, the newest first; `next` is the cursor of the next page, null on the last. Narrowed by "
    "status, file_type, and updated_since (RFC 3339).",
    who="user",
    answer=shown.Assets,
    problems=(422,),
    query=catalogue.AssetQuery,
)
def listed() -> Response:
    """Answer with one page."""
    asked = catalogue.AssetQuery.model_validate(request.args.to_dict())
    found = catalogue.page(backend().database, g.workspace, asked)
    return answer(shown.page(found, backend().storage))


@routes.get("/api/media/assets/<asset>")
@documented(
    "All that is known of an asset: jobs, outputs with addresses that open for 15 minutes, posts, costs, and what "
    "today's versions would make differently.",
    who="user",
    answer=shown.Detailed,
    problems=(404,),
)
def detailed(asset: str) -> Response:
    """Answer from the rows; nothing is written by asking."""
    found = catalogue.detail(backend().database, g.workspace, uuid_of(asset, "asset"))
    return answer(shown.detail(found, backend().storage))
