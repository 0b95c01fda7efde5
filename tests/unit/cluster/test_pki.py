import datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509.oid import NameOID
from cryptography.x509.verification import PolicyBuilder, Store

from hack.cluster.pki import Authority


def load(path: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(path.read_bytes())


def test_an_issued_certificate_passes_strict_verification_for_its_name(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    issued = authority.issue("s3", sans=["s3.media.svc.cluster.local", "10.251.0.2"])

    verifier = PolicyBuilder().store(Store([load(authority.cert)]))
    for subject in (x509.DNSName("s3.media.svc.cluster.local"),):
        verifier.build_server_verifier(subject).verify(load(issued.cert), [])
    key = load_pem_private_key(issued.key.read_bytes(), password=None)
    assert key.public_key() == load(issued.cert).public_key()
    assert 0o600 == issued.key.stat().st_mode & 0o777


def test_the_same_request_gets_the_same_certificate_from_a_later_run(tmp_path: Path) -> None:
    first = Authority(tmp_path).issue("s3", sans=["s3", "10.251.0.2"]).cert.read_bytes()

    assert first == Authority(tmp_path).issue("s3", sans=["s3", "10.251.0.2"]).cert.read_bytes()


def test_other_names_or_another_group_replace_the_certificate(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    first = authority.issue("s3", sans=["s3"]).cert.read_bytes()
    second = authority.issue("s3", sans=["s3", "s3.media"]).cert.read_bytes()
    third = authority.issue("s3", sans=["s3", "s3.media"], organization="system:masters").cert.read_bytes()

    assert 3 == len({first, second, third})


def test_a_certificate_of_another_authority_is_replaced(tmp_path: Path) -> None:
    Authority(tmp_path).issue("s3", sans=["s3"])
    for name in ("ca.key", "ca.crt"):
        (tmp_path / name).unlink()
    renewed = Authority(tmp_path)

    load(renewed.issue("s3", sans=["s3"]).cert).verify_directly_issued_by(load(renewed.cert))


def test_a_certificate_that_runs_out_within_a_month_is_replaced(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("hack.cluster.pki.LEAF_DAYS", 29)
    authority = Authority(tmp_path)
    authority.issue("s3", sans=["s3"])
    monkeypatch.undo()

    left = load(authority.issue("s3", sans=["s3"]).cert).not_valid_after_utc - datetime.datetime.now(
        datetime.UTC
    )
    assert left.days > 300


def test_organization_and_name_are_what_kubernetes_reads_as_group_and_user(tmp_path: Path) -> None:
    subject = load(Authority(tmp_path).issue("system:node:n", organization="system:nodes").cert).subject

    assert ["system:node:n"] == [each.value for each in subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
    assert ["system:nodes"] == [
        each.value for each in subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)
    ]
