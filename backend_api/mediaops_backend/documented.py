"""What a route says of itself, beside its path: read by openapi.py, written where the route is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from pydantic import BaseModel

Who = Literal["anyone", "user", "pod", "n8n", "operations"]
"""Whose bearer a route takes."""

F = TypeVar("F", bound=Callable[..., Any])
DOCUMENTED = "mediaops_documented"


@dataclass(frozen=True)
class Documented:
    """One route in words and models."""

    summary: str
    who: Who
    body: type[BaseModel] | None
    answer: type[BaseModel] | None
    status: int
    problems: tuple[int, ...]
    query: tuple[str, ...] | type[BaseModel]
    """Names that have to be given, or the model that the query is read with."""


def documented(
    summary: str,
    *,
    who: Who,
    body: type[BaseModel] | None = None,
    answer: type[BaseModel] | None = None,
    status: int = 200,
    problems: tuple[int, ...] = (),
    query: tuple[str, ...] | type[BaseModel] = (),
) -> Callable[[F], F]:
    """Attach a description to a route's function."""

    def attach(function: F) -> F:
        setattr(function, DOCUMENTED, Documented(summary, who, body, answer, status, problems, query))
        return function

    return attach
