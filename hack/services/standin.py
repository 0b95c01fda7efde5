"""A stand-in as a service: a module of `hack.services.standins` in a process of its own."""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from hack.services.service import LOOPBACK, HttpService, Place, Tls

ROOT = Path(__file__).parents[2]


class StandInService(HttpService):
    """`python -m hack.services.standins.NAME`; what it is told and what it remembers lie in `state`.

    arguments: more of its command line.
    """

    def __init__(
        self,
        name: str,
        folder: Path,
        place: Place = LOOPBACK,
        port: int = 0,
        tls: Tls | None = None,
        *,
        arguments: Sequence[str | Path] = (),
    ) -> None:
        super().__init__(folder, place, port, tls)
        self.name = name  # type: ignore[misc]  # of the class for all other services
        self.state = self.folder / "state"
        self._arguments = arguments

    def command(self) -> Sequence[str | Path]:
        """See Service."""
        tls: list[str | Path] = []
        if self.tls:
            tls = ["--tls-cert", self.tls.certificate.cert, "--tls-key", self.tls.certificate.key]
        return [
            sys.executable, "-m", f"hack.services.standins.{self.name}",
            "--listen", f"{self.place.address}:{self.port}", "--state", self.state, *tls, *self._arguments,
        ]  # fmt: skip

    def env(self) -> Mapping[str, str]:
        """See Service."""
        return {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}

    def prepare(self) -> None:
        """See Service."""
        self.state.mkdir(mode=0o700, exist_ok=True)
