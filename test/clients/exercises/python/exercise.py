"""Calls a server with grpcio, and prints a line of JSON for each step: exercise.py URL [AUTHORITIES]"""

import json
import sys
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import grpc
from google.rpc.error_details_pb2 import ErrorInfo
from grpc_status import rpc_status
from google.protobuf.struct_pb2 import Value
from rollcall.v1.user_service_pb2 import (
    BatchIdentifyRequest,
    CountUsersRequest,
    FindUsersRequest,
    GetUserRequest,
    IdentifyRequest,
    Match,
    Outcome,
    ScanUsersRequest,
    UserFilter,
)
from rollcall.v1.user_service_pb2_grpc import UserServiceStub

STEP_SECONDS = 30
AT_ONCE = 100
MESSAGES = 30
PER_MESSAGE = 100
ADA = {"name": "Ada", "email": "ada@example.com"}


def open_channel(url: str, authorities: str | None) -> grpc.Channel:
    host = urlsplit(url).netloc
    if authorities is None:
        return grpc.insecure_channel(host)
    with open(authorities, "rb") as file:
        return grpc.secure_channel(host, grpc.ssl_channel_credentials(file.read()))


def identify(users: UserServiceStub) -> None:
    answer = users.Identify(IdentifyRequest(id="u", properties=ADA), timeout=STEP_SECONDS)
    assert answer.outcome == Outcome.OUTCOME_CREATED, f"the outcome is {answer.outcome}"


def get(users: UserServiceStub) -> None:
    user = users.GetUser(GetUserRequest(id="u"), timeout=STEP_SECONDS).user
    assert user.properties["name"] == "Ada", f"the user is {user}"


def search(users: UserServiceStub) -> None:
    """Finds the one user, counts it and scans for it."""
    match = Match(property="email", equals=Value(string_value="ADA@EXAMPLE.COM"))
    found = users.FindUsers(FindUsersRequest(match=match), timeout=STEP_SECONDS).users
    count = users.CountUsers(CountUsersRequest(match=match), timeout=STEP_SECONDS).count
    scanned = users.ScanUsers(ScanUsersRequest(where=UserFilter(properties=ADA)), timeout=STEP_SECONDS).users
    ids = [[user.id for user in some] for some in (found, scanned)]
    assert ids == [["u"], ["u"]] and count == 1, f"found {ids}, counted {count}"


def fail(users: UserServiceStub) -> None:
    expect_reason("USER_NOT_FOUND", lambda: users.GetUser(GetUserRequest(id="nobody"), timeout=STEP_SECONDS))


def be_refused(users: UserServiceStub) -> None:
    phone = FindUsersRequest(match=Match(property="phone", equals=Value(string_value="555 0100")))
    expect_reason("PROPERTY_NOT_INDEXED", lambda: users.FindUsers(phone, timeout=STEP_SECONDS))
    long = CountUsersRequest(match=Match(property="email", equals=Value(string_value="x" * 257)))
    expect_reason("INVALID_MATCH", lambda: users.CountUsers(long, timeout=STEP_SECONDS))


def expect_reason(expected: str, call: Callable[[], object]) -> None:
    try:
        call()
    except grpc.RpcError as error:
        details = rpc_status.from_call(error).details
        info = ErrorInfo()
        reasons = [info.reason for detail in details if detail.Unpack(info)]
        assert reasons == [expected], f"the reasons are {reasons}: {error}"
    else:
        raise AssertionError("the call succeeded")


def large(users: UserServiceStub) -> None:
    """Reads an answer of 240,000 bytes."""
    properties = {name: name * 60_000 for name in "abcd"}
    users.Identify(IdentifyRequest(id="large", properties={**ADA, **properties}), timeout=STEP_SECONDS)
    found = users.GetUser(GetUserRequest(id="large"), timeout=STEP_SECONDS).user.properties
    assert all(found[name] == value for name, value in properties.items()), "a property is another"


def batch(users: UserServiceStub) -> None:
    def requests() -> Iterator[BatchIdentifyRequest]:
        for at in range(MESSAGES):
            ids = [f"batch-{at}-{item}" for item in range(PER_MESSAGE)]
            yield BatchIdentifyRequest(requests=[IdentifyRequest(id=id, properties=ADA) for id in ids])

    answers = list(users.BatchIdentify(requests(), timeout=STEP_SECONDS))
    created = sum(answer.created for answer in answers)
    assert len(answers) == MESSAGES and created == MESSAGES * PER_MESSAGE, f"{len(answers)} answers: {created} created"


def crowd(users: UserServiceStub) -> None:
    calls = [users.GetUser.future(GetUserRequest(id="u"), timeout=STEP_SECONDS) for _ in range(AT_ONCE)]
    for call in calls:
        assert call.result().user.properties["name"] == "Ada"


def report(step: str, run: Callable[[UserServiceStub], None], users: UserServiceStub) -> None:
    try:
        run(users)
        line: dict[str, object] = {"step": step, "ok": True}
    except Exception as error:  # Whatever it is, the report has it.
        line = {"step": step, "ok": False, "why": str(error) or repr(error)}
    print(json.dumps(line), flush=True)


url, *rest = sys.argv[1:]
with open_channel(url, rest[0] if rest else None) as channel:
    stub = UserServiceStub(channel)
    report("identify", identify, stub)
    report("get", get, stub)
    report("search", search, stub)
    report("error", fail, stub)
    report("refusals", be_refused, stub)
    report("large", large, stub)
    report("batch", batch, stub)
    report("crowd", crowd, stub)
