"""Where an asset's file comes from: exactly one of four kinds of source."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from mediaops.models.base import Model, ObjectName, OwnKey, rules

DRIVE_SECRET = "mediaops-source-google-drive"  # noqa: S105 — a name
"""The Secret of a Google Drive source that names none."""


class SecretReference(Model):
    """A Secret of the asset's namespace, with the key `mediaops-credential`."""

    name: ObjectName
    """Name of the Secret."""


class GoogleDriveSource(Model):
    """A file in Google Drive."""

    file_id: Annotated[str, Field(min_length=1, max_length=256, pattern=r"^[A-Za-z0-9_-]+$")]
    """The file's id, as it stands in its link."""
    secret_ref: SecretReference | None = None
    """Secret with an apiKey or a serviceAccount. Default: mediaops-source-google-drive; where the namespace
    has none, the installation's credential, if it was given one."""


class UrlSource(Model):
    """A file behind an https address; exactly one of `address` and `secretRef`."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            ("has(self.address) != has(self.secretRef)", "give address, or secretRef for a signed one"),
        )
    )

    address: (
        Annotated[
            str,
            Field(
                min_length=1,
                max_length=2048,
                json_schema_extra=rules(
                    (
                        "isURL(self) && url(self).getScheme() == 'https' && url(self).getHostname() != ''",
                        "only https addresses are fetched",
                    ),
                    (
                        "!isURL(self) || !self.matches('^(?i)https://[^/?#]*@')",
                        "no user name or password in an address; "
                        "put a signed address in a Secret and name it in secretRef",
                    ),
                ),
            ),
        ]
        | None
    ) = None
    """The https address."""
    secret_ref: SecretReference | None = None
    """Secret that holds the (signed) address."""


class StoredSource(Model):
    """A file that is in the workspace's storage already."""

    key: OwnKey
    """Key inside the workspace's part of the bucket (without the workspace)."""


class Source(Model):
    """Where the file comes from; exactly one block."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            (
                "[has(self.googleDrive), has(self.upload), has(self.object), has(self.url)]"
                ".filter(x, x).size() == 1",
                "name exactly one source: googleDrive, upload, object or url",
            ),
        )
    )

    google_drive: GoogleDriveSource | None = None
    """A file in Google Drive."""
    url: UrlSource | None = None
    """A file behind an https address: exactly one of address and secretRef."""
    upload: StoredSource | None = None
    """A file uploaded through the backend."""
    object: StoredSource | None = None
    """A file that is in the workspace's storage already."""

    @property
    def kind(self) -> Literal["googleDrive", "url", "upload", "object"]:
        """Name the block that is set."""
        if self.google_drive:
            return "googleDrive"
        if self.url:
            return "url"
        return "upload" if self.upload else "object"

    @property
    def stored(self) -> StoredSource | None:
        """Give the block of a source that needs no ingest."""
        return self.upload or self.object

    @property
    def secret_name(self) -> str | None:
        """Name the Secret the source's credential is in, if it needs one."""
        block = self.google_drive or self.url
        named = block.secret_ref.name if block and block.secret_ref else None
        return named or (DRIVE_SECRET if self.google_drive else None)
