"""A bearer token on every call of a channel, for clear text, where gRPC takes no call credentials."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import grpc

Request = TypeVar("Request")
Answer = TypeVar("Answer")


@dataclass(frozen=True)
class _CallDetails(grpc.ClientCallDetails):
    method: str
    timeout: float | None
    metadata: tuple[tuple[str, str | bytes], ...] | None
    credentials: grpc.CallCredentials | None
    wait_for_ready: bool | None
    compression: grpc.Compression | None


class BearerToken(grpc.UnaryUnaryClientInterceptor, grpc.StreamStreamClientInterceptor):
    """Adds `authorization: Bearer TOKEN` to both kinds of calls of the service."""

    def __init__(self, token: str) -> None:
        self._header = ("authorization", f"Bearer {token}")

    def intercept_unary_unary(
        self,
        continuation: Callable[[grpc.ClientCallDetails, Request], Answer],
        client_call_details: grpc.ClientCallDetails,
        request: Request,
    ) -> Answer:
        return continuation(self._with_token(client_call_details), request)

    def intercept_stream_stream(
        self,
        continuation: Callable[[grpc.ClientCallDetails, Request], Answer],
        client_call_details: grpc.ClientCallDetails,
        request_iterator: Request,
    ) -> Answer:
        return continuation(self._with_token(client_call_details), request_iterator)

    def _with_token(self, details: grpc.ClientCallDetails) -> grpc.ClientCallDetails:
        return _CallDetails(
            method=details.method,
            timeout=details.timeout,
            metadata=(*(details.metadata or ()), self._header),
            credentials=details.credentials,
            wait_for_ready=details.wait_for_ready,
            compression=details.compression,
        )
