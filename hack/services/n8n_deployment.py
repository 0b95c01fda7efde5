"""What our n8n knows: the workflows of `n8n/` for this checkout's addresses, and the credentials they name."""

from pathlib import Path
from typing import Any

from hack.services.secret_files import SecretFiles
from n8n.deploy import write_files
from n8n.settings import Deployment

X_CREDENTIAL = {"type": "oAuth2Api", "id": "mediaops-x-main", "name": "X main"}


def deployment(backend_url: str, x_url: str) -> Deployment:
    """Return the deployment: one account, `main` on X, which every workspace may use."""
    return Deployment.model_validate(
        {
            "config": {"backend_url": backend_url},
            "platforms": {"x": {"api_url": x_url, "web_url": x_url}},
            "accounts": [{"workspace": "*", "platform": "x", "account": "main", "credential": X_CREDENTIAL}],
        }
    )


def write_workflows(folder: Path, backend_url: str, x_url: str) -> None:
    """Write one file per workflow."""
    write_files(deployment(backend_url, x_url), folder)


def credentials(secrets: SecretFiles, x_url: str) -> list[dict[str, Any]]:
    """Return the credentials those workflows name, as n8n imports them."""
    ours = deployment("http://backend", x_url)
    return [
        {
            **ours.backend.model_dump(),
            "data": {"name": "Authorization", "value": f"Bearer {secrets.text('n8n-token')}"},
        },
        {**ours.signature.model_dump(), "data": {"hmacSecret": secrets.text("n8n-webhook-secret")}},
        {
            **X_CREDENTIAL,
            "data": {
                "grantType": "authorizationCode",
                "authUrl": f"{x_url}/i/oauth2/authorize",
                "accessTokenUrl": f"{x_url}/2/oauth2/token",
                "clientId": "mediaops",
                "clientSecret": secrets.text("x-client-secret"),
                "scope": "tweet.read tweet.write users.read media.write offline.access",
                "authentication": "header",
                # As if a person had consented: n8n refreshes from here on.
                "oauthTokenData": {
                    "access_token": secrets.text("x-access-token"),
                    "refresh_token": secrets.text("x-refresh-token"),
                    "token_type": "bearer",
                    "expires_in": 7200,
                },
            },
        },
    ]


def write_x_account(secrets: SecretFiles) -> Path:
    """Write the file that tells the stand-in of X about that account; return its path."""
    path = secrets.path("x-account")
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.touch(mode=0o600)
    path.write_text(f"{secrets.text('x-access-token')} {secrets.text('x-refresh-token')}\n")
    return path
