package rollcall.v1;

import static io.grpc.MethodDescriptor.generateFullMethodName;

/**
 * <pre>
 * UserService is a registry of users for services: a caller identifies a person under the id that its own system uses
 * and sends what it knows about them; any service reads the whole user back.
 * Limits, for every method: a request message has at most 4 MiB, before and after decompression (RESOURCE_EXHAUSTED).
 * For JSON, the size of the equivalent protobuf encoding counts too. Property names are 1 to 128 bytes. A user has at
 * most 512 properties, of at most 64 KiB each and 256 KiB together. Values are at most 24 objects or lists deep. NaN,
 * infinities, values without a kind and invalid UTF-8 are refused with INVALID_ARGUMENT.
 * Errors carry a google.rpc.ErrorInfo: see ErrorReason. A call's deadline is enforced by the server: after
 * DEADLINE_EXCEEDED, as after UNAVAILABLE, a write may have been applied; every method can be repeated.
 * Where the server asks for credentials, a caller sends `authorization: Bearer TOKEN` or shows a client certificate; else
 * UNAUTHENTICATED. Each method needs one scope, and fails with PERMISSION_DENIED without it. `users.read` includes
 * `users.get`.
 * A caller without the scope `users.read` is told of a write only that it was applied: OUTCOME_APPLIED, or a count of
 * `applied` items. It gets no user, no etag, no times and no `ignored_properties`, and `validate_only` fails with
 * PERMISSION_DENIED, SCOPE_MISSING. Errors do not tell it how large a stored user is.
 * </pre>
 */
@io.grpc.stub.annotations.GrpcGenerated
public final class UserServiceGrpc {

  private UserServiceGrpc() {}

  public static final java.lang.String SERVICE_NAME = "rollcall.v1.UserService";

