"""Workflows from templates: pure, from a deployment to the JSON that n8n takes.

Templates are n8n's own export format with a few objects that stand for something:
`{"$config": true}` the Config node's JSON, `{"$files": [...]}` JavaScript from files beside the template,
`{"$credential": "backend"}` a credential, `{"$workflow": "errors"}` another workflow's id, and, in templates of
platforms, `"$account": "parameters"` and `{"$account": "credentials"}` how the account signs its requests.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from n8n.settings import HERE, Account, CredentialRef, Deployment, platforms

Workflow = dict[str, Any]
FIXED = ("errors", "fallback", "receive")
GENERIC_TYPES = {"oAuth2Api", "oAuth1Api", "httpHeaderAuth", "httpBearerAuth"}
"""Credential types that n8n's HTTP Request node calls generic; all others belong to a service."""


def workflow_ids(deployment: Deployment) -> dict[str, str]:
    """The ids where we choose them (the command line's import): key → id. Keys: fixed names, account paths."""
    fixed = {name: f"mediaops-{name}" for name in FIXED}
    return fixed | {account.path: account.workflow_id for account in deployment.accounts}


def workflow_names(deployment: Deployment) -> dict[str, str]:
    """The names by key; unique in one n8n, so that a deployment finds its workflows again."""
    fixed = {name: f"mediaops {name}" for name in FIXED}
    return fixed | {account.path: f"mediaops {account.workflow_name}" for account in deployment.accounts}


def render(deployment: Deployment, ids: dict[str, str] | None = None) -> dict[str, Workflow]:
    """Every workflow by key, sub-workflows first, receive last: the order in which to publish them.

    `ids` are n8n's own where n8n chooses them (its API); default: `workflow_ids`.
    """
    ids = ids or workflow_ids(deployment)
    names = workflow_names(deployment)
    sources = {
        "errors": HERE / "workflows" / "errors.json",
        "fallback": HERE / "workflows" / "fallback.json",
        **{a.path: HERE / "templates" / f"{a.platform}.json" for a in deployment.accounts},
        "receive": HERE / "workflows" / "receive.json",
    }
    accounts = {account.path: account for account in deployment.accounts}
    return {
        key: {
            **_Filling(deployment, ids, source.parent, accounts.get(key)).filled(
                json.loads(source.read_text())
            ),
            "id": ids[key],
            "name": names[key],
        }
        for key, source in sources.items()
    }


class _Filling:
    """Replaces what stands for something in one template."""

    def __init__(
        self, deployment: Deployment, ids: dict[str, str], folder: Path, account: Account | None
    ) -> None:
        self._deployment, self._ids, self._folder, self._account = deployment, ids, folder, account

    def filled(self, value: Any) -> Any:
        """`value` with every placeholder replaced."""
        if isinstance(value, list):
            return [self.filled(one) for one in value]
        if not isinstance(value, dict):
            return value
        placeholder = next((key for key in value if key.startswith("$")), None)
        if placeholder is None:
            return {key: self.filled(one) for key, one in value.items()}
        meaning = value[placeholder]
        rest = {key: self.filled(one) for key, one in value.items() if key != placeholder}
        fillings: dict[str, Callable[[], Any]] = {
            "$config": lambda: json.dumps(self._config()),
            "$files": lambda: "\n".join((self._folder / name).read_text() for name in meaning),
            "$workflow": lambda: self._ids[meaning],
            "$credential": lambda: _reference(getattr(self._deployment, meaning)),
            "$account": lambda: self._of_account(meaning) | rest,
        }
        return fillings[placeholder]()

    def _of_account(self, part: str) -> dict[str, Any]:
        credential = self._signer()
        if part == "credentials":
            return {credential.type: _reference(credential)}
        return _authentication(credential)

    def _signer(self) -> CredentialRef:
        if self._account is None:
            raise ValueError("only templates of platforms have an account")
        return self._account.credential

    def _config(self) -> dict[str, Any]:
        shared = self._deployment.config.model_dump(mode="json")
        if self._account:
            return shared | {"platform": self._deployment.platform(self._account.platform)}
        routes = {account.path: self._ids[account.path] for account in self._deployment.accounts}
        return shared | {
            "routes": routes,
            "fallback": self._ids["fallback"],
            "platforms": sorted(platforms()),
        }


def _reference(credential: CredentialRef) -> dict[str, str]:
    return {"id": credential.id, "name": credential.name}


def _authentication(credential: CredentialRef) -> dict[str, str]:
    if credential.type in GENERIC_TYPES:
        return {"authentication": "genericCredentialType", "genericAuthType": credential.type}
    return {"authentication": "predefinedCredentialType", "nodeCredentialType": credential.type}
