import datetime

from google.protobuf import struct_pb2 as _struct_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from rollcall.v1 import user_pb2 as _user_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Outcome(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    OUTCOME_UNSPECIFIED: _ClassVar[Outcome]
    OUTCOME_CREATED: _ClassVar[Outcome]
    OUTCOME_UPDATED: _ClassVar[Outcome]
    OUTCOME_UNCHANGED: _ClassVar[Outcome]
    OUTCOME_APPLIED: _ClassVar[Outcome]

class BatchReport(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    BATCH_REPORT_UNSPECIFIED: _ClassVar[BatchReport]
    BATCH_REPORT_FAILURES: _ClassVar[BatchReport]
    BATCH_REPORT_ALL: _ClassVar[BatchReport]

class PreferencesMode(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    PREFERENCES_MODE_UNSPECIFIED: _ClassVar[PreferencesMode]
    PREFERENCES_MODE_REPLACE: _ClassVar[PreferencesMode]
    PREFERENCES_MODE_MERGE: _ClassVar[PreferencesMode]
OUTCOME_UNSPECIFIED: Outcome
OUTCOME_CREATED: Outcome
OUTCOME_UPDATED: Outcome
OUTCOME_UNCHANGED: Outcome
OUTCOME_APPLIED: Outcome
BATCH_REPORT_UNSPECIFIED: BatchReport
BATCH_REPORT_FAILURES: BatchReport
BATCH_REPORT_ALL: BatchReport
PREFERENCES_MODE_UNSPECIFIED: PreferencesMode
PREFERENCES_MODE_REPLACE: PreferencesMode
PREFERENCES_MODE_MERGE: PreferencesMode

class IdentifyRequest(_message.Message):
    __slots__ = ("id", "properties", "set_once", "unset", "precondition", "observed_at", "validate_only")
    ID_FIELD_NUMBER: _ClassVar[int]
    PROPERTIES_FIELD_NUMBER: _ClassVar[int]
    SET_ONCE_FIELD_NUMBER: _ClassVar[int]
    UNSET_FIELD_NUMBER: _ClassVar[int]
    PRECONDITION_FIELD_NUMBER: _ClassVar[int]
    OBSERVED_AT_FIELD_NUMBER: _ClassVar[int]
    VALIDATE_ONLY_FIELD_NUMBER: _ClassVar[int]
    id: str
    properties: _struct_pb2.Struct
    set_once: _struct_pb2.Struct
    unset: _containers.RepeatedScalarFieldContainer[str]
    precondition: _user_pb2.Precondition
    observed_at: _timestamp_pb2.Timestamp
    validate_only: bool
    def __init__(self, id: _Optional[str] = ..., properties: _Optional[_Union[_struct_pb2.Struct, _Mapping]] = ..., set_once: _Optional[_Union[_struct_pb2.Struct, _Mapping]] = ..., unset: _Optional[_Iterable[str]] = ..., precondition: _Optional[_Union[_user_pb2.Precondition, _Mapping]] = ..., observed_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., validate_only: _Optional[bool] = ...) -> None: ...

class IdentifyResponse(_message.Message):
    __slots__ = ("user", "outcome", "ignored_properties")
    USER_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    IGNORED_PROPERTIES_FIELD_NUMBER: _ClassVar[int]
    user: _user_pb2.User
    outcome: Outcome
    ignored_properties: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, user: _Optional[_Union[_user_pb2.User, _Mapping]] = ..., outcome: _Optional[_Union[Outcome, str]] = ..., ignored_properties: _Optional[_Iterable[str]] = ...) -> None: ...

class GetUserRequest(_message.Message):
    __slots__ = ("id", "only_properties")
    ID_FIELD_NUMBER: _ClassVar[int]
    ONLY_PROPERTIES_FIELD_NUMBER: _ClassVar[int]
    id: str
    only_properties: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, id: _Optional[str] = ..., only_properties: _Optional[_Iterable[str]] = ...) -> None: ...

class GetUserResponse(_message.Message):
    __slots__ = ("user",)
    USER_FIELD_NUMBER: _ClassVar[int]
    user: _user_pb2.User
    def __init__(self, user: _Optional[_Union[_user_pb2.User, _Mapping]] = ...) -> None: ...

class BatchIdentifyRequest(_message.Message):
    __slots__ = ("requests", "report")
    REQUESTS_FIELD_NUMBER: _ClassVar[int]
    REPORT_FIELD_NUMBER: _ClassVar[int]
    requests: _containers.RepeatedCompositeFieldContainer[IdentifyRequest]
    report: BatchReport
    def __init__(self, requests: _Optional[_Iterable[_Union[IdentifyRequest, _Mapping]]] = ..., report: _Optional[_Union[BatchReport, str]] = ...) -> None: ...

class BatchIdentifyResponse(_message.Message):
    __slots__ = ("sequence", "created", "updated", "unchanged", "failed", "results", "applied")
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    CREATED_FIELD_NUMBER: _ClassVar[int]
    UPDATED_FIELD_NUMBER: _ClassVar[int]
    UNCHANGED_FIELD_NUMBER: _ClassVar[int]
    FAILED_FIELD_NUMBER: _ClassVar[int]
    RESULTS_FIELD_NUMBER: _ClassVar[int]
    APPLIED_FIELD_NUMBER: _ClassVar[int]
    sequence: int
    created: int
    updated: int
    unchanged: int
    failed: int
    results: _containers.RepeatedCompositeFieldContainer[BatchIdentifyResult]
    applied: int
    def __init__(self, sequence: _Optional[int] = ..., created: _Optional[int] = ..., updated: _Optional[int] = ..., unchanged: _Optional[int] = ..., failed: _Optional[int] = ..., results: _Optional[_Iterable[_Union[BatchIdentifyResult, _Mapping]]] = ..., applied: _Optional[int] = ...) -> None: ...

class BatchIdentifyResult(_message.Message):
    __slots__ = ("index", "id", "outcome", "etag", "error", "ignored_properties")
    INDEX_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    ETAG_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    IGNORED_PROPERTIES_FIELD_NUMBER: _ClassVar[int]
    index: int
    id: str
    outcome: Outcome
    etag: str
    error: IdentifyError
    ignored_properties: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, index: _Optional[int] = ..., id: _Optional[str] = ..., outcome: _Optional[_Union[Outcome, str]] = ..., etag: _Optional[str] = ..., error: _Optional[_Union[IdentifyError, _Mapping]] = ..., ignored_properties: _Optional[_Iterable[str]] = ...) -> None: ...

