"""`python -m hack.lint`: style, types, import arrows, chart and generated files; exit 0 only if all are clean."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from hack.build import tool

ROOT = Path(__file__).resolve().parents[1]
CHART = ROOT / "helm" / "mediaops"


def main() -> int:
    """Run every check, also after one has failed; give 1 if any did."""
    python = [sys.executable, "-m"]
    checks: dict[str, list[str]] = {
        "style": [*python, "ruff", "check", "."],
        "format": [*python, "ruff", "format", "--check", "."],
        "types": [*python, "mypy"],
        "import arrows": [str(Path(sys.executable).with_name("lint-imports"))],
        "CRDs are current": [*python, "mediaops.crd", "--check", "crds", "helm/mediaops/crds"],
        "pages made from code are current": [*python, "hack.docs", "--check"],
        "chart": [
            str(tool("helm")),
            "lint",
            "--strict",
            str(CHART),
            "--values",
            str(CHART / "ci" / "values.yaml"),
        ],
    }
    failed = [name for name, command in checks.items() if not _passes(name, command)]
    if failed:
        print(f"lint: not clean: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


def _passes(name: str, command: list[str]) -> bool:
    print(f"lint: {name}", flush=True)
    with tempfile.TemporaryFile("w+") as output:
        passed = (
            subprocess.run(command, cwd=ROOT, stdout=output, stderr=subprocess.STDOUT, check=False).returncode
            == 0
        )
        if not passed:
            output.seek(0)
            print(output.read())
    return passed


if __name__ == "__main__":
    sys.exit(main())
