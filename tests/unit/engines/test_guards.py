import pytest

from mediaops_ops.engines.guards import Claim, compression_ratio, is_speech


@pytest.mark.parametrize(
    ("claim", "believed"),
    [
        (Claim("Ask not."), True),
        (Claim("Ask not.", log_probability=-0.4, no_speech=0.9, supported=True), True),
        (Claim(" "), False),
        (Claim("Thanks for watching!", supported=False), False),
        (Claim("Thanks for watching!", log_probability=-1.2, no_speech=0.8), False),
        (Claim("Ask not.", log_probability=-1.2, no_speech=0.1), True),
        (Claim("Ask not.", log_probability=-2.3), False),
        (Claim("na " * 60), False),
        (Claim("na na", compression=3.0), False),
        (Claim("Anna, Kubernetes, Jobs.", prompt="Anna, Kubernetes, Jobs."), False),
        (Claim("Anna", prompt="Anna, Kubernetes, Jobs."), True),
    ],
)
def test_a_claim_is_believed_by_what_speaks_for_it(claim: Claim, believed: bool) -> None:
    assert is_speech(claim) == believed


def test_repetition_compresses_and_speech_does_not() -> None:
    assert compression_ratio("") == 0.0
    assert compression_ratio("and so my fellow Americans ask not what your country can do for you") < 1.5
    assert compression_ratio("you you you " * 30) > 10
