"""The routes. Each is written as X documents it; what X is known to refuse is refused with X's words.

Known from X's pages and users' reports: FINALIZE wants a JSON object as its body; a part of 5 MB has got
a 413; parts are numbered from 0 to 999; a media id is used up by its post; refresh tokens work once.
Where X's behaviour is not known the stand-in takes the harder one: finalizing twice is refused, a part sent
again must have the same bytes, a status asked for too early is a 429.
"""

import base64
import hashlib
import math
import threading
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from hack.services.standins.base import Request, Response, Route, Router, json_response
from hack.services.standins.x import rules
from hack.services.standins.x.store import Store, User

MEDIA_LIFETIME_SECONDS = 86_400
TOKEN_LIFETIME_SECONDS = 7_200


@dataclass(frozen=True)
class Fault:
    """How a route misbehaves for the next `times` calls after `skip` good ones.

    action: status (answer `status`; a 429 ends in `seconds`), close, hang (answer after `seconds`), trickle
    (answer over `seconds`), late (do the work after `seconds`), blind (an empty timeline).
    With `commit` the work is done before the answer is broken; without it close, hang and status do nothing.
    """

    action: str
    times: int = 1
    skip: int = 0
    status: int = 503
    seconds: float = 1.0
    commit: bool = False


def problem(status: int, title: str, detail: str, kind: str = "about:blank") -> Response:
    """An error as X's v2 API words it."""
    return json_response(status, {"title": title, "type": kind, "status": status, "detail": detail})


def invalid(parameter: str, message: str) -> Response:
    """X's 400 for a bad parameter."""
    return json_response(
        400,
        {
            "errors": [{"parameters": {parameter: []}, "message": message}],
            "title": "Invalid Request",
            "detail": "One or more parameters to your request was invalid.",
            "type": "https://api.twitter.com/2/problems/invalid-request",
        },
    )


class Refused(Exception):
    """X refuses the call with this answer."""

    def __init__(self, response: Response) -> None:
        super().__init__(response.status)
        self.response = response


