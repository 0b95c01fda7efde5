"""What users call to learn what their workspace's processing cost."""

from __future__ import annotations

from flask import Blueprint, Response, g, request

from mediaops_backend import costs
from mediaops_backend.backend import backend
from mediaops_backend.documented import documented
from mediaops_backend.reading import answer
from mediaops_backend.routes.media import only_users

routes = Blueprint("costs", __name__)
routes.before_request(only_users)


@routes.get("/api/media/costs")
@documented(
    "What processing cost, by asset, operation (its type) or month, and in all; integers, money in millionths of a "
    "US dollar.",
    who="user",
    answer=costs.Costs,
    problems=(422,),
    query=costs.CostQuery,
)
def report() -> Response:
    """Answer with the sums of the caller's workspace."""
    asked = costs.CostQuery.model_validate(request.args.to_dict())
    return answer(costs.report(backend().database, g.workspace, asked))
