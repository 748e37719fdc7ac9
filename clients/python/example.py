"""Identifies, reads, finds and imports users, and shows the error of an invalid request.

    python example.py --server http://127.0.0.1:50051

ROLLCALL_SERVER says the same as --server; ROLLCALL_TOKEN is the caller's token, and ROLLCALL_CA a file in PEM with the
authority that signs the server's certificate.
"""

import argparse
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import grpc
from google.protobuf.struct_pb2 import Value
from rollcall.v1.user_pb2 import Precondition
from rollcall.v1.user_service_pb2 import (
    BatchIdentifyRequest,
    FindUsersRequest,
    GetUserRequest,
    IdentifyRequest,
    Match,
    Outcome,
    ScanUsersRequest,
    UserFilter,
)
from rollcall.v1.user_service_pb2_grpc import UserServiceStub

from rollcall_client import CallFailure, failure_of, import_users, open_channel

MESSAGES = 3
USERS_PER_MESSAGE = 100


def main() -> None:
    parser = argparse.ArgumentParser(description="Calls to a Rollcall server, from the first to an import.")
    parser.add_argument("--server", default=os.environ.get("ROLLCALL_SERVER", "http://127.0.0.1:50051"))
    server: str = parser.parse_args().server

    ca = os.environ.get("ROLLCALL_CA")
    token = os.environ.get("ROLLCALL_TOKEN")
    with open_channel(server, token=token, ca=Path(ca).read_bytes() if ca else None) as channel:
        users = UserServiceStub(channel)
        try:
            identify(users)
            be_refused(users)
            change_what_was_read(users)
            find_by_email(users)
            import_many(users)
        except grpc.RpcError as error:
            sys.exit(described(failure_of(error)))


def identify(users: UserServiceStub) -> None:
    """Creates or updates a user, and reads it within half a second."""
    request = IdentifyRequest(id="u1", properties={"name": "Ada", "email": "ada@example.com", "plan": "pro"})
    answer = users.Identify(request)
    print(f"identified {request.id}: {Outcome.Name(answer.outcome)}")

    user = users.GetUser(GetUserRequest(id="u1"), timeout=0.5).user
    print(f"read {user.id}: {dict(user.properties)}")


def be_refused(users: UserServiceStub) -> None:
    """A new user without a required property fails, and the error names the property."""
    try:
        users.Identify(IdentifyRequest(id="nobody", properties={"name": "Grace"}))
    except grpc.RpcError as error:
        print(f"refused, {described(failure_of(error))}")


def change_what_was_read(users: UserServiceStub) -> None:
    """A write that succeeds only if nobody has changed the user since the read."""
    read = users.GetUser(GetUserRequest(id="u1")).user
    users.Identify(IdentifyRequest(id="u1", unset=["plan"]))
    try:
        precondition = Precondition(etag=read.etag)
        users.Identify(IdentifyRequest(id="u1", properties={"plan": "free"}, precondition=precondition))
    except grpc.RpcError as error:
        failure = failure_of(error)
        if failure.reason != "ETAG_MISMATCH":
            raise
        print(f"somebody was faster, {described(failure)}")


def find_by_email(users: UserServiceStub) -> None:
    """Users with an e-mail address. Until there is an index of it, the server has to read all users."""
    email = Value(string_value="ada@example.com")
    try:
        token = None
        while token != "":
            found = users.FindUsers(FindUsersRequest(match=Match(property="email", equals=email), page_token=token))
            for user in found.users:
                print(f"found {user.id}")
            token = found.next_page_token
    except grpc.RpcError as error:
        if failure_of(error).reason not in ("PROPERTY_NOT_INDEXED", "INDEX_NOT_READY"):
            raise
        scan_for_email(users, email.string_value)


def scan_for_email(users: UserServiceStub, email: str) -> None:
    """The same users, page by page. A page may have none, and not be the last."""
    token = None
    while token != "":
        page = users.ScanUsers(ScanUsersRequest(where=UserFilter(properties={"email": email}), page_token=token))
        for user in page.users:
            print(f"found {user.id} by a scan")
        token = page.next_page_token


def import_many(users: UserServiceStub) -> None:
    """Streams users in large messages, and reads the answer of each."""
    for message, answer in import_users(users, messages()):
        # A caller without the scope users.read learns only the number of applied items.
        print(
            f"imported {len(message.requests)}: {answer.created} created, {answer.updated} updated,"
            f" {answer.unchanged} unchanged, {answer.applied} applied, {answer.failed} refused"
        )
        for result in answer.results:
            print(f"  {message.requests[result.index].id}: {result.error.reason}: {result.error.message}")


def messages() -> Iterator[BatchIdentifyRequest]:
    for first in range(0, MESSAGES * USERS_PER_MESSAGE, USERS_PER_MESSAGE):
        yield BatchIdentifyRequest(requests=[row(number) for number in range(first, first + USERS_PER_MESSAGE)])


def row(number: int) -> IdentifyRequest:
    email = "" if number == 7 else f"user.{number}@example.com"
    return IdentifyRequest(id=f"row-{number}", properties={"name": f"User {number}", "email": email})


def described(failure: CallFailure) -> str:
    lines = [f"{failure.code.name} {failure.reason}: {failure.message}"]
    lines += [f"  {it.field}: {it.reason}: {it.description}" for it in failure.violations]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
