"""What a deployment knows: the Config node's values, n8n's credentials by id, the accounts."""

from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

HERE = Path(__file__).parent
Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$")]
"""A name as manifests write it (a DNS label): it becomes part of a path."""
Url = Annotated[str, StringConstraints(pattern=r"^https?://[^\s/]+[^\s]*[^\s/]$|^https?://[^\s/]+$")]
"""An address without a slash at its end."""


class Strict(BaseModel):
    """Unknown keys are mistakes."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class Config(Strict):
    """The values of every workflow's Config node."""

    backend_url: Url
    """The backend's address, as n8n reaches it."""
    tolerance_seconds: int = Field(300, ge=1, le=3600)
    """How old, or how far in the future, a request's signature may be."""
    part_bytes: int = Field(4 * 1024 * 1024, ge=64 * 1024, le=64 * 1024 * 1024)
    """Size of one part of an upload; grown where a platform limits the number of parts, halved on a 413."""
    backend_timeout_ms: int = Field(10_000, ge=100)
    storage_timeout_ms: int = Field(60_000, ge=100)
    """For fetching one part from storage."""
    part_timeout_ms: int = Field(60_000, ge=100)
    """For sending one part to a platform."""
    platform_timeout_ms: int = Field(30_000, ge=100)
    """For any other call to a platform but the post."""
    post_timeout_ms: int = Field(30_000, ge=100)
    """For the one call that can't be taken back. It must fit into what is left of the lease, with the margin."""
    lease_margin_ms: int = Field(10_000, ge=0)
    tries: int = Field(4, ge=1, le=10)
    """How often a failure that may pass is met in one run, with 2, 4, 8, … seconds between, before it is
    reported as retryable; the operator then sends again, later."""
    longest_wait_seconds: float = Field(60, gt=0, le=60)
    """No wait is longer, whatever a platform asks for; n8n would store a longer one, with signed URLs in it."""
    expiry_margin_seconds: int = Field(600, ge=0)
    """An upload that a platform forgets sooner than this is begun anew."""
    processing_seconds: int = Field(3600, ge=1)
    """How long a platform may process a file before the run is given up (and later resumed)."""
    lookups: int = Field(3, ge=1)
    """How often a post is looked for before its outcome is called unknown; timelines lag."""
    lookup_pause_seconds: float = Field(5, gt=0)
    alert_url: Url | None = None
    """Where failures of workflows are POSTed: workflow, execution, node and the error's name, nothing else."""


class CredentialRef(Strict):
    """A credential in n8n: its type, and id and name as n8n knows them."""

    type: str
    id: str
    name: str


class Account(Strict):
    """A social account: whose it is, and the credential that posts on it."""

    workspace: Name | Annotated[str, StringConstraints(pattern=r"^\*$")]
    platform: Name
    account: Name
    credential: CredentialRef

    @property
    def path(self) -> str:
        """What requests name it by: workspace/platform/account."""
        return f"{self.workspace}/{self.platform}/{self.account}"

    @property
    def workflow_id(self) -> str:
        """Its upload workflow's id where we choose it: n8n allows 36 characters, so names don't fit."""
        return f"up-{sha256(self.path.encode()).hexdigest()[:20]}"

    @property
    def workflow_name(self) -> str:
        """Its upload workflow's name, for people."""
        return f"up-{self.platform}-{self.account} ({self.workspace})"


class Addresses(Strict):
    """A platform's addresses, where they differ from limits.yaml."""

    api_url: Url | None = None
    web_url: Url | None = None


class Deployment(Strict):
    """One n8n's share of mediaops."""

    config: Config
    backend: CredentialRef = CredentialRef(
        type="httpHeaderAuth", id="mediaops-backend", name="mediaops backend"
    )
    """Header `Authorization: Bearer <the backend's token for n8n>`."""
    signature: CredentialRef = CredentialRef(
        type="crypto", id="mediaops-signature", name="mediaops signature"
    )
    """Its HMAC secret is N8N_WEBHOOK_SECRET, as text."""
    platforms: dict[Name, Addresses] = {}
    accounts: list[Account] = []

    @model_validator(mode="after")
    def _check(self) -> Self:
        paths = [account.path for account in self.accounts]
        if twice := {path for path in paths if paths.count(path) > 1}:
            raise ValueError(f"accounts are named twice: {', '.join(sorted(twice))}")
        if unknown := {account.platform for account in self.accounts} - set(platforms()):
            raise ValueError(f"no template or no row in limits.yaml: {', '.join(sorted(unknown))}")
        return self

    def platform(self, name: str) -> dict[str, Any]:
        """The platform's row, with this deployment's addresses; dates as text."""
        row = platforms()[name] | self.platforms.get(name, Addresses()).model_dump(exclude_none=True)
        return {key: value for key, value in row.items() if key not in {"date", "source"}}


def platforms() -> dict[str, dict[str, Any]]:
    """The rows of limits.yaml that have a template."""
    rows: dict[str, dict[str, Any]] = yaml.safe_load((HERE / "limits.yaml").read_text())["platforms"]
    return {name: row for name, row in rows.items() if (HERE / "templates" / f"{name}.json").exists()}


def load(path: Path) -> Deployment:
    """Read a deployment file.

    Raises pydantic.ValidationError, which names the field that is wrong.
    """
    return Deployment.model_validate(yaml.safe_load(path.read_text()))
