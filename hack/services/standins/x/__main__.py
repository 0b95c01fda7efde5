"""`python -m hack.services.standins.x --listen 127.0.0.1:PORT --state DIR`: run the stand-in of X."""

import secrets
from pathlib import Path

from hack.services.standins.base import StandIn, arguments, host_and_port
from hack.services.standins.x.server import X


def main() -> None:
    """Serve until killed. Tokens come from --bearer-file, or are made once and kept in the state folder."""
    parser = arguments("Stand-in of X (api.x.com)")
    parser.add_argument("--bearer-file", type=Path, help="an account per line: ACCESS_TOKEN [REFRESH_TOKEN]")
    parser.add_argument(
        "--processing-seconds", type=float, default=1.0, help="pending, and again in_progress"
    )
    options = parser.parse_args()
    state = Path(options.state)
    app = X(state, options.processing_seconds)
    bearers: Path = options.bearer_file or state / "bearers"
    if not bearers.exists():
        bearers.touch(mode=0o600)
        bearers.write_text(f"{secrets.token_urlsafe(48)} {secrets.token_urlsafe(48)}\n")
    for line in bearers.read_text().splitlines():
        access, _, refresh = line.strip().partition(" ")
        if access:
            app.store.add_user(access, refresh.strip() or secrets.token_urlsafe(48))
    host, port = host_and_port(options.listen)
    StandIn(app, host, port, options.tls_cert, options.tls_key).serve_forever()


if __name__ == "__main__":
    main()
