"""Imports over the stream of BatchIdentify, which survive the loss of a connection or a server."""

import random
import time
from collections import deque
from collections.abc import Iterable, Iterator
from threading import Lock

import grpc
from rollcall.v1.user_service_pb2 import BatchIdentifyRequest, BatchIdentifyResponse
from rollcall.v1.user_service_pb2_grpc import UserServiceStub

from .errors import failure_of

_DELAYS_SECONDS = (0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0)
"""The longest delays after the first failure, the second, and so on."""


def import_users(
    users: UserServiceStub, messages: Iterable[BatchIdentifyRequest], *, max_down_seconds: float = 300
) -> Iterator[tuple[BatchIdentifyRequest, BatchIdentifyResponse]]:
    """Sends messages of up to 1,000 items each, and yields each with its answer, in order.

    When the server is not available, or invites another attempt, a new stream sends every message from the first
    unanswered one again; what had been stored counts as unchanged then.

    Args:
        users: The stub.
        messages: Read while the server has room for more, in a thread of gRPC's. What it raises comes out as it is,
            once everything before it is answered.
        max_down_seconds: For how long after a failure new streams are tried; an answer begins it anew.

    Raises:
        grpc.RpcError: The server refuses the import as a whole, or was down for longer.
    """
    unanswered = _Unanswered(messages)
    failures = 0
    down_since = 0.0
    while True:
        stream = users.BatchIdentify(unanswered.from_the_first())
        try:
            for answer in stream:
                failures = 0
                yield unanswered.pop(), answer
        except grpc.RpcError as error:
            failure = failure_of(error)
            if failure.code is not grpc.StatusCode.UNAVAILABLE and failure.retry_delay is None:
                raise
            if failures == 0:
                down_since = time.monotonic()
            elif time.monotonic() - down_since > max_down_seconds:
                raise
            asked = failure.retry_delay.total_seconds() if failure.retry_delay is not None else 0
            time.sleep(asked + random.uniform(0, _DELAYS_SECONDS[min(failures, len(_DELAYS_SECONDS) - 1)]))
            failures += 1
        else:
            if unanswered.failure is not None:
                raise unanswered.failure
            return
        finally:
            stream.cancel()


class _Unanswered:
    """The unanswered messages of an import, and the unread ones.

    The thread of a stream that broke may read one more message when the next stream has begun already: each stream
    looks for its next message here, so that none is lost and none changes places.
    """

    failure: Exception | None = None
    """The error of the source."""

    def __init__(self, source: Iterable[BatchIdentifyRequest]) -> None:
        self._source = iter(source)
        self._reading = Lock()
        self._messages: deque[BatchIdentifyRequest] = deque()
        self._first = 0
        self._changing = Lock()

    def from_the_first(self) -> Iterator[BatchIdentifyRequest]:
        """All messages from the first unanswered one to the source's last."""
        position = self._first
        while (message := self._at(position)) is not None:
            yield message
            position += 1

    def pop(self) -> BatchIdentifyRequest:
        """Takes the first unanswered message, which now has an answer."""
        with self._changing:
            self._first += 1
            return self._messages.popleft()

    def _at(self, position: int) -> BatchIdentifyRequest | None:
        held = self._held(position)
        if held is not None:
            return held
        with self._reading:
            held = self._held(position)
            if held is not None or position < self._first or self.failure is not None:
                return held
            try:
                message = next(self._source, None)
            except Exception as failure:
                self.failure = failure
                return None
            if message is not None:
                with self._changing:
                    self._messages.append(message)
            return message

    def _held(self, position: int) -> BatchIdentifyRequest | None:
        with self._changing:
            index = position - self._first
            return self._messages[index] if 0 <= index < len(self._messages) else None
