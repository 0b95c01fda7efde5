"""What the backend keeps of the cluster, and when it asks again: on a clock of the test's own."""

import time

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from mediaops.problems import Problem
from mediaops_backend.cluster import Issuer, Workspaces
from mediaops_backend.pods import Pod, PodTokens

ISSUER = "https://kubernetes.default.svc"


class Clock:
    """Moves when a test moves it, and a little with each look, as time does."""

    now = 1000.0

    def __call__(self) -> float:
        self.now += 1e-6
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


class Listing:
    """Namespaces as the API server lists them, and how often it was asked."""

    def __init__(self, **namespaces: str) -> None:
        self.namespaces = namespaces
        self.asked = 0

    def __call__(self) -> dict[str, str]:
        self.asked += 1
        return dict(self.namespaces)


def test_a_known_namespace_is_asked_for_once() -> None:
    listing, clock = Listing(acme="acme"), Clock()
    workspaces = Workspaces(listing, {}, clock)
    for _ in range(3):
        assert workspaces.of_namespace("acme") == "acme"
    assert listing.asked == 1


def test_a_new_namespace_is_found_at_once() -> None:
    listing, clock = Listing(), Clock()
    workspaces = Workspaces(listing, {}, clock, clock.sleep)
    assert workspaces.of_namespace("new") is None
    listing.namespaces["new"] = "acme"
    assert workspaces.of_namespace("new") == "acme"


def test_unknown_names_do_not_flood_the_api_server() -> None:
    listing, clock = Listing(), Clock()
    workspaces = Workspaces(listing, {}, clock, clock.sleep)
    for _ in range(50):
        clock.now += 0.001
        assert workspaces.of_namespace("unknown") is None
    assert listing.asked / (clock.now - Clock.now) <= 1 / Workspaces.PAUSE_SECONDS + 1


def test_a_label_that_was_taken_away_is_noticed() -> None:
    listing, clock = Listing(acme="acme"), Clock()
    workspaces = Workspaces(listing, {}, clock)
    assert workspaces.of_namespace("acme") == "acme"
    listing.namespaces = {}
    clock.now += Workspaces.MAX_AGE_SECONDS
    assert workspaces.of_namespace("acme") is None


@pytest.mark.parametrize(
    ("preferred", "expected"), [({}, "acme-a"), ({"acme": "acme-b"}, "acme-b"), ({"acme": "other"}, "acme-a")]
)
def test_new_assets_go_to_the_configured_namespace_or_the_first_by_name(
    preferred: dict[str, str], expected: str
) -> None:
    listing = Listing(**{"acme-b": "acme", "acme-a": "acme", "other": "other"})
    assert Workspaces(listing, preferred, Clock()).namespace_of("acme") == expected


@pytest.mark.parametrize(
    ("pod", "belongs"),
    [
        ("clip-0123456789ab-x7k2p", True),
        ("clip-0123456789ab", False),
        ("clip-0123456789ab-x7k2", False),
        ("clip-0123456789ab-0-x7k2p", False),
        ("a-clip-0123456789ab-x7k2p", False),
        ("clip-0123456789ab-x7k2p\n", False),
    ],
)
def test_a_pod_belongs_to_the_job_whose_name_it_extends_by_five_characters(pod: str, belongs: bool) -> None:
    assert Pod("acme", pod).belongs_to("clip-0123456789ab") is belongs


@pytest.mark.parametrize(
    ("pod", "index"),
    [
        ("clip-0123456789ab-0-x7k2p", 0),
        ("clip-0123456789ab-63-x7k2p", 63),
        ("clip-0123456789ab-007-x7k2p", None),
        ("clip-0123456789ab-x7k2p", None),
        ("a-clip-0123456789ab-0-x7k2p", None),
        ("clip-0123456789ab-0-x7k2p\n", None),
    ],
)
def test_a_pod_of_an_indexed_job_has_its_index_in_its_name(pod: str, index: int | None) -> None:
    assert index == Pod("acme", pod).index_in("clip-0123456789ab")


class Keys:
    """An issuer whose key can be rotated."""

    def __init__(self) -> None:
        self.asked = 0
        self.rotate()

    def rotate(self) -> None:
        self.private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.key_id = f"key-{self.asked}"

    def __call__(self) -> Issuer:
        self.asked += 1
        jwk = jwt.algorithms.RSAAlgorithm.to_jwk(self.private.public_key(), as_dict=True)
        return Issuer(ISSUER, [{**jwk, "kid": self.key_id, "alg": "RS256"}])

    def token(self, **changes: object) -> str:
        claims = {
            "iss": ISSUER,
            "aud": ["mediaops-backend"],
            "exp": int(time.time()) + 60,
            "kubernetes.io": {"namespace": "acme", "pod": {"name": "clip-1-abcde", "uid": "1"}},
        }
        return jwt.encode(
            {**claims, **changes}, self.private, algorithm="RS256", headers={"kid": self.key_id}
        )


def test_keys_are_fetched_once_and_again_after_rotation() -> None:
    keys, clock = Keys(), Clock()
    tokens = PodTokens(keys, clock)
    for _ in range(3):
        assert tokens.check(keys.token()) == Pod("acme", "clip-1-abcde")
    assert keys.asked == 1
    keys.rotate()
    with pytest.raises(Problem):
        tokens.check(keys.token())
    assert keys.asked == 1
    clock.now += PodTokens.REFETCH_SECONDS
    assert tokens.check(keys.token()) == Pod("acme", "clip-1-abcde")


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "https://elsewhere"},
        {"aud": ["https://kubernetes.default.svc"]},
        {"exp": 1},
        {"kubernetes.io": {"namespace": "acme", "serviceaccount": {"name": "default"}}},
        {"kubernetes.io": None},
    ],
)
def test_tokens_that_are_not_a_pods_for_us_are_refused(changes: dict[str, object]) -> None:
    keys = Keys()
    with pytest.raises(Problem) as refused:
        PodTokens(keys, Clock()).check(keys.token(**changes))
    assert refused.value.status == 401
