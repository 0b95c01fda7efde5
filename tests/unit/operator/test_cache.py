"""The cache: versions decide, deletes are exact, a complete list corrects it."""

from __future__ import annotations

from typing import Any

from mediaops_operator.cache import ASSETS, JOBS, AssetKey, Cache

KEY = AssetKey("acme", "clip")


def job(version: int, name: str = "j", uid: str = "u1", asset: str = "clip") -> dict[str, Any]:
    labels = {"mediaops.dev/asset": asset}
    metadata = {
        "name": name,
        "namespace": "acme",
        "uid": uid,
        "resourceVersion": str(version),
        "labels": labels,
    }
    return {"metadata": metadata, "spec": {"version": version}}


def names(cache: Cache) -> list[str]:
    return [manifest["metadata"]["name"] for manifest in cache.children(JOBS, KEY)]


def test_the_echo_of_a_write_is_no_news() -> None:
    cache = Cache()
    assert KEY == cache.put(JOBS, job(5))
    assert cache.put(JOBS, job(5)) is None
    assert cache.put(JOBS, job(4)) is None
    assert 5 == cache.children(JOBS, KEY)[0]["spec"]["version"]


def test_a_late_echo_does_not_bring_back_what_is_gone() -> None:
    cache = Cache()
    cache.put(JOBS, job(5))
    assert KEY == cache.drop(JOBS, job(9))
    assert cache.put(JOBS, job(7)) is None
    assert [] == names(cache)
    assert KEY == cache.put(JOBS, job(11, uid="u2"))


def test_the_end_of_a_former_object_does_not_take_its_successor_along() -> None:
    cache = Cache()
    cache.put(JOBS, job(20, uid="new"))
    assert cache.drop(JOBS, job(15, uid="old")) is None
    assert ["j"] == names(cache)


def test_a_list_removes_what_it_lacks_unless_that_is_younger_than_the_list() -> None:
    cache = Cache()
    for version, name in ((5, "gone"), (6, "kept"), (50, "younger")):
        cache.put(JOBS, job(version, name, uid=name))
    assert {KEY} == cache.drop_missing(JOBS, {AssetKey("acme", "kept")}, 30)
    assert ["kept", "younger"] == names(cache)


def test_objects_of_nobody_are_not_kept() -> None:
    cache = Cache()
    stranger = job(5)
    del stranger["metadata"]["labels"]
    assert cache.put(JOBS, stranger) is None
    assert 0 == cache.count(JOBS)


def test_a_namespace_says_its_workspace_and_news_of_it() -> None:
    cache = Cache()
    namespace = {"metadata": {"name": "acme", "labels": {"mediaops.dev/workspace": "w"}}}
    assert cache.put_namespace(namespace)
    assert not cache.put_namespace(namespace)
    assert "w" == cache.workspace("acme")
    assert cache.put_namespace({"metadata": {"name": "acme"}})
    assert cache.workspace("acme") is None


def test_managed_fields_are_not_kept() -> None:
    cache = Cache()
    asset = {"metadata": {"name": "clip", "namespace": "acme", "uid": "u", "resourceVersion": "1"}}
    asset["metadata"]["managedFields"] = [{"manager": "kubectl"}]  # type: ignore[index]
    cache.put(ASSETS, asset)
    assert "managedFields" not in cache.asset(KEY)["metadata"]  # type: ignore[index]
