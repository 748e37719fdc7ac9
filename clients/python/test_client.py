"""Calls and imports survive a server that fails for a while."""

import unittest
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import grpc
from rollcall.v1 import user_service_pb2_grpc as stubs
from rollcall.v1.user_service_pb2 import (
    BatchIdentifyRequest,
    BatchIdentifyResponse,
    GetUserRequest,
    GetUserResponse,
    IdentifyRequest,
)

from rollcall_client import import_users, open_channel


class FailingService(stubs.UserServiceServicer):
    """Answers `answers_a_stream` messages of each stream, and fails `fails` calls with UNAVAILABLE before it serves."""

    def __init__(self, fails: int = 0, answers_a_stream: int = 1_000) -> None:
        self.fails = fails
        self.answers_a_stream = answers_a_stream
        self.streams: list[list[str]] = []

    def GetUser(self, request: GetUserRequest, context: grpc.ServicerContext) -> GetUserResponse:
        self._fail_if_told(context)
        return GetUserResponse(user={"id": request.id})

    def BatchIdentify(
        self, request_iterator: Iterator[BatchIdentifyRequest], context: grpc.ServicerContext
    ) -> Iterator[BatchIdentifyResponse]:
        self._fail_if_told(context)
        answered: list[str] = []
        self.streams.append(answered)
        for request in request_iterator:
            if len(answered) == self.answers_a_stream:
                context.abort(grpc.StatusCode.UNAVAILABLE, "draining")
            answered.append(request.requests[0].id)
            yield BatchIdentifyResponse(sequence=len(answered) - 1, created=len(request.requests))

    def _fail_if_told(self, context: grpc.ServicerContext) -> None:
        if self.fails > 0:
            self.fails -= 1
            context.abort(grpc.StatusCode.UNAVAILABLE, "the store is away")


class ClientTest(unittest.TestCase):
    def serve(self, service: FailingService) -> stubs.UserServiceStub:
        server = grpc.server(ThreadPoolExecutor())
        stubs.add_UserServiceServicer_to_server(service, server)
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        self.addCleanup(server.stop, None)
        channel = open_channel(f"http://127.0.0.1:{port}")
        self.addCleanup(channel.close)
        return stubs.UserServiceStub(channel)

    def test_a_unary_call_is_made_again_while_the_server_is_unavailable(self) -> None:
        users = self.serve(FailingService(fails=2))
        self.assertEqual(users.GetUser(GetUserRequest(id="u1")).user.id, "u1")

    def test_a_unary_call_fails_when_the_server_stays_unavailable(self) -> None:
        users = self.serve(FailingService(fails=1_000))
        with self.assertRaises(grpc.RpcError) as raised:
            users.GetUser(GetUserRequest(id="u1"))
        assert isinstance(raised.exception, grpc.Call)
        self.assertIs(raised.exception.code(), grpc.StatusCode.UNAVAILABLE)

    def test_an_import_goes_on_from_the_first_unanswered_message(self) -> None:
        service = FailingService(fails=1, answers_a_stream=4)
        ids = [f"u{number}" for number in range(10)]
        messages = (BatchIdentifyRequest(requests=[IdentifyRequest(id=id)]) for id in ids)

        answered = [message.requests[0].id for message, _ in import_users(self.serve(service), messages)]

        self.assertEqual(answered, ids)
        self.assertEqual(service.streams, [ids[:4], ids[4:8], ids[8:]])

    def test_an_import_raises_what_its_source_raises_once_all_before_it_is_answered(self) -> None:
        def messages() -> Iterator[BatchIdentifyRequest]:
            yield BatchIdentifyRequest(requests=[IdentifyRequest(id="u1")])
            raise LookupError("the file is cut short")

        answered: list[str] = []
        with self.assertRaisesRegex(LookupError, "cut short"):
            for message, _ in import_users(self.serve(FailingService()), messages()):
                answered.append(message.requests[0].id)
        self.assertEqual(answered, ["u1"])

    def test_an_import_ends_when_no_message_is_answered_any_more(self) -> None:
        users = self.serve(FailingService(answers_a_stream=0))
        with self.assertRaises(grpc.RpcError):
            list(import_users(users, [BatchIdentifyRequest()], max_down_seconds=0.1))


if __name__ == "__main__":
    unittest.main()
