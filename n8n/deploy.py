"""Bring the workflows into an n8n: `python -m n8n.deploy files|push|settings …`; README.md tells how.

`files` writes what `n8n import:workflow --separate` reads (for a new instance, or one without an API key);
`push` makes a running n8n equal to the deployment through its public API, and can be run again at any time.
"""

import argparse
import json
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from n8n.render import Workflow, render, workflow_names
from n8n.settings import Config, Deployment, load

PREFIX = "mediaops "
TIMEOUT_SECONDS = 30


class Api:
    """n8n's public API (v1)."""

    def __init__(self, url: str, key: str) -> None:
        self._url, self._key = url.rstrip("/") + "/api/v1", key

    def call(self, method: str, path: str, body: object = None) -> Any:
        """One call. Raises RuntimeError with n8n's own words if it is refused."""
        request = urllib.request.Request(  # noqa: S310 (the address is the administrator's)
            self._url + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"X-N8N-API-KEY": self._key, "Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as answer:  # noqa: S310
                return json.loads(answer.read() or b"null")
        except urllib.error.HTTPError as error:
            raise RuntimeError(f"{method} {path}: {error.code} {error.read().decode()[:500]}") from error

    def workflows(self) -> dict[str, Workflow]:
        """This project's workflows by name."""
        found: dict[str, Workflow] = {}
        cursor = ""
        while True:
            page = self.call("GET", f"/workflows?limit=100{cursor}")
            found |= {one["name"]: one for one in page["data"] if one["name"].startswith(PREFIX)}
            if not page.get("nextCursor"):
                return found
            cursor = f"&cursor={page['nextCursor']}"


def push(deployment: Deployment, api: Api) -> list[str]:
    """Create, update and publish; stop what the deployment no longer has. Returns a line per change."""
    known, names = api.workflows(), workflow_names(deployment)
    said = []
    for name in names.values():
        if name not in known:
            known[name] = api.call(
                "POST", "/workflows", {"name": name, "nodes": [], "connections": {}, "settings": {}}
            )
            said.append(f"created {name}")
    ids = {key: known[name]["id"] for key, name in names.items()}
    for workflow in render(deployment, ids).values():
        body = {field: workflow[field] for field in ("name", "nodes", "connections", "settings")}
        api.call("PUT", f"/workflows/{workflow['id']}", body)
        api.call("POST", f"/workflows/{workflow['id']}/activate", {})
        said.append(f"published {workflow['name']}")
    for name in sorted(set(known) - set(names.values())):
        if known[name]["active"]:
            api.call("POST", f"/workflows/{known[name]['id']}/deactivate", {})
            said.append(f"stopped {name}, which the deployment no longer has")
    return said


def write_files(deployment: Deployment, folder: Path) -> list[str]:
    """One file per workflow; returns their ids in the order in which to publish them."""
    folder.mkdir(parents=True, exist_ok=True)
    workflows = render(deployment)
    for workflow in workflows.values():
        (folder / f"{workflow['id']}.json").write_text(json.dumps(workflow, indent=2) + "\n")
    return [workflow["id"] for workflow in workflows.values()]


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m n8n.deploy", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    files = commands.add_parser("files", help="write workflows for `n8n import:workflow --separate`")
    files.add_argument("deployment", type=Path)
    files.add_argument("folder", type=Path)
    pushed = commands.add_parser("push", help="make a running n8n equal to the deployment")
    pushed.add_argument("deployment", type=Path)
    pushed.add_argument("--url", required=True, help="n8n's address")
    pushed.add_argument("--api-key-file", type=Path, required=True, help="a file that holds an API key")
    commands.add_parser("settings", help="print the settings of `config:` as JSON Schema")
    options = parser.parse_args()
    if options.command == "settings":
        print(json.dumps(Config.model_json_schema(), indent=2))
        return
    deployment = load(options.deployment)
    if options.command == "files":
        lines = write_files(deployment, options.folder)
    else:
        lines = push(deployment, Api(options.url, options.api_key_file.read_text().strip()))
    print("\n".join(lines))


if __name__ == "__main__":
    try:
        main()
    except (RuntimeError, OSError, ValueError) as error:
        sys.exit(f"deploy: {error}")
