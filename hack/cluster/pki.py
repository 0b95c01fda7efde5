"""The cluster's certificate authority: one CA for its components and for the services beside it."""

import datetime
import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

AUTHORITY_DAYS = 3650
LEAF_DAYS = 365
RENEW_BEFORE_DAYS = 30


@dataclass(frozen=True)
class Certificate:
    """A certificate and its private key, as PEM files."""

    cert: Path
    key: Path


class Authority:
    """The CA in a folder, made on first use: `ca.crt`, `ca.key`, and what it issued under `issued/`.

    The folder also holds the key pair that signs service-account tokens (`sa.key`, `sa.pub`).
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.cert = folder / "ca.crt"
        self.service_account_key = folder / "sa.key"
        self.service_account_public_key = folder / "sa.pub"
        if not (folder / "ca.key").exists():
            self._found()
        self._key = serialization.load_pem_private_key((folder / "ca.key").read_bytes(), password=None)
        self._cert = x509.load_pem_x509_certificate(self.cert.read_bytes())

    def issue(self, name: str, *, organization: str | None = None, sans: Sequence[str] = ()) -> Certificate:
        """Return a certificate for the common name `name` that is valid for another 30 days at least.

        It serves as a server's for the DNS names and addresses in `sans`, and as a client's: Kubernetes takes
        `name` as the user and `organization` as the group. The same call returns the same files until they
        run out; other SANs or another organization replace them.
        """
        stem = name.replace(":", "-")
        files = Certificate(self.folder / "issued" / f"{stem}.crt", self.folder / "issued" / f"{stem}.key")
        subject = _name(name, organization)
        alternatives = [_general_name(san) for san in sans]
        if not self._still_good(files.cert, subject, alternatives):
            files.cert.parent.mkdir(exist_ok=True)
            key = ec.generate_private_key(ec.SECP256R1())
            _write_key(files.key, key)
            files.cert.write_bytes(_pem(self._sign(subject, alternatives, key.public_key())))
        return files

    def _sign(
        self, subject: x509.Name, sans: list[x509.GeneralName], key: ec.EllipticCurvePublicKey
    ) -> x509.Certificate:
        authority = self._cert.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
        builder = (
            _builder(subject, self._cert.subject, LEAF_DAYS)
            .public_key(key)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(digital_signature=True), critical=True)
            .add_extension(
                x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]),
                critical=False,
            )
            # Python 3.13 verifies strictly and misses it otherwise.
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(authority), critical=False
            )
        )
        if sans:
            builder = builder.add_extension(x509.SubjectAlternativeName(sans), critical=False)
        return builder.sign(self._key, hashes.SHA256())  # type: ignore[arg-type]  # ours is an EC key

    def _still_good(self, path: Path, subject: x509.Name, sans: list[x509.GeneralName]) -> bool:
        if not path.exists():
            return False
        cert = x509.load_pem_x509_certificate(path.read_bytes())
        try:
            cert.verify_directly_issued_by(self._cert)
            has = list(cert.extensions.get_extension_for_class(x509.SubjectAlternativeName).value)
        except InvalidSignature:
            return False
        except x509.ExtensionNotFound:
            has = []
        left = cert.not_valid_after_utc - datetime.datetime.now(datetime.UTC)
        return cert.subject == subject and has == sans and left.days > RENEW_BEFORE_DAYS

    def _found(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        key = ec.generate_private_key(ec.SECP256R1())
        subject = _name("mediaops local cluster")
        cert = (
            _builder(subject, subject, AUTHORITY_DAYS)
            .public_key(key.public_key())
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_usage(key_cert_sign=True, crl_sign=True), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .sign(key, hashes.SHA256())
        )
        tokens = rsa.generate_private_key(65537, 2048)
        _write_key(self.service_account_key, tokens)
        self.service_account_public_key.write_bytes(
            tokens.public_key().public_bytes(
                serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
            )
        )
        self.cert.write_bytes(_pem(cert))
        _write_key(self.folder / "ca.key", key)  # last: where it exists, the rest does too


def _builder(subject: x509.Name, issuer: x509.Name, days: int) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=days))
    )


def _usage(
    *, digital_signature: bool = False, key_cert_sign: bool = False, crl_sign: bool = False
) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=digital_signature,
        key_cert_sign=key_cert_sign,
        crl_sign=crl_sign,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _name(common_name: str, organization: str | None = None) -> x509.Name:
    parts = [x509.NameAttribute(NameOID.COMMON_NAME, common_name)]
    if organization:
        parts.insert(0, x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization))
    return x509.Name(parts)


def _general_name(san: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(san))
    except ValueError:
        return x509.DNSName(san)


def _write_key(path: Path, key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> None:
    path.touch(mode=0o600)
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,  # what Go, Node, Postgres and OpenSSL all read
            serialization.NoEncryption(),
        )
    )


def _pem(cert: x509.Certificate) -> bytes:
    return cert.public_bytes(serialization.Encoding.PEM)
