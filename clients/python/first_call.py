import os

import grpc
from rollcall.v1.user_service_pb2 import GetUserRequest, IdentifyRequest
from rollcall.v1.user_service_pb2_grpc import UserServiceStub

server = os.environ.get("ROLLCALL_SERVER", "http://127.0.0.1:50051")
with grpc.insecure_channel(server.removeprefix("http://")) as channel:
    users = UserServiceStub(channel)
    users.Identify(IdentifyRequest(id="u1", properties={"name": "Ada", "email": "ada@example.com", "plan": "pro"}))
    print(users.GetUser(GetUserRequest(id="u1")).user)
