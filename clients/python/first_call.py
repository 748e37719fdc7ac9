import os

import grpc
from rollcall.v1.user_service_pb2 import GetUserRequest, IdentifyRequest
from rollcall.v1.user_service_pb2_grpc import UserServiceStub

address = os.environ.get("ROLLCALL_SERVER", "http://127.0.0.1:50051").removeprefix("http://")

with grpc.insecure_channel(address) as channel:
    users = UserServiceStub(channel)
    users.Identify(IdentifyRequest(id="u1", properties={"name": "Ada", "email": "ada@example.com"}))
    print(users.GetUser(GetUserRequest(id="u1")).user)