class IdentifyUsersRequest(_message.Message):
    __slots__ = ("requests", "report")
    REQUESTS_FIELD_NUMBER: _ClassVar[int]
    REPORT_FIELD_NUMBER: _ClassVar[int]
    requests: _containers.RepeatedCompositeFieldContainer[IdentifyRequest]
    report: BatchReport
    def __init__(self, requests: _Optional[_Iterable[_Union[IdentifyRequest, _Mapping]]] = ..., report: _Optional[_Union[BatchReport, str]] = ...) -> None: ...

class IdentifyUsersResponse(_message.Message):
    __slots__ = ("created", "updated", "unchanged", "failed", "results", "applied")
    CREATED_FIELD_NUMBER: _ClassVar[int]
    UPDATED_FIELD_NUMBER: _ClassVar[int]
    UNCHANGED_FIELD_NUMBER: _ClassVar[int]
    FAILED_FIELD_NUMBER: _ClassVar[int]
    RESULTS_FIELD_NUMBER: _ClassVar[int]
    APPLIED_FIELD_NUMBER: _ClassVar[int]
    created: int
    updated: int
    unchanged: int
    failed: int
    results: _containers.RepeatedCompositeFieldContainer[BatchIdentifyResult]
    applied: int
    def __init__(self, created: _Optional[int] = ..., updated: _Optional[int] = ..., unchanged: _Optional[int] = ..., failed: _Optional[int] = ..., results: _Optional[_Iterable[_Union[BatchIdentifyResult, _Mapping]]] = ..., applied: _Optional[int] = ...) -> None: ...

