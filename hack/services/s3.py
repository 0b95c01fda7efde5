"""S3: versitygw over a folder, with users who may do different things."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from hack.build import tool
from hack.services.service import LOOPBACK, HttpService, Place, Tls

REGION = "us-east-1"
BUCKET = "media"
ROOT = "root"

# What each user may do in the bucket: actions by what they apply to ("" is the bucket itself, "?prefix=" the bucket
# when asked for such a prefix). Nobody but the sweeper deletes; it deletes in step folders only, and reads nothing. A
# source may be any object of its workspace, so the operator may look at all of them.
GRANTS: Mapping[str, Mapping[str, Sequence[str]]] = {
    "backend": {
        "": ["s3:ListBucket", "s3:ListBucketMultipartUploads", "s3:GetBucketLocation"],
        "/*": ["s3:GetObject", "s3:PutObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"],
    },
    # The served operations: their own prefix, and nothing else.
    "operations": {"/serve/*": ["s3:GetObject", "s3:PutObject", "s3:AbortMultipartUpload"]},
    "operator": {
        "": ["s3:ListBucket", "s3:GetBucketLocation"],
        "/*": ["s3:GetObject"],
    },
    "sweeper": {
        "?prefix=*/steps/*": ["s3:ListBucket"],
        "": ["s3:ListBucketMultipartUploads"],  # S3 knows no condition for these; they name keys, no content
        "/*/steps/*": ["s3:DeleteObject", "s3:AbortMultipartUpload"],
    },
}


class S3(HttpService):
    """An S3 server with the bucket `media`; its addresses are path-style.

    secrets: the secret keys of `root`, who may do everything, and of the users in GRANTS; each user's name is
    its access key id.
    """

    name = "s3"

    def __init__(
        self,
        folder: Path,
        place: Place = LOOPBACK,
        port: int = 0,
        tls: Tls | None = None,
        *,
        secrets: Mapping[str, str],
    ) -> None:
        super().__init__(folder, place, port, tls)
        self._secrets = secrets
        self._data = self.folder / "data"
        self._users = self.folder / "users"
        self._clients: dict[str, Any] = {}

    def command(self) -> Sequence[str | Path]:
        """See Service."""
        tls: list[str | Path] = []
        if self.tls:
            tls = ["--cert", self.tls.certificate.cert, "--key", self.tls.certificate.key]
        listen = f"{self.place.address}:{self.port}"
        return [
            tool("versitygw"), "--port", listen, "--region", REGION, "--iam-dir", self._users, *tls,
            "--quiet", "--keep-alive", "posix", self._data,
        ]  # fmt: skip

    def env(self) -> Mapping[str, str]:
        """See Service."""
        return {"ROOT_ACCESS_KEY_ID": ROOT, "ROOT_SECRET_ACCESS_KEY": self._secrets[ROOT]}

    def launch(self) -> None:
        """See Service. A server that runs already learns of new users at once: it looks into their file."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._data.mkdir(exist_ok=True)
        self._write_users()
        super().launch()

    def _write_users(self) -> None:
        self._users.mkdir(mode=0o700, exist_ok=True)
        numbers = {"userID": 0, "groupID": 0, "projectID": 0}
        accounts = {
            name: {"access": name, "secret": self._secrets[name], "role": "user", **numbers}
            for name in GRANTS
        }
        aside = self._users / "users.json.new"
        aside.touch(mode=0o600)
        aside.write_text(json.dumps({"accessAccounts": accounts}))
        aside.rename(self._users / "users.json")

    def ready(self) -> bool:
        """Return whether the bucket and its policy are there; make them as soon as it answers."""
        try:
            self._make_bucket()
        except (BotoCoreError, ClientError):
            return False
        return True

    def secret(self, user: str) -> str:
        """Return a user's secret key."""
        return self._secrets[user]

    def client(self, user: str = ROOT) -> Any:
        """Return a boto3 client as one of its users; the same one each time."""
        if user not in self._clients:
            self._clients[user] = self._new_client(user)
        return self._clients[user]

    def _new_client(self, user: str) -> Any:
        return boto3.session.Session().client(
            "s3",
            endpoint_url=self.url,
            region_name=REGION,
            aws_access_key_id=user,
            aws_secret_access_key=self._secrets[user],
            verify=str(self.tls.authority) if self.tls else None,
            config=Config(
                signature_version="s3v4",
                s3={"addressing_style": "path"},
                # A checksum after the body comes as one more chunk, whose end the server doesn't wait for: where it
                # arrives late, it is taken for the beginning of the connection's next request.
                request_checksum_calculation="when_required",
                retries={"total_max_attempts": 1},
                connect_timeout=2,
                read_timeout=10,
                proxies={},
            ),
        )

    def _make_bucket(self) -> None:
        root = self.client()
        if BUCKET not in {bucket["Name"] for bucket in root.list_buckets()["Buckets"]}:
            root.create_bucket(Bucket=BUCKET)
        root.put_bucket_policy(Bucket=BUCKET, Policy=json.dumps(policy()))


def policy() -> dict[str, Any]:
    """Return the bucket policy that GRANTS describes."""
    statements = [
        _statement(user, where, actions)
        for user, grants in GRANTS.items()
        for where, actions in grants.items()
    ]
    return {"Version": "2012-10-17", "Statement": statements}


def _statement(user: str, where: str, actions: Sequence[str]) -> dict[str, Any]:
    objects, _, prefix = where.partition("?prefix=")
    condition = {"Condition": {"StringLike": {"s3:prefix": [prefix]}}} if prefix else {}
    return {
        "Effect": "Allow",
        "Principal": {"AWS": [user]},
        "Action": list(actions),
        "Resource": [f"arn:aws:s3:::{BUCKET}{objects}"],
        **condition,
    }