  // Static method descriptors that strictly reflect the proto.
  private static volatile io.grpc.MethodDescriptor<rollcall.v1.IdentifyRequest,
      rollcall.v1.IdentifyResponse> getIdentifyMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "Identify",
      requestType = rollcall.v1.IdentifyRequest.class,
      responseType = rollcall.v1.IdentifyResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<rollcall.v1.IdentifyRequest,
      rollcall.v1.IdentifyResponse> getIdentifyMethod() {
    io.grpc.MethodDescriptor<rollcall.v1.IdentifyRequest, rollcall.v1.IdentifyResponse> getIdentifyMethod;
    if ((getIdentifyMethod = UserServiceGrpc.getIdentifyMethod) == null) {
      synchronized (UserServiceGrpc.class) {
        if ((getIdentifyMethod = UserServiceGrpc.getIdentifyMethod) == null) {
          UserServiceGrpc.getIdentifyMethod = getIdentifyMethod =
              io.grpc.MethodDescriptor.<rollcall.v1.IdentifyRequest, rollcall.v1.IdentifyResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "Identify"))
              .setIdempotent(true)
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  rollcall.v1.IdentifyRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  rollcall.v1.IdentifyResponse.getDefaultInstance()))
              .setSchemaDescriptor(new UserServiceMethodDescriptorSupplier("Identify"))
              .build();
        }
      }
    }
    return getIdentifyMethod;
  }

  private static volatile io.grpc.MethodDescriptor<rollcall.v1.GetUserRequest,
      rollcall.v1.GetUserResponse> getGetUserMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "GetUser",
      requestType = rollcall.v1.GetUserRequest.class,
      responseType = rollcall.v1.GetUserResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<rollcall.v1.GetUserRequest,
      rollcall.v1.GetUserResponse> getGetUserMethod() {
    io.grpc.MethodDescriptor<rollcall.v1.GetUserRequest, rollcall.v1.GetUserResponse> getGetUserMethod;
    if ((getGetUserMethod = UserServiceGrpc.getGetUserMethod) == null) {
      synchronized (UserServiceGrpc.class) {
        if ((getGetUserMethod = UserServiceGrpc.getGetUserMethod) == null) {
          UserServiceGrpc.getGetUserMethod = getGetUserMethod =
              io.grpc.MethodDescriptor.<rollcall.v1.GetUserRequest, rollcall.v1.GetUserResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "GetUser"))
              .setSafe(true)
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  rollcall.v1.GetUserRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  rollcall.v1.GetUserResponse.getDefaultInstance()))
              .setSchemaDescriptor(new UserServiceMethodDescriptorSupplier("GetUser"))
              .build();
        }
      }
    }
    return getGetUserMethod;
  }

  private static volatile io.grpc.MethodDescriptor<rollcall.v1.BatchIdentifyRequest,
      rollcall.v1.BatchIdentifyResponse> getBatchIdentifyMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "BatchIdentify",
      requestType = rollcall.v1.BatchIdentifyRequest.class,
      responseType = rollcall.v1.BatchIdentifyResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.BIDI_STREAMING)
  public static io.grpc.MethodDescriptor<rollcall.v1.BatchIdentifyRequest,
      rollcall.v1.BatchIdentifyResponse> getBatchIdentifyMethod() {
    io.grpc.MethodDescriptor<rollcall.v1.BatchIdentifyRequest, rollcall.v1.BatchIdentifyResponse> getBatchIdentifyMethod;
    if ((getBatchIdentifyMethod = UserServiceGrpc.getBatchIdentifyMethod) == null) {
      synchronized (UserServiceGrpc.class) {
        if ((getBatchIdentifyMethod = UserServiceGrpc.getBatchIdentifyMethod) == null) {
          UserServiceGrpc.getBatchIdentifyMethod = getBatchIdentifyMethod =
              io.grpc.MethodDescriptor.<rollcall.v1.BatchIdentifyRequest, rollcall.v1.BatchIdentifyResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.BIDI_STREAMING)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "BatchIdentify"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  rollcall.v1.BatchIdentifyRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  rollcall.v1.BatchIdentifyResponse.getDefaultInstance()))
              .setSchemaDescriptor(new UserServiceMethodDescriptorSupplier("BatchIdentify"))
              .build();
        }
      }
    }
    return getBatchIdentifyMethod;
  }

  private static volatile io.grpc.MethodDescriptor<rollcall.v1.BatchGetUsersRequest,
      rollcall.v1.BatchGetUsersResponse> getBatchGetUsersMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "BatchGetUsers",
      requestType = rollcall.v1.BatchGetUsersRequest.class,
      responseType = rollcall.v1.BatchGetUsersResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<rollcall.v1.BatchGetUsersRequest,
      rollcall.v1.BatchGetUsersResponse> getBatchGetUsersMethod() {
    io.grpc.MethodDescriptor<rollcall.v1.BatchGetUsersRequest, rollcall.v1.BatchGetUsersResponse> getBatchGetUsersMethod;
    if ((getBatchGetUsersMethod = UserServiceGrpc.getBatchGetUsersMethod) == null) {
      synchronized (UserServiceGrpc.class) {
        if ((getBatchGetUsersMethod = UserServiceGrpc.getBatchGetUsersMethod) == null) {
          UserServiceGrpc.getBatchGetUsersMethod = getBatchGetUsersMethod =
              io.grpc.MethodDescriptor.<rollcall.v1.BatchGetUsersRequest, rollcall.v1.BatchGetUsersResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "BatchGetUsers"))
              .setSafe(true)
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  rollcall.v1.BatchGetUsersRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  rollcall.v1.BatchGetUsersResponse.getDefaultInstance()))
              .setSchemaDescriptor(new UserServiceMethodDescriptorSupplier("BatchGetUsers"))
              .build();
        }
      }
    }
    return getBatchGetUsersMethod;
  }

  private static volatile io.grpc.MethodDescriptor<rollcall.v1.ListUsersRequest,
      rollcall.v1.ListUsersResponse> getListUsersMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "ListUsers",
      requestType = rollcall.v1.ListUsersRequest.class,
      responseType = rollcall.v1.ListUsersResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<rollcall.v1.ListUsersRequest,
      rollcall.v1.ListUsersResponse> getListUsersMethod() {
    io.grpc.MethodDescriptor<rollcall.v1.ListUsersRequest, rollcall.v1.ListUsersResponse> getListUsersMethod;
    if ((getListUsersMethod = UserServiceGrpc.getListUsersMethod) == null) {
      synchronized (UserServiceGrpc.class) {
        if ((getListUsersMethod = UserServiceGrpc.getListUsersMethod) == null) {
          UserServiceGrpc.getListUsersMethod = getListUsersMethod =
              io.grpc.MethodDescriptor.<rollcall.v1.ListUsersRequest, rollcall.v1.ListUsersResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "ListUsers"))
              .setSafe(true)
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  rollcall.v1.ListUsersRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  rollcall.v1.ListUsersResponse.getDefaultInstance()))
              .setSchemaDescriptor(new UserServiceMethodDescriptorSupplier("ListUsers"))
              .build();
        }
      }
    }
    return getListUsersMethod;
  }

  private static volatile io.grpc.MethodDescriptor<rollcall.v1.SetPreferencesRequest,
      rollcall.v1.SetPreferencesResponse> getSetPreferencesMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "SetPreferences",
      requestType = rollcall.v1.SetPreferencesRequest.class,
      responseType = rollcall.v1.SetPreferencesResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<rollcall.v1.SetPreferencesRequest,
      rollcall.v1.SetPreferencesResponse> getSetPreferencesMethod() {
    io.grpc.MethodDescriptor<rollcall.v1.SetPreferencesRequest, rollcall.v1.SetPreferencesResponse> getSetPreferencesMethod;
    if ((getSetPreferencesMethod = UserServiceGrpc.getSetPreferencesMethod) == null) {
      synchronized (UserServiceGrpc.class) {
        if ((getSetPreferencesMethod = UserServiceGrpc.getSetPreferencesMethod) == null) {
          UserServiceGrpc.getSetPreferencesMethod = getSetPreferencesMethod =
              io.grpc.MethodDescriptor.<rollcall.v1.SetPreferencesRequest, rollcall.v1.SetPreferencesResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "SetPreferences"))
              .setIdempotent(true)
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  rollcall.v1.SetPreferencesRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  rollcall.v1.SetPreferencesResponse.getDefaultInstance()))
              .setSchemaDescriptor(new UserServiceMethodDescriptorSupplier("SetPreferences"))
              .build();
        }
      }
    }
    return getSetPreferencesMethod;
  }

  private static volatile io.grpc.MethodDescriptor<rollcall.v1.DeleteUserRequest,
      rollcall.v1.DeleteUserResponse> getDeleteUserMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "DeleteUser",
      requestType = rollcall.v1.DeleteUserRequest.class,
      responseType = rollcall.v1.DeleteUserResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<rollcall.v1.DeleteUserRequest,
      rollcall.v1.DeleteUserResponse> getDeleteUserMethod() {
    io.grpc.MethodDescriptor<rollcall.v1.DeleteUserRequest, rollcall.v1.DeleteUserResponse> getDeleteUserMethod;
    if ((getDeleteUserMethod = UserServiceGrpc.getDeleteUserMethod) == null) {
      synchronized (UserServiceGrpc.class) {
        if ((getDeleteUserMethod = UserServiceGrpc.getDeleteUserMethod) == null) {
          UserServiceGrpc.getDeleteUserMethod = getDeleteUserMethod =
              io.grpc.MethodDescriptor.<rollcall.v1.DeleteUserRequest, rollcall.v1.DeleteUserResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "DeleteUser"))
              .setIdempotent(true)
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  rollcall.v1.DeleteUserRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  rollcall.v1.DeleteUserResponse.getDefaultInstance()))
              .setSchemaDescriptor(new UserServiceMethodDescriptorSupplier("DeleteUser"))
              .build();
        }
      }
    }
    return getDeleteUserMethod;
  }

  /**
   * Creates a new async stub that supports all call types for the service
   */
  public static UserServiceStub newStub(io.grpc.Channel channel) {
    io.grpc.stub.AbstractStub.StubFactory<UserServiceStub> factory =
      new io.grpc.stub.AbstractStub.StubFactory<UserServiceStub>() {
        @java.lang.Override
        public UserServiceStub newStub(io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
          return new UserServiceStub(channel, callOptions);
        }
      };
    return UserServiceStub.newStub(factory, channel);
  }

  /**
   * Creates a new blocking-style stub that supports all types of calls on the service
   */
  public static UserServiceBlockingV2Stub newBlockingV2Stub(
      io.grpc.Channel channel) {
    io.grpc.stub.AbstractStub.StubFactory<UserServiceBlockingV2Stub> factory =
      new io.grpc.stub.AbstractStub.StubFactory<UserServiceBlockingV2Stub>() {
        @java.lang.Override
        public UserServiceBlockingV2Stub newStub(io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
          return new UserServiceBlockingV2Stub(channel, callOptions);
        }
      };
    return UserServiceBlockingV2Stub.newStub(factory, channel);
  }

  /**
   * Creates a new blocking-style stub that supports unary and streaming output calls on the service
   */
  public static UserServiceBlockingStub newBlockingStub(
      io.grpc.Channel channel) {
    io.grpc.stub.AbstractStub.StubFactory<UserServiceBlockingStub> factory =
      new io.grpc.stub.AbstractStub.StubFactory<UserServiceBlockingStub>() {
        @java.lang.Override
        public UserServiceBlockingStub newStub(io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
          return new UserServiceBlockingStub(channel, callOptions);
        }
      };
    return UserServiceBlockingStub.newStub(factory, channel);
  }

  /**
   * Creates a new ListenableFuture-style stub that supports unary calls on the service
   */
  public static UserServiceFutureStub newFutureStub(
      io.grpc.Channel channel) {
    io.grpc.stub.AbstractStub.StubFactory<UserServiceFutureStub> factory =
      new io.grpc.stub.AbstractStub.StubFactory<UserServiceFutureStub>() {
        @java.lang.Override
        public UserServiceFutureStub newStub(io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
          return new UserServiceFutureStub(channel, callOptions);
        }
      };
    return UserServiceFutureStub.newStub(factory, channel);
  }

  /**
   * <pre>
   * UserService is a registry of users for services: a caller identifies a person under the id that its own system uses
   * and sends what it knows about them; any service reads the whole user back.
   * Limits, for every method: a request message has at most 4 MiB, before and after decompression (RESOURCE_EXHAUSTED).
   * For JSON, the size of the equivalent protobuf encoding counts too. Property names are 1 to 128 bytes. A user has at
   * most 512 properties, of at most 64 KiB each and 256 KiB together. Values are at most 24 objects or lists deep. NaN,
   * infinities, values without a kind and invalid UTF-8 are refused with INVALID_ARGUMENT.
   * Errors carry a google.rpc.ErrorInfo: see ErrorReason. A call's deadline is enforced by the server: after
   * DEADLINE_EXCEEDED, as after UNAVAILABLE, a write may have been applied; every method can be repeated.
   * Where the server asks for credentials, a caller sends `authorization: Bearer TOKEN` or shows a client certificate; else
   * UNAUTHENTICATED. Each method needs one scope, and fails with PERMISSION_DENIED without it. `users.read` includes
   * `users.get`.
   * A caller without the scope `users.read` is told of a write only that it was applied: OUTCOME_APPLIED, or a count of
   * `applied` items. It gets no user, no etag, no times and no `ignored_properties`, and `validate_only` fails with
   * PERMISSION_DENIED, SCOPE_MISSING. Errors do not tell it how large a stored user is.
   * </pre>
   */
  public interface AsyncService {

    /**
     * <pre>
     * Identify creates or updates one user and returns the merged user. Its answer means that the user is stored.
     * Properties are merged one level deep: a property that is sent replaces that property's whole value, one that is not
     * sent stays. Concurrent calls never lose one another's properties. If no property differs, the outcome is UNCHANGED
     * and nothing is written.
     * A call that creates a user must bring the required properties (`name` and `email` unless the operator chose
     * others) as non-empty strings, in `properties` or `set_once`; no call may unset one or send it as anything else, even
     * where that would lose. Otherwise: INVALID_ARGUMENT, REQUIRED_PROPERTY_MISSING.
     * Scope: `users.write`.
     * </pre>
     */
    default void identify(rollcall.v1.IdentifyRequest request,
        io.grpc.stub.StreamObserver<rollcall.v1.IdentifyResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getIdentifyMethod(), responseObserver);
    }

    /**
     * <pre>
     * GetUser returns one user, or fails with NOT_FOUND; with INTERNAL, USER_DAMAGED, if it is there and cannot be read.
     * Scope: `users.get`.
     * </pre>
     */
    default void getUser(rollcall.v1.GetUserRequest request,
        io.grpc.stub.StreamObserver<rollcall.v1.GetUserResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getGetUserMethod(), responseObserver);
    }

    /**
     * <pre>
     * BatchIdentify imports users: each request message carries up to 1,000 identifies and is answered by one response
     * message, in order. It needs HTTP/2.
     * Items apply in stream order. An item that is refused for good is reported in its message's answer, and the stream
     * goes on. Messages are not transactions: if the store fails, that message and all later ones stay unanswered and the
     * stream ends with UNAVAILABLE; some of their items may be stored. The client then sends again every message from the
     * first unanswered one, in order.
     * Some messages end the stream, after everything before them is answered. With INVALID_ARGUMENT: one that cannot be
     * decoded, has more than 1,000 items, or more than 65,536 names in `unset` of all items together. With
     * RESOURCE_EXHAUSTED: one larger than 4 MiB. A few messages are worked on at a time; beyond that, flow control holds
     * the client back.
     * The credentials are checked again while the stream is open. If they have been revoked or have expired, the stream ends
     * within a minute with UNAUTHENTICATED, or with PERMISSION_DENIED if the scope alone is gone. What the server had read
     * by then is answered first.
     * Scope: `users.write`.
     * </pre>
     */
    default io.grpc.stub.StreamObserver<rollcall.v1.BatchIdentifyRequest> batchIdentify(
        io.grpc.stub.StreamObserver<rollcall.v1.BatchIdentifyResponse> responseObserver) {
      return io.grpc.stub.ServerCalls.asyncUnimplementedStreamingCall(getBatchIdentifyMethod(), responseObserver);
    }

    /**
     * <pre>
     * BatchGetUsers returns up to 1,000 users by id. Ids without a user are no error: they are listed. So are ids whose
     * users are there and cannot be read. An answer is at most 3 MiB: ids whose users did not fit are listed too, to be
     * asked for again.
     * Scope: `users.get`.
     * </pre>
     */
    default void batchGetUsers(rollcall.v1.BatchGetUsersRequest request,
        io.grpc.stub.StreamObserver<rollcall.v1.BatchGetUsersResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getBatchGetUsersMethod(), responseObserver);
    }

    /**
     * <pre>
     * ListUsers pages through all users, in an order that is unspecified and stable.
     * A user that exists during the whole of a listing appears in it exactly once, whatever is written meanwhile; one that
     * is created or deleted meanwhile appears at most once. Each user is shown as it is when its page is read. Users that
     * are there and cannot be read are left out, and counted.
     * Scope: `users.read`.
     * </pre>
     */
    default void listUsers(rollcall.v1.ListUsersRequest request,
        io.grpc.stub.StreamObserver<rollcall.v1.ListUsersResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getListUsersMethod(), responseObserver);
    }

    /**
     * <pre>
     * SetPreferences replaces a user's preferences, or merges into them, and returns the user. NOT_FOUND for a user that is
     * not there. Preferences that are equal to the stored ones change nothing: `updated_at` and `etag` stay.
     * Scope: `users.write`.
     * </pre>
     */
    default void setPreferences(rollcall.v1.SetPreferencesRequest request,
        io.grpc.stub.StreamObserver<rollcall.v1.SetPreferencesResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getSetPreferencesMethod(), responseObserver);
    }

    /**
     * <pre>
     * DeleteUser removes a user for good: properties, preferences, and what is remembered of when they were observed. If
     * the same id is identified again, that is a new user, and none of its etags was ever one of the deleted user's. A user
     * that cannot be read (USER_DAMAGED) is removed too, unless the precondition names an etag and that cannot be read.
     * NOT_FOUND for a user that is not there, unless `allow_missing` is set.
     * Scope: `users.delete`.
     * </pre>
     */
    default void deleteUser(rollcall.v1.DeleteUserRequest request,
        io.grpc.stub.StreamObserver<rollcall.v1.DeleteUserResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getDeleteUserMethod(), responseObserver);
    }
  }

  /**
   * Base class for the server implementation of the service UserService.
   * <pre>
   * UserService is a registry of users for services: a caller identifies a person under the id that its own system uses
   * and sends what it knows about them; any service reads the whole user back.
   * Limits, for every method: a request message has at most 4 MiB, before and after decompression (RESOURCE_EXHAUSTED).
   * For JSON, the size of the equivalent protobuf encoding counts too. Property names are 1 to 128 bytes. A user has at
   * most 512 properties, of at most 64 KiB each and 256 KiB together. Values are at most 24 objects or lists deep. NaN,
   * infinities, values without a kind and invalid UTF-8 are refused with INVALID_ARGUMENT.
   * Errors carry a google.rpc.ErrorInfo: see ErrorReason. A call's deadline is enforced by the server: after
   * DEADLINE_EXCEEDED, as after UNAVAILABLE, a write may have been applied; every method can be repeated.
   * Where the server asks for credentials, a caller sends `authorization: Bearer TOKEN` or shows a client certificate; else
   * UNAUTHENTICATED. Each method needs one scope, and fails with PERMISSION_DENIED without it. `users.read` includes
   * `users.get`.
   * A caller without the scope `users.read` is told of a write only that it was applied: OUTCOME_APPLIED, or a count of
   * `applied` items. It gets no user, no etag, no times and no `ignored_properties`, and `validate_only` fails with
   * PERMISSION_DENIED, SCOPE_MISSING. Errors do not tell it how large a stored user is.
   * </pre>
   */
  public static abstract class UserServiceImplBase
      implements io.grpc.BindableService, AsyncService {

    @java.lang.Override public final io.grpc.ServerServiceDefinition bindService() {
      return UserServiceGrpc.bindService(this);
    }
  }

  /**
   * A stub to allow clients to do asynchronous rpc calls to service UserService.
   * <pre>
   * UserService is a registry of users for services: a caller identifies a person under the id that its own system uses
   * and sends what it knows about them; any service reads the whole user back.
   * Limits, for every method: a request message has at most 4 MiB, before and after decompression (RESOURCE_EXHAUSTED).
   * For JSON, the size of the equivalent protobuf encoding counts too. Property names are 1 to 128 bytes. A user has at
   * most 512 properties, of at most 64 KiB each and 256 KiB together. Values are at most 24 objects or lists deep. NaN,
   * infinities, values without a kind and invalid UTF-8 are refused with INVALID_ARGUMENT.
   * Errors carry a google.rpc.ErrorInfo: see ErrorReason. A call's deadline is enforced by the server: after
   * DEADLINE_EXCEEDED, as after UNAVAILABLE, a write may have been applied; every method can be repeated.
   * Where the server asks for credentials, a caller sends `authorization: Bearer TOKEN` or shows a client certificate; else
   * UNAUTHENTICATED. Each method needs one scope, and fails with PERMISSION_DENIED without it. `users.read` includes
   * `users.get`.
   * A caller without the scope `users.read` is told of a write only that it was applied: OUTCOME_APPLIED, or a count of
   * `applied` items. It gets no user, no etag, no times and no `ignored_properties`, and `validate_only` fails with
   * PERMISSION_DENIED, SCOPE_MISSING. Errors do not tell it how large a stored user is.
   * </pre>
   */
  public static final class UserServiceStub
      extends io.grpc.stub.AbstractAsyncStub<UserServiceStub> {
    private UserServiceStub(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      super(channel, callOptions);
    }

    @java.lang.Override
    protected UserServiceStub build(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      return new UserServiceStub(channel, callOptions);
    }

    /**
     * <pre>
     * Identify creates or updates one user and returns the merged user. Its answer means that the user is stored.
     * Properties are merged one level deep: a property that is sent replaces that property's whole value, one that is not
     * sent stays. Concurrent calls never lose one another's properties. If no property differs, the outcome is UNCHANGED
     * and nothing is written.
     * A call that creates a user must bring the required properties (`name` and `email` unless the operator chose
     * others) as non-empty strings, in `properties` or `set_once`; no call may unset one or send it as anything else, even
     * where that would lose. Otherwise: INVALID_ARGUMENT, REQUIRED_PROPERTY_MISSING.
     * Scope: `users.write`.
     * </pre>
     */
    public void identify(rollcall.v1.IdentifyRequest request,
        io.grpc.stub.StreamObserver<rollcall.v1.IdentifyResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getIdentifyMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * GetUser returns one user, or fails with NOT_FOUND; with INTERNAL, USER_DAMAGED, if it is there and cannot be read.
     * Scope: `users.get`.
     * </pre>
     */
    public void getUser(rollcall.v1.GetUserRequest request,
        io.grpc.stub.StreamObserver<rollcall.v1.GetUserResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getGetUserMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * BatchIdentify imports users: each request message carries up to 1,000 identifies and is answered by one response
     * message, in order. It needs HTTP/2.
     * Items apply in stream order. An item that is refused for good is reported in its message's answer, and the stream
     * goes on. Messages are not transactions: if the store fails, that message and all later ones stay unanswered and the
     * stream ends with UNAVAILABLE; some of their items may be stored. The client then sends again every message from the
     * first unanswered one, in order.
     * Some messages end the stream, after everything before them is answered. With INVALID_ARGUMENT: one that cannot be
     * decoded, has more than 1,000 items, or more than 65,536 names in `unset` of all items together. With
     * RESOURCE_EXHAUSTED: one larger than 4 MiB. A few messages are worked on at a time; beyond that, flow control holds
     * the client back.
     * The credentials are checked again while the stream is open. If they have been revoked or have expired, the stream ends
     * within a minute with UNAUTHENTICATED, or with PERMISSION_DENIED if the scope alone is gone. What the server had read
     * by then is answered first.
     * Scope: `users.write`.
     * </pre>
     */
    public io.grpc.stub.StreamObserver<rollcall.v1.BatchIdentifyRequest> batchIdentify(
        io.grpc.stub.StreamObserver<rollcall.v1.BatchIdentifyResponse> responseObserver) {
      return io.grpc.stub.ClientCalls.asyncBidiStreamingCall(
          getChannel().newCall(getBatchIdentifyMethod(), getCallOptions()), responseObserver);
    }

    /**
     * <pre>
     * BatchGetUsers returns up to 1,000 users by id. Ids without a user are no error: they are listed. So are ids whose
     * users are there and cannot be read. An answer is at most 3 MiB: ids whose users did not fit are listed too, to be
     * asked for again.
     * Scope: `users.get`.
     * </pre>
     */
    public void batchGetUsers(rollcall.v1.BatchGetUsersRequest request,
        io.grpc.stub.StreamObserver<rollcall.v1.BatchGetUsersResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getBatchGetUsersMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * ListUsers pages through all users, in an order that is unspecified and stable.
     * A user that exists during the whole of a listing appears in it exactly once, whatever is written meanwhile; one that
     * is created or deleted meanwhile appears at most once. Each user is shown as it is when its page is read. Users that
     * are there and cannot be read are left out, and counted.
     * Scope: `users.read`.
     * </pre>
     */
    public void listUsers(rollcall.v1.ListUsersRequest request,
        io.grpc.stub.StreamObserver<rollcall.v1.ListUsersResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getListUsersMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * SetPreferences replaces a user's preferences, or merges into them, and returns the user. NOT_FOUND for a user that is
     * not there. Preferences that are equal to the stored ones change nothing: `updated_at` and `etag` stay.
     * Scope: `users.write`.
     * </pre>
     */
    public void setPreferences(rollcall.v1.SetPreferencesRequest request,
        io.grpc.stub.StreamObserver<rollcall.v1.SetPreferencesResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getSetPreferencesMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * DeleteUser removes a user for good: properties, preferences, and what is remembered of when they were observed. If
     * the same id is identified again, that is a new user, and none of its etags was ever one of the deleted user's. A user
     * that cannot be read (USER_DAMAGED) is removed too, unless the precondition names an etag and that cannot be read.
     * NOT_FOUND for a user that is not there, unless `allow_missing` is set.
     * Scope: `users.delete`.
     * </pre>
     */
    public void deleteUser(rollcall.v1.DeleteUserRequest request,
        io.grpc.stub.StreamObserver<rollcall.v1.DeleteUserResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getDeleteUserMethod(), getCallOptions()), request, responseObserver);
    }
  }

  /**
   * A stub to allow clients to do synchronous rpc calls to service UserService.
   * <pre>
   * UserService is a registry of users for services: a caller identifies a person under the id that its own system uses
   * and sends what it knows about them; any service reads the whole user back.
   * Limits, for every method: a request message has at most 4 MiB, before and after decompression (RESOURCE_EXHAUSTED).
   * For JSON, the size of the equivalent protobuf encoding counts too. Property names are 1 to 128 bytes. A user has at
   * most 512 properties, of at most 64 KiB each and 256 KiB together. Values are at most 24 objects or lists deep. NaN,
   * infinities, values without a kind and invalid UTF-8 are refused with INVALID_ARGUMENT.
   * Errors carry a google.rpc.ErrorInfo: see ErrorReason. A call's deadline is enforced by the server: after
   * DEADLINE_EXCEEDED, as after UNAVAILABLE, a write may have been applied; every method can be repeated.
   * Where the server asks for credentials, a caller sends `authorization: Bearer TOKEN` or shows a client certificate; else
   * UNAUTHENTICATED. Each method needs one scope, and fails with PERMISSION_DENIED without it. `users.read` includes
   * `users.get`.
   * A caller without the scope `users.read` is told of a write only that it was applied: OUTCOME_APPLIED, or a count of
   * `applied` items. It gets no user, no etag, no times and no `ignored_properties`, and `validate_only` fails with
   * PERMISSION_DENIED, SCOPE_MISSING. Errors do not tell it how large a stored user is.
   * </pre>
   */
  public static final class UserServiceBlockingV2Stub
      extends io.grpc.stub.AbstractBlockingStub<UserServiceBlockingV2Stub> {
    private UserServiceBlockingV2Stub(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      super(channel, callOptions);
    }

    @java.lang.Override
    protected UserServiceBlockingV2Stub build(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      return new UserServiceBlockingV2Stub(channel, callOptions);
    }

    /**
     * <pre>
     * Identify creates or updates one user and returns the merged user. Its answer means that the user is stored.
     * Properties are merged one level deep: a property that is sent replaces that property's whole value, one that is not
     * sent stays. Concurrent calls never lose one another's properties. If no property differs, the outcome is UNCHANGED
     * and nothing is written.
     * A call that creates a user must bring the required properties (`name` and `email` unless the operator chose
     * others) as non-empty strings, in `properties` or `set_once`; no call may unset one or send it as anything else, even
     * where that would lose. Otherwise: INVALID_ARGUMENT, REQUIRED_PROPERTY_MISSING.
     * Scope: `users.write`.
     * </pre>
     */
    public rollcall.v1.IdentifyResponse identify(rollcall.v1.IdentifyRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getIdentifyMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * GetUser returns one user, or fails with NOT_FOUND; with INTERNAL, USER_DAMAGED, if it is there and cannot be read.
     * Scope: `users.get`.
     * </pre>
     */
    public rollcall.v1.GetUserResponse getUser(rollcall.v1.GetUserRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getGetUserMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * BatchIdentify imports users: each request message carries up to 1,000 identifies and is answered by one response
     * message, in order. It needs HTTP/2.
     * Items apply in stream order. An item that is refused for good is reported in its message's answer, and the stream
     * goes on. Messages are not transactions: if the store fails, that message and all later ones stay unanswered and the
     * stream ends with UNAVAILABLE; some of their items may be stored. The client then sends again every message from the
     * first unanswered one, in order.
     * Some messages end the stream, after everything before them is answered. With INVALID_ARGUMENT: one that cannot be
     * decoded, has more than 1,000 items, or more than 65,536 names in `unset` of all items together. With
     * RESOURCE_EXHAUSTED: one larger than 4 MiB. A few messages are worked on at a time; beyond that, flow control holds
     * the client back.
     * The credentials are checked again while the stream is open. If they have been revoked or have expired, the stream ends
     * within a minute with UNAUTHENTICATED, or with PERMISSION_DENIED if the scope alone is gone. What the server had read
     * by then is answered first.
     * Scope: `users.write`.
     * </pre>
     */
    @io.grpc.ExperimentalApi("https://github.com/grpc/grpc-java/issues/10918")
    public io.grpc.stub.BlockingClientCall<rollcall.v1.BatchIdentifyRequest, rollcall.v1.BatchIdentifyResponse>
        batchIdentify() {
      return io.grpc.stub.ClientCalls.blockingBidiStreamingCall(
          getChannel(), getBatchIdentifyMethod(), getCallOptions());
    }

    /**
     * <pre>
     * BatchGetUsers returns up to 1,000 users by id. Ids without a user are no error: they are listed. So are ids whose
     * users are there and cannot be read. An answer is at most 3 MiB: ids whose users did not fit are listed too, to be
     * asked for again.
     * Scope: `users.get`.
     * </pre>
     */
    public rollcall.v1.BatchGetUsersResponse batchGetUsers(rollcall.v1.BatchGetUsersRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getBatchGetUsersMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * ListUsers pages through all users, in an order that is unspecified and stable.
     * A user that exists during the whole of a listing appears in it exactly once, whatever is written meanwhile; one that
     * is created or deleted meanwhile appears at most once. Each user is shown as it is when its page is read. Users that
     * are there and cannot be read are left out, and counted.
     * Scope: `users.read`.
     * </pre>
     */
    public rollcall.v1.ListUsersResponse listUsers(rollcall.v1.ListUsersRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getListUsersMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * SetPreferences replaces a user's preferences, or merges into them, and returns the user. NOT_FOUND for a user that is
     * not there. Preferences that are equal to the stored ones change nothing: `updated_at` and `etag` stay.
     * Scope: `users.write`.
     * </pre>
     */
    public rollcall.v1.SetPreferencesResponse setPreferences(rollcall.v1.SetPreferencesRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getSetPreferencesMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * DeleteUser removes a user for good: properties, preferences, and what is remembered of when they were observed. If
     * the same id is identified again, that is a new user, and none of its etags was ever one of the deleted user's. A user
     * that cannot be read (USER_DAMAGED) is removed too, unless the precondition names an etag and that cannot be read.
     * NOT_FOUND for a user that is not there, unless `allow_missing` is set.
     * Scope: `users.delete`.
     * </pre>
     */
    public rollcall.v1.DeleteUserResponse deleteUser(rollcall.v1.DeleteUserRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getDeleteUserMethod(), getCallOptions(), request);
    }
  }

  /**
   * A stub to allow clients to do limited synchronous rpc calls to service UserService.
   * <pre>
   * UserService is a registry of users for services: a caller identifies a person under the id that its own system uses
   * and sends what it knows about them; any service reads the whole user back.
   * Limits, for every method: a request message has at most 4 MiB, before and after decompression (RESOURCE_EXHAUSTED).
   * For JSON, the size of the equivalent protobuf encoding counts too. Property names are 1 to 128 bytes. A user has at
   * most 512 properties, of at most 64 KiB each and 256 KiB together. Values are at most 24 objects or lists deep. NaN,
   * infinities, values without a kind and invalid UTF-8 are refused with INVALID_ARGUMENT.
   * Errors carry a google.rpc.ErrorInfo: see ErrorReason. A call's deadline is enforced by the server: after
   * DEADLINE_EXCEEDED, as after UNAVAILABLE, a write may have been applied; every method can be repeated.
   * Where the server asks for credentials, a caller sends `authorization: Bearer TOKEN` or shows a client certificate; else
   * UNAUTHENTICATED. Each method needs one scope, and fails with PERMISSION_DENIED without it. `users.read` includes
   * `users.get`.
   * A caller without the scope `users.read` is told of a write only that it was applied: OUTCOME_APPLIED, or a count of
   * `applied` items. It gets no user, no etag, no times and no `ignored_properties`, and `validate_only` fails with
   * PERMISSION_DENIED, SCOPE_MISSING. Errors do not tell it how large a stored user is.
   * </pre>
   */
  public static final class UserServiceBlockingStub
      extends io.grpc.stub.AbstractBlockingStub<UserServiceBlockingStub> {
    private UserServiceBlockingStub(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      super(channel, callOptions);
    }

    @java.lang.Override
    protected UserServiceBlockingStub build(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      return new UserServiceBlockingStub(channel, callOptions);
    }

    /**
     * <pre>
     * Identify creates or updates one user and returns the merged user. Its answer means that the user is stored.
     * Properties are merged one level deep: a property that is sent replaces that property's whole value, one that is not
     * sent stays. Concurrent calls never lose one another's properties. If no property differs, the outcome is UNCHANGED
     * and nothing is written.
     * A call that creates a user must bring the required properties (`name` and `email` unless the operator chose
     * others) as non-empty strings, in `properties` or `set_once`; no call may unset one or send it as anything else, even
     * where that would lose. Otherwise: INVALID_ARGUMENT, REQUIRED_PROPERTY_MISSING.
     * Scope: `users.write`.
     * </pre>
     */
    public rollcall.v1.IdentifyResponse identify(rollcall.v1.IdentifyRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getIdentifyMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * GetUser returns one user, or fails with NOT_FOUND; with INTERNAL, USER_DAMAGED, if it is there and cannot be read.
     * Scope: `users.get`.
     * </pre>
     */
    public rollcall.v1.GetUserResponse getUser(rollcall.v1.GetUserRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getGetUserMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * BatchGetUsers returns up to 1,000 users by id. Ids without a user are no error: they are listed. So are ids whose
     * users are there and cannot be read. An answer is at most 3 MiB: ids whose users did not fit are listed too, to be
     * asked for again.
     * Scope: `users.get`.
     * </pre>
     */
    public rollcall.v1.BatchGetUsersResponse batchGetUsers(rollcall.v1.BatchGetUsersRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getBatchGetUsersMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * ListUsers pages through all users, in an order that is unspecified and stable.
     * A user that exists during the whole of a listing appears in it exactly once, whatever is written meanwhile; one that
     * is created or deleted meanwhile appears at most once. Each user is shown as it is when its page is read. Users that
     * are there and cannot be read are left out, and counted.
     * Scope: `users.read`.
     * </pre>
     */
    public rollcall.v1.ListUsersResponse listUsers(rollcall.v1.ListUsersRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getListUsersMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * SetPreferences replaces a user's preferences, or merges into them, and returns the user. NOT_FOUND for a user that is
     * not there. Preferences that are equal to the stored ones change nothing: `updated_at` and `etag` stay.
     * Scope: `users.write`.
     * </pre>
     */
    public rollcall.v1.SetPreferencesResponse setPreferences(rollcall.v1.SetPreferencesRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getSetPreferencesMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * DeleteUser removes a user for good: properties, preferences, and what is remembered of when they were observed. If
     * the same id is identified again, that is a new user, and none of its etags was ever one of the deleted user's. A user
     * that cannot be read (USER_DAMAGED) is removed too, unless the precondition names an etag and that cannot be read.
     * NOT_FOUND for a user that is not there, unless `allow_missing` is set.
     * Scope: `users.delete`.
     * </pre>
     */
    public rollcall.v1.DeleteUserResponse deleteUser(rollcall.v1.DeleteUserRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getDeleteUserMethod(), getCallOptions(), request);
    }
  }

  /**
   * A stub to allow clients to do ListenableFuture-style rpc calls to service UserService.
   * <pre>
   * UserService is a registry of users for services: a caller identifies a person under the id that its own system uses
   * and sends what it knows about them; any service reads the whole user back.
   * Limits, for every method: a request message has at most 4 MiB, before and after decompression (RESOURCE_EXHAUSTED).
   * For JSON, the size of the equivalent protobuf encoding counts too. Property names are 1 to 128 bytes. A user has at
   * most 512 properties, of at most 64 KiB each and 256 KiB together. Values are at most 24 objects or lists deep. NaN,
   * infinities, values without a kind and invalid UTF-8 are refused with INVALID_ARGUMENT.
   * Errors carry a google.rpc.ErrorInfo: see ErrorReason. A call's deadline is enforced by the server: after
   * DEADLINE_EXCEEDED, as after UNAVAILABLE, a write may have been applied; every method can be repeated.
   * Where the server asks for credentials, a caller sends `authorization: Bearer TOKEN` or shows a client certificate; else
   * UNAUTHENTICATED. Each method needs one scope, and fails with PERMISSION_DENIED without it. `users.read` includes
   * `users.get`.
   * A caller without the scope `users.read` is told of a write only that it was applied: OUTCOME_APPLIED, or a count of
   * `applied` items. It gets no user, no etag, no times and no `ignored_properties`, and `validate_only` fails with
   * PERMISSION_DENIED, SCOPE_MISSING. Errors do not tell it how large a stored user is.
   * </pre>
   */
  public static final class UserServiceFutureStub
      extends io.grpc.stub.AbstractFutureStub<UserServiceFutureStub> {
    private UserServiceFutureStub(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      super(channel, callOptions);
    }

    @java.lang.Override
    protected UserServiceFutureStub build(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      return new UserServiceFutureStub(channel, callOptions);
    }

    /**
     * <pre>
     * Identify creates or updates one user and returns the merged user. Its answer means that the user is stored.
     * Properties are merged one level deep: a property that is sent replaces that property's whole value, one that is not
     * sent stays. Concurrent calls never lose one another's properties. If no property differs, the outcome is UNCHANGED
     * and nothing is written.
     * A call that creates a user must bring the required properties (`name` and `email` unless the operator chose
     * others) as non-empty strings, in `properties` or `set_once`; no call may unset one or send it as anything else, even
     * where that would lose. Otherwise: INVALID_ARGUMENT, REQUIRED_PROPERTY_MISSING.
     * Scope: `users.write`.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<rollcall.v1.IdentifyResponse> identify(
        rollcall.v1.IdentifyRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getIdentifyMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * GetUser returns one user, or fails with NOT_FOUND; with INTERNAL, USER_DAMAGED, if it is there and cannot be read.
     * Scope: `users.get`.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<rollcall.v1.GetUserResponse> getUser(
        rollcall.v1.GetUserRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getGetUserMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * BatchGetUsers returns up to 1,000 users by id. Ids without a user are no error: they are listed. So are ids whose
     * users are there and cannot be read. An answer is at most 3 MiB: ids whose users did not fit are listed too, to be
     * asked for again.
     * Scope: `users.get`.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<rollcall.v1.BatchGetUsersResponse> batchGetUsers(
        rollcall.v1.BatchGetUsersRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getBatchGetUsersMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * ListUsers pages through all users, in an order that is unspecified and stable.
     * A user that exists during the whole of a listing appears in it exactly once, whatever is written meanwhile; one that
     * is created or deleted meanwhile appears at most once. Each user is shown as it is when its page is read. Users that
     * are there and cannot be read are left out, and counted.
     * Scope: `users.read`.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<rollcall.v1.ListUsersResponse> listUsers(
        rollcall.v1.ListUsersRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getListUsersMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * SetPreferences replaces a user's preferences, or merges into them, and returns the user. NOT_FOUND for a user that is
     * not there. Preferences that are equal to the stored ones change nothing: `updated_at` and `etag` stay.
     * Scope: `users.write`.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<rollcall.v1.SetPreferencesResponse> setPreferences(
        rollcall.v1.SetPreferencesRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getSetPreferencesMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * DeleteUser removes a user for good: properties, preferences, and what is remembered of when they were observed. If
     * the same id is identified again, that is a new user, and none of its etags was ever one of the deleted user's. A user
     * that cannot be read (USER_DAMAGED) is removed too, unless the precondition names an etag and that cannot be read.
     * NOT_FOUND for a user that is not there, unless `allow_missing` is set.
     * Scope: `users.delete`.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<rollcall.v1.DeleteUserResponse> deleteUser(
        rollcall.v1.DeleteUserRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getDeleteUserMethod(), getCallOptions()), request);
    }
  }

  private static final int METHODID_IDENTIFY = 0;
  private static final int METHODID_GET_USER = 1;
  private static final int METHODID_BATCH_GET_USERS = 2;
  private static final int METHODID_LIST_USERS = 3;
  private static final int METHODID_SET_PREFERENCES = 4;
  private static final int METHODID_DELETE_USER = 5;
  private static final int METHODID_BATCH_IDENTIFY = 6;

  private static final class MethodHandlers<Req, Resp> implements
      io.grpc.stub.ServerCalls.UnaryMethod<Req, Resp>,
      io.grpc.stub.ServerCalls.ServerStreamingMethod<Req, Resp>,
      io.grpc.stub.ServerCalls.ClientStreamingMethod<Req, Resp>,
      io.grpc.stub.ServerCalls.BidiStreamingMethod<Req, Resp> {
    private final AsyncService serviceImpl;
    private final int methodId;

    MethodHandlers(AsyncService serviceImpl, int methodId) {
      this.serviceImpl = serviceImpl;
      this.methodId = methodId;
    }

    @java.lang.Override
    @java.lang.SuppressWarnings("unchecked")
    public void invoke(Req request, io.grpc.stub.StreamObserver<Resp> responseObserver) {
      switch (methodId) {
        case METHODID_IDENTIFY:
          serviceImpl.identify((rollcall.v1.IdentifyRequest) request,
              (io.grpc.stub.StreamObserver<rollcall.v1.IdentifyResponse>) responseObserver);
          break;
        case METHODID_GET_USER:
          serviceImpl.getUser((rollcall.v1.GetUserRequest) request,
              (io.grpc.stub.StreamObserver<rollcall.v1.GetUserResponse>) responseObserver);
          break;
        case METHODID_BATCH_GET_USERS:
          serviceImpl.batchGetUsers((rollcall.v1.BatchGetUsersRequest) request,
              (io.grpc.stub.StreamObserver<rollcall.v1.BatchGetUsersResponse>) responseObserver);
          break;
        case METHODID_LIST_USERS:
          serviceImpl.listUsers((rollcall.v1.ListUsersRequest) request,
              (io.grpc.stub.StreamObserver<rollcall.v1.ListUsersResponse>) responseObserver);
          break;
        case METHODID_SET_PREFERENCES:
          serviceImpl.setPreferences((rollcall.v1.SetPreferencesRequest) request,
              (io.grpc.stub.StreamObserver<rollcall.v1.SetPreferencesResponse>) responseObserver);
          break;
        case METHODID_DELETE_USER:
          serviceImpl.deleteUser((rollcall.v1.DeleteUserRequest) request,
              (io.grpc.stub.StreamObserver<rollcall.v1.DeleteUserResponse>) responseObserver);
          break;
        default:
          throw new AssertionError();
      }
    }

    @java.lang.Override
    @java.lang.SuppressWarnings("unchecked")
    public io.grpc.stub.StreamObserver<Req> invoke(
        io.grpc.stub.StreamObserver<Resp> responseObserver) {
      switch (methodId) {
        case METHODID_BATCH_IDENTIFY:
          return (io.grpc.stub.StreamObserver<Req>) serviceImpl.batchIdentify(
              (io.grpc.stub.StreamObserver<rollcall.v1.BatchIdentifyResponse>) responseObserver);
        default:
          throw new AssertionError();
      }
    }
  }

  public static final io.grpc.ServerServiceDefinition bindService(AsyncService service) {
    return io.grpc.ServerServiceDefinition.builder(getServiceDescriptor())
        .addMethod(
          getIdentifyMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              rollcall.v1.IdentifyRequest,
              rollcall.v1.IdentifyResponse>(
                service, METHODID_IDENTIFY)))
        .addMethod(
          getGetUserMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              rollcall.v1.GetUserRequest,
              rollcall.v1.GetUserResponse>(
                service, METHODID_GET_USER)))
        .addMethod(
          getBatchIdentifyMethod(),
          io.grpc.stub.ServerCalls.asyncBidiStreamingCall(
            new MethodHandlers<
              rollcall.v1.BatchIdentifyRequest,
              rollcall.v1.BatchIdentifyResponse>(
                service, METHODID_BATCH_IDENTIFY)))
        .addMethod(
          getBatchGetUsersMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              rollcall.v1.BatchGetUsersRequest,
              rollcall.v1.BatchGetUsersResponse>(
                service, METHODID_BATCH_GET_USERS)))
        .addMethod(
          getListUsersMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              rollcall.v1.ListUsersRequest,
              rollcall.v1.ListUsersResponse>(
                service, METHODID_LIST_USERS)))
        .addMethod(
          getSetPreferencesMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              rollcall.v1.SetPreferencesRequest,
              rollcall.v1.SetPreferencesResponse>(
                service, METHODID_SET_PREFERENCES)))
        .addMethod(
          getDeleteUserMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              rollcall.v1.DeleteUserRequest,
              rollcall.v1.DeleteUserResponse>(
                service, METHODID_DELETE_USER)))
        .build();
  }

  private static abstract class UserServiceBaseDescriptorSupplier
      implements io.grpc.protobuf.ProtoFileDescriptorSupplier, io.grpc.protobuf.ProtoServiceDescriptorSupplier {
    UserServiceBaseDescriptorSupplier() {}

    @java.lang.Override
    public com.google.protobuf.Descriptors.FileDescriptor getFileDescriptor() {
      return rollcall.v1.UserServiceProto.getDescriptor();
    }

    @java.lang.Override
    public com.google.protobuf.Descriptors.ServiceDescriptor getServiceDescriptor() {
      return getFileDescriptor().findServiceByName("UserService");
    }
  }

  private static final class UserServiceFileDescriptorSupplier
      extends UserServiceBaseDescriptorSupplier {
    UserServiceFileDescriptorSupplier() {}
  }

  private static final class UserServiceMethodDescriptorSupplier
      extends UserServiceBaseDescriptorSupplier
      implements io.grpc.protobuf.ProtoMethodDescriptorSupplier {
    private final java.lang.String methodName;

    UserServiceMethodDescriptorSupplier(java.lang.String methodName) {
      this.methodName = methodName;
    }

    @java.lang.Override
    public com.google.protobuf.Descriptors.MethodDescriptor getMethodDescriptor() {
      return getServiceDescriptor().findMethodByName(methodName);
    }
  }

  private static volatile io.grpc.ServiceDescriptor serviceDescriptor;

  public static io.grpc.ServiceDescriptor getServiceDescriptor() {
    io.grpc.ServiceDescriptor result = serviceDescriptor;
    if (result == null) {
      synchronized (UserServiceGrpc.class) {
        result = serviceDescriptor;
        if (result == null) {
          serviceDescriptor = result = io.grpc.ServiceDescriptor.newBuilder(SERVICE_NAME)
              .setSchemaDescriptor(new UserServiceFileDescriptorSupplier())
              .addMethod(getIdentifyMethod())
              .addMethod(getGetUserMethod())
              .addMethod(getBatchIdentifyMethod())
              .addMethod(getBatchGetUsersMethod())
              .addMethod(getListUsersMethod())
              .addMethod(getSetPreferencesMethod())
              .addMethod(getDeleteUserMethod())
              .build();
        }
      }
    }
    return result;
  }
}