class IdentifyError(_message.Message):
    __slots__ = ("code", "reason", "message", "violations")
    class Violation(_message.Message):
        __slots__ = ("field", "reason", "description")
        FIELD_FIELD_NUMBER: _ClassVar[int]
        REASON_FIELD_NUMBER: _ClassVar[int]
        DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
        field: str
        reason: str
        description: str
        def __init__(self, field: _Optional[str] = ..., reason: _Optional[str] = ..., description: _Optional[str] = ...) -> None: ...
    CODE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    VIOLATIONS_FIELD_NUMBER: _ClassVar[int]
    code: int
    reason: str
    message: str
    violations: _containers.RepeatedCompositeFieldContainer[IdentifyError.Violation]
    def __init__(self, code: _Optional[int] = ..., reason: _Optional[str] = ..., message: _Optional[str] = ..., violations: _Optional[_Iterable[_Union[IdentifyError.Violation, _Mapping]]] = ...) -> None: ...

class BatchGetUsersRequest(_message.Message):
    __slots__ = ("ids", "only_properties")
    IDS_FIELD_NUMBER: _ClassVar[int]
    ONLY_PROPERTIES_FIELD_NUMBER: _ClassVar[int]
    ids: _containers.RepeatedScalarFieldContainer[str]
    only_properties: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, ids: _Optional[_Iterable[str]] = ..., only_properties: _Optional[_Iterable[str]] = ...) -> None: ...

class BatchGetUsersResponse(_message.Message):
    __slots__ = ("users", "missing_ids", "unread_ids", "damaged_ids")
    USERS_FIELD_NUMBER: _ClassVar[int]
    MISSING_IDS_FIELD_NUMBER: _ClassVar[int]
    UNREAD_IDS_FIELD_NUMBER: _ClassVar[int]
    DAMAGED_IDS_FIELD_NUMBER: _ClassVar[int]
    users: _containers.RepeatedCompositeFieldContainer[_user_pb2.User]
    missing_ids: _containers.RepeatedScalarFieldContainer[str]
    unread_ids: _containers.RepeatedScalarFieldContainer[str]
    damaged_ids: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, users: _Optional[_Iterable[_Union[_user_pb2.User, _Mapping]]] = ..., missing_ids: _Optional[_Iterable[str]] = ..., unread_ids: _Optional[_Iterable[str]] = ..., damaged_ids: _Optional[_Iterable[str]] = ...) -> None: ...

class ListUsersRequest(_message.Message):
    __slots__ = ("page_size", "page_token", "only_properties")
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    ONLY_PROPERTIES_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    only_properties: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ..., only_properties: _Optional[_Iterable[str]] = ...) -> None: ...

class ListUsersResponse(_message.Message):
    __slots__ = ("users", "next_page_token", "damaged_count")
    USERS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    DAMAGED_COUNT_FIELD_NUMBER: _ClassVar[int]
    users: _containers.RepeatedCompositeFieldContainer[_user_pb2.User]
    next_page_token: str
    damaged_count: int
    def __init__(self, users: _Optional[_Iterable[_Union[_user_pb2.User, _Mapping]]] = ..., next_page_token: _Optional[str] = ..., damaged_count: _Optional[int] = ...) -> None: ...

class Match(_message.Message):
    __slots__ = ("property", "equals", "starts_with", "present")
    PROPERTY_FIELD_NUMBER: _ClassVar[int]
    EQUALS_FIELD_NUMBER: _ClassVar[int]
    STARTS_WITH_FIELD_NUMBER: _ClassVar[int]
    PRESENT_FIELD_NUMBER: _ClassVar[int]
    property: str
    equals: _struct_pb2.Value
    starts_with: str
    present: bool
    def __init__(self, property: _Optional[str] = ..., equals: _Optional[_Union[_struct_pb2.Value, _Mapping]] = ..., starts_with: _Optional[str] = ..., present: _Optional[bool] = ...) -> None: ...

