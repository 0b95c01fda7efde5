"""`python -m hack.services.standins.openai --listen 127.0.0.1:PORT --state DIR`: run the stand-in of OpenAI."""

import secrets
from pathlib import Path

from hack.services.standins.base import StandIn, arguments, host_and_port
from hack.services.standins.openai.server import OpenAI


def main() -> None:
    """Serve until killed. The API key comes from --api-key-file, or is made once and kept there or in the state."""
    parser = arguments("Stand-in of OpenAI (api.openai.com)")
    parser.add_argument("--api-key-file", type=Path, help="file with the one key that is valid")
    options = parser.parse_args()
    state = Path(options.state)
    state.mkdir(mode=0o700, parents=True, exist_ok=True)
    key_file: Path = options.api_key_file or state / "api-key"
    if not key_file.exists():
        key_file.touch(mode=0o600)
        key_file.write_text(f"sk-standin-{secrets.token_urlsafe(32)}\n")
    app = OpenAI(state, key_file.read_text().strip())
    host, port = host_and_port(options.listen)
    StandIn(app, host, port, options.tls_cert, options.tls_key).serve_forever()


if __name__ == "__main__":
    main()