class X:
    """The whole stand-in as a function from request to response."""

    def __init__(self, state: Path, processing_seconds: float = 1.0) -> None:
        self.store = Store(state)
        self._processing_seconds = processing_seconds
        self._finalizing = threading.Lock()
        self._router = Router()
        for method, path, name, route in (
            ("POST", "/2/media/upload/initialize", "initialize", self._initialize),
            ("POST", "/2/media/upload/{id}/append", "append", self._append),
            ("POST", "/2/media/upload/{id}/finalize", "finalize", self._finalize),
            ("GET", "/2/media/upload", "status", self._status),
            ("POST", "/2/tweets", "tweet", self._tweet),
            ("GET", "/2/users/me", "me", self._me),
            ("GET", "/2/users/{id}/tweets", "timeline", self._timeline),
            ("POST", "/2/oauth2/token", "token", self._token),
        ):
            self._router.add(method, path, self._watched(name, route))
        self._router.add("GET", "/_standin/posts", lambda _: json_response(200, self.store.posts()))
        self._router.add("GET", "/_standin/calls", lambda _: json_response(200, self.store.calls()))
        self._router.add("POST", "/_standin/faults", self._add_fault)
        self._router.add("DELETE", "/_standin/faults", self._clear_faults)
        self._router.add("POST", "/_standin/expire-tokens", self._expire_tokens)

    def __call__(self, request: Request) -> Response:
        return self._router(request)

    # Faults and the log

    def _add_fault(self, request: Request) -> Response:
        rule = request.json_object() or {}
        self.store.add_fault(rule.pop("route"), asdict(Fault(**rule)))
        return json_response(201, {})

    def _clear_faults(self, _: Request) -> Response:
        self.store.clear_faults()
        return json_response(200, {})

    def _expire_tokens(self, _: Request) -> Response:
        self.store.expire_tokens()
        return json_response(200, {})

    def _watched(self, name: str, route: Route) -> Route:
        def watched(request: Request) -> Response:
            rule = self.store.take_fault(name)
            try:
                response = self._broken(route, request, Fault(**rule)) if rule else route(request)
            except Refused as refused:
                response = refused.response
            detail: dict[str, Any] = {"bytes": len(request.body), **request.params}
            if name == "append":
                detail["segment_index"] = request.headers.get("x-standin-segment")
            self.store.log(name, response.status, response.fate, detail)
            return response

        return watched

    def _broken(self, route: Route, request: Request, fault: Fault) -> Response:
        if fault.action == "late":
            time.sleep(fault.seconds)
            return route(request)
        done = route(request) if fault.commit or fault.action == "trickle" else problem(503, "Fault", "")
        if fault.action == "status":
            reset = str(math.ceil(time.time() + fault.seconds))
            headers = {"x-rate-limit-reset": reset} if fault.status == 429 else {}
            return json_response(fault.status, {"title": "Fault", "status": fault.status}, headers)
        if fault.action == "blind":
            return json_response(200, {"meta": {"result_count": 0}})
        return replace(done, fate=fault.action, seconds=fault.seconds)

    def _user(self, request: Request) -> User:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        user = self.store.user_of(token) if scheme.lower() == "bearer" else None
        if user is None:
            raise Refused(problem(401, "Unauthorized", "Unauthorized"))
        return user

    @staticmethod
    def _json(request: Request) -> dict[str, Any]:
        body = request.json_object()
        if request.media_type != "application/json" or body is None:
            raise Refused(invalid("$", "Request body must be a JSON object."))
        return body

    def _media(self, media_id: str, user: User, *, finalized: bool) -> dict[str, Any]:
        media = self.store.media(media_id, user)
        if media is None or bool(media["finalized_at"]) != finalized:
            raise Refused(invalid("id", "Your media ID is invalid."))
        return media

    # OAuth 2

    def _token(self, request: Request) -> Response:
        fields, _ = request.form()
        scheme, _, basic = request.headers.get("authorization", "").partition(" ")
        client = fields.get("client_id")
        if scheme.lower() == "basic":
            client = base64.b64decode(basic).decode().partition(":")[0]
        if not client:
            return json_response(401, {"error": "unauthorized_client", "error_description": "Missing client"})
        tokens = self.store.refresh(fields.get("refresh_token", ""))
        if fields.get("grant_type") != "refresh_token" or tokens is None:
            return json_response(
                400,
                {"error": "invalid_request", "error_description": "Value passed for the token was invalid."},
            )
        return json_response(
            200,
            {
                "token_type": "bearer",
                "expires_in": TOKEN_LIFETIME_SECONDS,
                "access_token": tokens[0],
                "refresh_token": tokens[1],
                "scope": "tweet.read tweet.write users.read media.write offline.access",
            },
        )

    # Media

    def _initialize(self, request: Request) -> Response:
        user, body = self._user(request), self._json(request)
        total, media_type = body.get("total_bytes"), str(body.get("media_type"))
        category = rules.CATEGORIES.get(str(body.get("media_category")))
        if category is None:
            return invalid("media_category", "$.media_category: does not have a value in the enumeration")
        if media_type not in category.types:
            return invalid("media_type", "media_type does not match media_category")
        if not isinstance(total, int) or not 0 < total <= category.max_bytes:
            return invalid("total_bytes", f"File size exceeds {category.max_bytes} bytes.")
        media_id = self.store.add_media(
            user, media_type, str(body["media_category"]), total, MEDIA_LIFETIME_SECONDS
        )
        return json_response(
            200,
            {
                "data": {
                    "id": media_id,
                    "media_key": f"{category.prefix}_{media_id}",
                    "expires_after_secs": MEDIA_LIFETIME_SECONDS,
                }
            },
        )

    def _append(self, request: Request) -> Response:
        user = self._user(request)
        if request.media_type != "multipart/form-data":
            return problem(415, "Unsupported Media Type", "multipart/form-data is wanted")
        fields, files = request.form()
        text = fields.get("segment_index", "")
        request.headers["x-standin-segment"] = text
        data = files["media"].read() if "media" in files else b""
        media = self._media(request.params["id"], user, finalized=False)
        if not text.isdecimal() or int(text) > rules.MAX_SEGMENT_INDEX or not data:
            return invalid("segment_index", "segment_index and media are required.")
        if len(data) >= rules.MAX_SEGMENT_BYTES:
            return problem(413, "Payload Too Large", "Payload Too Large")
        self._check_fit(media, int(text), data)
        self.store.put_segment(media["id"], int(text), data)
        return json_response(200, {"data": {"expires_at": int(media["expires_at"])}})

    def _check_fit(self, media: dict[str, Any], index: int, data: bytes) -> None:
        known = self.store.segments(media["id"])
        if index > len(known):
            raise Refused(invalid("segment_index", f"Segment {len(known)} is missing."))
        if index < len(known) and known[index]["sha256"] != hashlib.sha256(data).hexdigest():
            raise Refused(invalid("media", "The segment was sent before with other bytes."))
        if sum(s["size"] for s in known if s["idx"] != index) + len(data) > media["total_bytes"]:
            raise Refused(invalid("media", "Segments exceed the provided total file size."))

    def _finalize(self, request: Request) -> Response:
        user = self._user(request)
        self._json(request)
        with self._finalizing:
            return self._assembled(self._media(request.params["id"], user, finalized=False))

    def _assembled(self, media: dict[str, Any]) -> Response:
        if sum(s["size"] for s in self.store.segments(media["id"])) != media["total_bytes"]:
            return invalid("id", "Segments do not add up to provided total file size.")
        path, sha256 = self.store.assemble(media["id"])
        fault = rules.media_fault(path, media["media_type"])
        category = rules.CATEGORIES[media["category"]]
        if fault and not category.processed:
            return invalid("media", fault)
        self.store.finalize(media["id"], sha256, fault, time.time() + 1)
        data = self._described(media)
        if category.processed:
            data["processing_info"] = {"state": "pending", "check_after_secs": 1}
        return json_response(200, {"data": data})

    def _described(self, media: dict[str, Any]) -> dict[str, Any]:
        return {
            "id": media["id"],
            "media_key": f"{rules.CATEGORIES[media['category']].prefix}_{media['id']}",
            "size": media["total_bytes"],
            "expires_after_secs": int(media["expires_at"] - time.time()),
        }

    def _state(self, media: dict[str, Any]) -> dict[str, Any] | None:
        """processing_info of a finalized upload; None where X processes nothing."""
        if not rules.CATEGORIES[media["category"]].processed:
            return None
        elapsed = time.time() - media["finalized_at"]
        if elapsed < self._processing_seconds:
            return {"state": "pending", "check_after_secs": 1, "progress_percent": 0}
        if elapsed < self._processing_seconds * 2:
            return {"state": "in_progress", "check_after_secs": 1, "progress_percent": 50}
        if media["fault"]:
            error = {"code": 1, "name": "InvalidMedia", "message": media["fault"]}
            return {"state": "failed", "progress_percent": 100, "error": error}
        return {"state": "succeeded", "progress_percent": 100}

    def _status(self, request: Request) -> Response:
        user = self._user(request)
        if request.query.get("command") != "STATUS":
            return invalid("command", "command must be STATUS")
        media = self._media(request.query.get("media_id", ""), user, finalized=True)
        if time.time() < media["next_poll_at"]:
            return self._too_many(media["next_poll_at"])
        data, info = self._described(media), self._state(media)
        if info:
            data["processing_info"] = info
            self.store.set_next_poll(media["id"], time.time() + info.get("check_after_secs", 0))
        return json_response(200, {"data": data})

    @staticmethod
    def _too_many(until: float) -> Response:
        headers = {"x-rate-limit-reset": str(math.ceil(until)), "x-rate-limit-remaining": "0"}
        body = {
            "title": "Too Many Requests",
            "detail": "Too Many Requests",
            "type": "about:blank",
            "status": 429,
        }
        return json_response(429, body, headers)

    # Posts

    def _tweet(self, request: Request) -> Response:
        user, body = self._user(request), self._json(request)
        text, media_ids = str(body.get("text", "")), (body.get("media") or {}).get("media_ids", [])
        if not text and not media_ids:
            return invalid("text", "Text or media is required.")
        if rules.weighted_length(text) > rules.MAX_WEIGHTED_LENGTH:
            return problem(403, "Forbidden", "Your Tweet text is too long.")
        with self.store.transaction() as db:
            media = self._postable(media_ids, user)
            content = (text, [m["sha256"] for m in media])
            if any(
                (p["text"], [m["sha256"] for m in p["media"]]) == content for p in self.store.posts(user.id)
            ):
                return problem(
                    403, "Forbidden", "You are not allowed to create a Tweet with duplicate content."
                )
            post_id = self.store.add_post(db, user, text, [m["id"] for m in media])
        return json_response(
            201, {"data": {"id": post_id, "text": text, "edit_history_tweet_ids": [post_id]}}
        )

    def _postable(self, media_ids: list[str], user: User) -> list[dict[str, Any]]:
        media = [self._media(str(media_id), user, finalized=True) for media_id in media_ids]
        for one in media:
            state = self._state(one)
            if one["post_id"] or (state and state["state"] != "succeeded"):
                raise Refused(invalid("media.media_ids", "Your media IDs are invalid."))
        images = all(one["category"] == "tweet_image" for one in media)
        if len(media) > (4 if images else 1):
            raise Refused(invalid("media.media_ids", "Up to 4 photos, or 1 GIF, or 1 video."))
        return media

    def _me(self, request: Request) -> Response:
        user = self._user(request)
        return json_response(200, {"data": {"id": user.id, "name": user.username, "username": user.username}})

    def _timeline(self, request: Request) -> Response:
        self._user(request)
        size = request.query.get("max_results", "10")
        if not size.isdecimal() or not 5 <= int(size) <= 100:
            return invalid(
                "max_results", f"The `max_results` query parameter value [{size}] is not between 5 and 100"
            )
        posts = self.store.posts(request.params["id"])[: int(size)]
        if not posts:
            return json_response(200, {"meta": {"result_count": 0}})
        keyed = "attachments.media_keys" in request.query.get("expansions", "").split(",")
        data: list[dict[str, Any]] = []
        for post in posts:
            data.append({"id": post["id"], "text": post["text"], "edit_history_tweet_ids": [post["id"]]})
            if keyed and post["media"]:
                keys = [f"{rules.CATEGORIES[m['category']].prefix}_{m['id']}" for m in post["media"]]
                data[-1]["attachments"] = {"media_keys": keys}
        meta = {"result_count": len(data), "newest_id": data[0]["id"], "oldest_id": data[-1]["id"]}
        return json_response(200, {"data": data, "meta": meta})