class FindUsersRequest(_message.Message):
    __slots__ = ("match", "page_size", "page_token", "only_properties")
    MATCH_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    ONLY_PROPERTIES_FIELD_NUMBER: _ClassVar[int]
    match: Match
    page_size: int
    page_token: str
    only_properties: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, match: _Optional[_Union[Match, _Mapping]] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ..., only_properties: _Optional[_Iterable[str]] = ...) -> None: ...

class FindUsersResponse(_message.Message):
    __slots__ = ("users", "next_page_token", "damaged_count")
    USERS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    DAMAGED_COUNT_FIELD_NUMBER: _ClassVar[int]
    users: _containers.RepeatedCompositeFieldContainer[_user_pb2.User]
    next_page_token: str
    damaged_count: int
    def __init__(self, users: _Optional[_Iterable[_Union[_user_pb2.User, _Mapping]]] = ..., next_page_token: _Optional[str] = ..., damaged_count: _Optional[int] = ...) -> None: ...

class CountUsersRequest(_message.Message):
    __slots__ = ("match",)
    MATCH_FIELD_NUMBER: _ClassVar[int]
    match: Match
    def __init__(self, match: _Optional[_Union[Match, _Mapping]] = ...) -> None: ...

class CountUsersResponse(_message.Message):
    __slots__ = ("count",)
    COUNT_FIELD_NUMBER: _ClassVar[int]
    count: int
    def __init__(self, count: _Optional[int] = ...) -> None: ...

class UserFilter(_message.Message):
    __slots__ = ("properties", "updated_after", "created_after")
    PROPERTIES_FIELD_NUMBER: _ClassVar[int]
    UPDATED_AFTER_FIELD_NUMBER: _ClassVar[int]
    CREATED_AFTER_FIELD_NUMBER: _ClassVar[int]
    properties: _struct_pb2.Struct
    updated_after: _timestamp_pb2.Timestamp
    created_after: _timestamp_pb2.Timestamp
    def __init__(self, properties: _Optional[_Union[_struct_pb2.Struct, _Mapping]] = ..., updated_after: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., created_after: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class ScanUsersRequest(_message.Message):
    __slots__ = ("where", "page_size", "page_token", "only_properties")
    WHERE_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    ONLY_PROPERTIES_FIELD_NUMBER: _ClassVar[int]
    where: UserFilter
    page_size: int
    page_token: str
    only_properties: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, where: _Optional[_Union[UserFilter, _Mapping]] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ..., only_properties: _Optional[_Iterable[str]] = ...) -> None: ...

class ScanUsersResponse(_message.Message):
    __slots__ = ("users", "next_page_token", "looked_at", "damaged_count")
    USERS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    LOOKED_AT_FIELD_NUMBER: _ClassVar[int]
    DAMAGED_COUNT_FIELD_NUMBER: _ClassVar[int]
    users: _containers.RepeatedCompositeFieldContainer[_user_pb2.User]
    next_page_token: str
    looked_at: int
    damaged_count: int
    def __init__(self, users: _Optional[_Iterable[_Union[_user_pb2.User, _Mapping]]] = ..., next_page_token: _Optional[str] = ..., looked_at: _Optional[int] = ..., damaged_count: _Optional[int] = ...) -> None: ...

class SetPreferencesRequest(_message.Message):
    __slots__ = ("id", "preferences", "mode", "precondition")
    ID_FIELD_NUMBER: _ClassVar[int]
    PREFERENCES_FIELD_NUMBER: _ClassVar[int]
    MODE_FIELD_NUMBER: _ClassVar[int]
    PRECONDITION_FIELD_NUMBER: _ClassVar[int]
    id: str
    preferences: _struct_pb2.Struct
    mode: PreferencesMode
    precondition: _user_pb2.Precondition
    def __init__(self, id: _Optional[str] = ..., preferences: _Optional[_Union[_struct_pb2.Struct, _Mapping]] = ..., mode: _Optional[_Union[PreferencesMode, str]] = ..., precondition: _Optional[_Union[_user_pb2.Precondition, _Mapping]] = ...) -> None: ...

