"""Reads the details of the server's errors."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

import grpc
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RetryInfo
from grpc_status import rpc_status

_DOMAIN = "rollcall.v1"


@dataclass(frozen=True)
class Violation:
    """One invalid field of a request."""

    field: str
    """The field, as `properties["a.b"].list[3]`."""
    reason: str
    description: str


@dataclass(frozen=True)
class CallFailure:
    """Why a call failed."""

    code: grpc.StatusCode
    message: str
    reason: str | None = None
    """The name of an ErrorReason without its prefix; None if the error does not come from the server."""
    metadata: Mapping[str, str] = field(default_factory=dict)
    """Limits and sizes, by their names in ErrorReason."""
    violations: tuple[Violation, ...] = ()
    retry_delay: timedelta | None = None
    """The wait before a retry; None if the server asks for no retry."""


def failure_of(error: grpc.RpcError) -> CallFailure:
    """Reads the error of a call: its status and its details."""
    if not isinstance(error, grpc.Call):
        raise TypeError("this error is not a call's") from error
    code, message = error.code(), error.details() or ""
    reason: str | None = None
    metadata: Mapping[str, str] = {}
    violations: tuple[Violation, ...] = ()
    retry_delay: timedelta | None = None

    status = rpc_status.from_call(error)
    for detail in status.details if status is not None else ():
        if detail.Is(ErrorInfo.DESCRIPTOR):
            info = ErrorInfo.FromString(detail.value)
            if info.domain == _DOMAIN:
                reason, metadata = info.reason, dict(info.metadata)
        elif detail.Is(BadRequest.DESCRIPTOR):
            fields = BadRequest.FromString(detail.value).field_violations
            violations = tuple(Violation(it.field, it.reason, it.description) for it in fields)
        elif detail.Is(RetryInfo.DESCRIPTOR):
            retry_delay = RetryInfo.FromString(detail.value).retry_delay.ToTimedelta()
    return CallFailure(code, message, reason, metadata, violations, retry_delay)
