"""Channels to a server: clear text or TLS, a token, deadlines and retries by service config."""

import json
from urllib.parse import urlsplit

import grpc

from .bearer_token import BearerToken

_SERVICE = "rollcall.v1.UserService"
_UNARY_METHODS = [
    "Identify",
    "GetUser",
    "IdentifyUsers",
    "BatchGetUsers",
    "ListUsers",
    "FindUsers",
    "CountUsers",
    "ScanUsers",
    "SetPreferences",
    "DeleteUser",
    "GetRegistry",
]

# gRPC may repeat every unary method, but no stream: import_users repeats it from the first message without an answer.
_SERVICE_CONFIG = {
    "methodConfig": [
        {
            "name": [{"service": _SERVICE, "method": method} for method in _UNARY_METHODS],
            "timeout": "10s",
            "retryPolicy": {
                "maxAttempts": 4,
                "initialBackoff": "0.1s",
                "maxBackoff": "5s",
                "backoffMultiplier": 2,
                "retryableStatusCodes": ["UNAVAILABLE"],
            },
        }
    ]
}


def open_channel(
    server: str, *, token: str | None = None, ca: bytes | None = None, retries: bool = True
) -> grpc.Channel:
    """Opens a channel, which connects at the first call. The caller closes it.

    Unary calls end after ten seconds with all their attempts, or after the `timeout` of the call if that is shorter.

    Args:
        server: `http://HOST:PORT` for clear text, `https://HOST:PORT` for TLS.
        token: Who is calling, sent as a bearer token.
        ca: Certificates in PEM that sign the server's; without them, those that gRPC brings along.
        retries: Whether unary calls are made again after UNAVAILABLE. If not, calls have no deadline but their own.
    """
    url = urlsplit(server)
    if url.scheme not in ("http", "https") or url.hostname is None:
        raise ValueError(f"not a server's URL, as http://127.0.0.1:50051: {server}")
    target = url.netloc if url.port is not None else f"{url.netloc}:{443 if url.scheme == 'https' else 80}"
    options = [("grpc.service_config", json.dumps(_SERVICE_CONFIG))] if retries else [("grpc.enable_retries", 0)]

    if url.scheme == "http":
        channel = grpc.insecure_channel(target, options)
        # gRPC attaches call credentials to encrypted channels only.
        return channel if token is None else grpc.intercept_channel(channel, BearerToken(token))

    credentials = grpc.ssl_channel_credentials(root_certificates=ca)
    if token is not None:
        credentials = grpc.composite_channel_credentials(credentials, grpc.access_token_call_credentials(token))
    return grpc.secure_channel(target, credentials, options)