class SetPreferencesResponse(_message.Message):
    __slots__ = ("user",)
    USER_FIELD_NUMBER: _ClassVar[int]
    user: _user_pb2.User
    def __init__(self, user: _Optional[_Union[_user_pb2.User, _Mapping]] = ...) -> None: ...

class DeleteUserRequest(_message.Message):
    __slots__ = ("id", "precondition", "allow_missing")
    ID_FIELD_NUMBER: _ClassVar[int]
    PRECONDITION_FIELD_NUMBER: _ClassVar[int]
    ALLOW_MISSING_FIELD_NUMBER: _ClassVar[int]
    id: str
    precondition: _user_pb2.Precondition
    allow_missing: bool
    def __init__(self, id: _Optional[str] = ..., precondition: _Optional[_Union[_user_pb2.Precondition, _Mapping]] = ..., allow_missing: _Optional[bool] = ...) -> None: ...

class DeleteUserResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class GetRegistryRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class GetRegistryResponse(_message.Message):
    __slots__ = ("version", "required_properties", "indexes", "principal", "store_id", "features", "generation")
    class Principal(_message.Message):
        __slots__ = ("name", "scopes")
        NAME_FIELD_NUMBER: _ClassVar[int]
        SCOPES_FIELD_NUMBER: _ClassVar[int]
        name: str
        scopes: _containers.RepeatedScalarFieldContainer[str]
        def __init__(self, name: _Optional[str] = ..., scopes: _Optional[_Iterable[str]] = ...) -> None: ...
    class Index(_message.Message):
        __slots__ = ("property", "folded", "state", "users_done", "users_total")
        class State(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
            __slots__ = ()
            STATE_UNSPECIFIED: _ClassVar[GetRegistryResponse.Index.State]
            STATE_BUILDING: _ClassVar[GetRegistryResponse.Index.State]
            STATE_READY: _ClassVar[GetRegistryResponse.Index.State]
        STATE_UNSPECIFIED: GetRegistryResponse.Index.State
        STATE_BUILDING: GetRegistryResponse.Index.State
        STATE_READY: GetRegistryResponse.Index.State
        PROPERTY_FIELD_NUMBER: _ClassVar[int]
        FOLDED_FIELD_NUMBER: _ClassVar[int]
        STATE_FIELD_NUMBER: _ClassVar[int]
        USERS_DONE_FIELD_NUMBER: _ClassVar[int]
        USERS_TOTAL_FIELD_NUMBER: _ClassVar[int]
        property: str
        folded: bool
        state: GetRegistryResponse.Index.State
        users_done: int
        users_total: int
        def __init__(self, property: _Optional[str] = ..., folded: _Optional[bool] = ..., state: _Optional[_Union[GetRegistryResponse.Index.State, str]] = ..., users_done: _Optional[int] = ..., users_total: _Optional[int] = ...) -> None: ...
    VERSION_FIELD_NUMBER: _ClassVar[int]
    REQUIRED_PROPERTIES_FIELD_NUMBER: _ClassVar[int]
    INDEXES_FIELD_NUMBER: _ClassVar[int]
    PRINCIPAL_FIELD_NUMBER: _ClassVar[int]
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    FEATURES_FIELD_NUMBER: _ClassVar[int]
    GENERATION_FIELD_NUMBER: _ClassVar[int]
    version: str
    required_properties: _containers.RepeatedScalarFieldContainer[str]
    indexes: _containers.RepeatedCompositeFieldContainer[GetRegistryResponse.Index]
    principal: GetRegistryResponse.Principal
    store_id: str
    features: _containers.RepeatedScalarFieldContainer[str]
    generation: int
    def __init__(self, version: _Optional[str] = ..., required_properties: _Optional[_Iterable[str]] = ..., indexes: _Optional[_Iterable[_Union[GetRegistryResponse.Index, _Mapping]]] = ..., principal: _Optional[_Union[GetRegistryResponse.Principal, _Mapping]] = ..., store_id: _Optional[str] = ..., features: _Optional[_Iterable[str]] = ..., generation: _Optional[int] = ...) -> None: ...
