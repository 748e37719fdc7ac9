"""Runs the steps of a scenario file against a server, and prints whether each answer is the expected one.

    python scenarios.py SERVER_URL SCENARIO_FILE [RUN]

test/scenarios/README.md describes the file and the output. ROLLCALL_TOKEN and ROLLCALL_CA work as in
example.py.
"""

import json
import os
import re
import secrets
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import grpc
from google.protobuf.json_format import MessageToDict, ParseDict, ParseError
from google.protobuf.message_factory import GetMessageClass
from rollcall.v1.user_service_pb2 import DESCRIPTOR
from rollcall.v1.user_service_pb2_grpc import UserServiceStub

from rollcall_client import CallFailure, failure_of, open_channel
from scenario_matching import Json, Mismatch, match, match_failure, text_at, value_at

DEADLINE_SECONDS = 10

Step = Mapping[str, Any]


def main() -> None:
    if len(sys.argv) not in (3, 4):
        sys.exit("usage: scenarios.py SERVER_URL SCENARIO_FILE [RUN]")
    server, path, *run = sys.argv[1:]
    try:
        steps: list[Step] = json.loads(Path(path).read_text("utf-8"))["steps"]
    except (OSError, ValueError, KeyError) as error:
        sys.exit(f"{path}: {error}")

    ca = os.environ.get("ROLLCALL_CA")
    token = os.environ.get("ROLLCALL_TOKEN")
    with open_channel(server, token=token, ca=Path(ca).read_bytes() if ca else None, retries=False) as channel:
        runner = Runner(UserServiceStub(channel), run[0] if run else secrets.token_hex(4))
        for step in steps:
            why = runner.why_failed(step)
            reason = {} if why is None else {"why": why}
            print(json.dumps({"step": step["name"], "ok": why is None, **reason}), flush=True)


class Runner:
    """Makes the calls of one run, and keeps what its steps save."""

    def __init__(self, users: UserServiceStub, run: str) -> None:
        self._users = users
        self._saved = {"run": run}

    def why_failed(self, step: Step) -> str | None:
        """Makes the step's calls; None if the answer is the expected one."""
        try:
            filled = {
                name: self._fill(step[name])
                for name in ("request", "requests", "response", "responses", "error", "differs")
                if name in step
            }
            answers, failure = self._call(step["method"], filled)
            self._compare(step, filled, answers, failure)
        except (Mismatch, ParseError) as mismatch:
            return str(mismatch)
        return None

    def _fill(self, value: Json) -> Json:
        """The same, with a saved value in place of each `${name}`."""
        if isinstance(value, str):
            return re.sub(r"\$\{([^}]*)\}", lambda found: self._saved_as(found[1]), value)
        if isinstance(value, list):
            return [self._fill(item) for item in value]
        if isinstance(value, dict):
            return {name: self._fill(field) for name, field in value.items()}
        return value

    def _saved_as(self, name: str) -> str:
        if name not in self._saved:
            raise Mismatch(f"nothing was saved as {name}")
        return self._saved[name]

    def _call(self, name: str, filled: Mapping[str, Any]) -> tuple[list[Json], CallFailure | None]:
        """The answers, and the error of the call."""
        method = DESCRIPTOR.services_by_name["UserService"].methods_by_name.get(name)
        if method is None:
            raise Mismatch(f"there is no method {name}")
        request_class = GetMessageClass(method.input_type)
        bodies = filled.get("requests", []) if method.client_streaming else [filled.get("request", {})]
        requests = [ParseDict(body, request_class()) for body in bodies]
        call = getattr(self._users, name)
        answers: list[Json] = []
        try:
            if method.client_streaming:
                for answer in call(iter(requests), timeout=DEADLINE_SECONDS):
                    answers.append(MessageToDict(answer, preserving_proto_field_name=True))
            else:
                answer = call(requests[0], timeout=DEADLINE_SECONDS)
                answers.append(MessageToDict(answer, preserving_proto_field_name=True))
        except grpc.RpcError as error:
            return answers, failure_of(error)
        return answers, None

    def _compare(self, step: Step, filled: Mapping[str, Any], answers: list[Json], failure: CallFailure | None) -> None:
        is_stream = "requests" in step
        if is_stream:
            match(filled.get("responses", []), answers, "")
        if "error" in step:
            match_failure(filled["error"], failure)
            return
        if failure is not None:
            raise Mismatch(f"failed with {failure.code.name} {failure.reason}: {failure.message}")
        answer = answers if is_stream else answers[0]
        if "response" in step:
            match(filled["response"], answer, "")
        for path in step.get("present", []):
            value_at(answer, path)
        for path, other in filled.get("differs", {}).items():
            if value_at(answer, path) == other:
                raise Mismatch(f"{path}: expected another than {json.dumps(other)}")
        for name, path in step.get("save", {}).items():
            self._saved[name] = text_at(answer, path)


if __name__ == "__main__":
    main()
