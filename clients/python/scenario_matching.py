"""Compares answers with expected ones, by the rules in test/scenarios/README.md."""

import json
from collections.abc import Mapping
from typing import Any, TypeAlias

from rollcall_client import CallFailure

Json: TypeAlias = Any

# The users' own data, which must be equal as a whole.
WHOLE_FIELDS = ("properties", "preferences")


class Mismatch(Exception):
    """Says where an answer differs from the expected one."""


def match(expected: Json, actual: Json, path: str) -> None:
    """Raises a Mismatch unless the actual value at this path matches the expected one."""
    if isinstance(expected, dict):
        fields = {} if actual is None else actual
        if not isinstance(fields, dict):
            raise differing(expected, actual, path)
        for name, value in expected.items():
            at = f"{path}.{name}" if path else name
            if name in WHOLE_FIELDS:
                if not equal(value or {}, fields.get(name, {})):
                    raise differing(value, fields.get(name), at)
            else:
                match(value, fields.get(name), at)
    elif is_default(expected):
        if not is_default(actual):
            raise differing(expected, actual, path)
    elif isinstance(expected, list):
        if not isinstance(actual, list) or len(actual) != len(expected):
            raise differing(expected, actual, path)
        for index, value in enumerate(expected):
            match(value, actual[index], f"{path}.{index}" if path else str(index))
    elif not equal(expected, actual):
        raise differing(expected, actual, path)


def match_failure(expected: Mapping[str, Any], failure: CallFailure | None) -> None:
    """Raises a Mismatch unless the call failed as expected."""
    if failure is None:
        raise Mismatch(f"expected {expected['code']} {expected['reason']}, and the call succeeded")
    actual: dict[str, Json] = {
        "code": failure.code.name,
        "reason": failure.reason,
        "violations": [{"field": it.field, "reason": it.reason} for it in failure.violations],
        "metadata": dict(failure.metadata),
    }
    match({"violations": [], **expected}, actual, "")


def value_at(answer: Json, path: str) -> Json:
    """The value at the path; raises a Mismatch if it is a default."""
    value = answer
    for step in path.split("."):
        if isinstance(value, list) and step.isdecimal() and int(step) < len(value):
            value = value[int(step)]
        else:
            value = value.get(step) if isinstance(value, dict) else None
    if is_default(value):
        raise Mismatch(f"{path}: expected a value, got {json.dumps(value)}")
    return value


def text_at(answer: Json, path: str) -> str:
    """The string at the path; raises a Mismatch if there is none."""
    value = value_at(answer, path)
    if not isinstance(value, str):
        raise Mismatch(f"{path}: expected a string, got {json.dumps(value)}")
    return value


def is_default(value: Json) -> bool:
    return not value or (isinstance(value, str) and value.endswith("_UNSPECIFIED"))


def equal(one: Json, other: Json) -> bool:
    """Whether both are of the same kind and the same at every depth; numbers are compared as doubles."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(equal(value, other[name]) for name, value in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(equal, one, other))
    if is_number(one) and is_number(other):
        return float(one) == float(other)
    return type(one) is type(other) and bool(one == other)


def is_number(value: Json) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def differing(expected: Json, actual: Json, path: str) -> Mismatch:
    return Mismatch(f"{path or 'answer'}: expected {json.dumps(expected)}, got {json.dumps(actual)}")
