import com.google.gson.Gson;
import com.google.protobuf.Any;
import com.google.protobuf.Struct;
import com.google.protobuf.util.Structs;
import com.google.protobuf.util.Values;
import com.google.rpc.ErrorInfo;
import io.grpc.ChannelCredentials;
import io.grpc.Grpc;
import io.grpc.InsecureChannelCredentials;
import io.grpc.ManagedChannel;
import io.grpc.StatusRuntimeException;
import io.grpc.TlsChannelCredentials;
import io.grpc.protobuf.StatusProto;
import io.grpc.stub.StreamObserver;
import java.io.File;
import java.net.URI;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import rollcall.v1.BatchIdentifyRequest;
import rollcall.v1.BatchIdentifyResponse;
import rollcall.v1.CountUsersRequest;
import rollcall.v1.FindUsersRequest;
import rollcall.v1.GetUserRequest;
import rollcall.v1.GetUserResponse;
import rollcall.v1.IdentifyRequest;
import rollcall.v1.Match;
import rollcall.v1.Outcome;
import rollcall.v1.ScanUsersRequest;
import rollcall.v1.User;
import rollcall.v1.UserFilter;
import rollcall.v1.UserServiceGrpc;

/** Calls a server with grpc-java, and prints a line of JSON for each step: Exercise.java URL [AUTHORITIES] */
public final class Exercise {
  private static final int STEP_SECONDS = 30;
  private static final int AT_ONCE = 100;
  private static final int MESSAGES = 30;
  private static final int PER_MESSAGE = 100;

  private interface Step {
    void run() throws Exception;
  }

  private final ManagedChannel channel;

  private Exercise(ManagedChannel channel) {
    this.channel = channel;
  }

  public static void main(String[] args) throws Exception {
    ChannelCredentials credentials =
        args.length > 1
            ? TlsChannelCredentials.newBuilder().trustManager(new File(args[1])).build()
            : InsecureChannelCredentials.create();
    URI server = URI.create(args[0]);
    ManagedChannel channel =
        Grpc.newChannelBuilderForAddress(server.getHost(), server.getPort(), credentials).build();
    Exercise exercise = new Exercise(channel);
    report("identify", exercise::identify);
    report("get", exercise::get);
    report("search", exercise::search);
    report("error", exercise::fail);
    report("refusals", exercise::beRefused);
    report("large", exercise::large);
    report("batch", exercise::batch);
    report("crowd", exercise::crowd);
    channel.shutdownNow().awaitTermination(STEP_SECONDS, TimeUnit.SECONDS);
  }

  private static void report(String name, Step step) {
    Map<String, Object> line = new LinkedHashMap<>(Map.of("step", name, "ok", true));
    try {
      step.run();
    } catch (Exception error) {
      line.put("ok", false);
      line.put("why", error.toString());
    }
    System.out.println(new Gson().toJson(line));
  }

  private UserServiceGrpc.UserServiceBlockingStub users() {
    return UserServiceGrpc.newBlockingStub(channel).withDeadlineAfter(STEP_SECONDS, TimeUnit.SECONDS);
  }

  private static Struct.Builder ada() {
    return Structs.of("name", Values.of("Ada"), "email", Values.of("ada@example.com")).toBuilder();
  }

  private static IdentifyRequest person(String id) {
    return IdentifyRequest.newBuilder().setId(id).setProperties(ada()).build();
  }

  private static void check(boolean holds, String otherwise) {
    if (!holds) throw new IllegalStateException(otherwise);
  }

  private static void checkName(User user) {
    check(user.getProperties().getFieldsOrThrow("name").getStringValue().equals("Ada"), "the user is " + user);
  }

  private User userOf(String id) {
    return users().getUser(GetUserRequest.newBuilder().setId(id).build()).getUser();
  }

  private void identify() {
    Outcome outcome = users().identify(person("u")).getOutcome();
    check(outcome == Outcome.OUTCOME_CREATED, "the outcome is " + outcome);
  }

  private void get() {
    checkName(userOf("u"));
  }

  private static Match equalTo(String property, String text) {
    return Match.newBuilder().setProperty(property).setEquals(Values.of(text)).build();
  }

  /** Finds the one user, counts it and scans for it. */
  private void search() {
    Match match = equalTo("email", "ADA@EXAMPLE.COM");
    List<User> found = users().findUsers(FindUsersRequest.newBuilder().setMatch(match).build()).getUsersList();
    long count = users().countUsers(CountUsersRequest.newBuilder().setMatch(match).build()).getCount();
    UserFilter where = UserFilter.newBuilder().setProperties(ada()).build();
    List<User> scanned = users().scanUsers(ScanUsersRequest.newBuilder().setWhere(where).build()).getUsersList();
    for (List<User> some : List.of(found, scanned)) {
      check(some.size() == 1 && some.get(0).getId().equals("u"), "found " + some);
    }
    check(count == 1, "counted " + count);
  }

  private void fail() throws Exception {
    expectReason("USER_NOT_FOUND", () -> userOf("nobody"));
  }

  private void beRefused() throws Exception {
    var phone = FindUsersRequest.newBuilder().setMatch(equalTo("phone", "555 0100")).build();
    expectReason("PROPERTY_NOT_INDEXED", () -> users().findUsers(phone));
    var tooLong = CountUsersRequest.newBuilder().setMatch(equalTo("email", "x".repeat(257))).build();
    expectReason("INVALID_MATCH", () -> users().countUsers(tooLong));
  }

  private static void expectReason(String expected, Step call) throws Exception {
    try {
      call.run();
    } catch (StatusRuntimeException error) {
      for (Any detail : StatusProto.fromThrowable(error).getDetailsList()) {
        if (detail.is(ErrorInfo.class) && detail.unpack(ErrorInfo.class).getReason().equals(expected)) return;
      }
      throw error;
    }
    throw new IllegalStateException("the call succeeded");
  }

  /** Reads an answer of 240,000 bytes. */
  private void large() {
    Struct.Builder properties = ada();
    for (String name : List.of("a", "b", "c", "d")) properties.putFields(name, Values.of(name.repeat(60_000)));
    users().identify(IdentifyRequest.newBuilder().setId("large").setProperties(properties).build());
    check(userOf("large").getProperties().equals(properties.build()), "a property is another");
  }

  private void batch() throws Exception {
    List<BatchIdentifyResponse> answers = new ArrayList<>();
    CompletableFuture<Void> ended = new CompletableFuture<>();
    StreamObserver<BatchIdentifyRequest> requests =
        UserServiceGrpc.newStub(channel)
            .withDeadlineAfter(STEP_SECONDS, TimeUnit.SECONDS)
            .batchIdentify(
                new StreamObserver<>() {
                  @Override
                  public void onNext(BatchIdentifyResponse answer) {
                    answers.add(answer);
                  }

                  @Override
                  public void onError(Throwable error) {
                    ended.completeExceptionally(error);
                  }

                  @Override
                  public void onCompleted() {
                    ended.complete(null);
                  }
                });
    for (int at = 0; at < MESSAGES; at++) {
      BatchIdentifyRequest.Builder request = BatchIdentifyRequest.newBuilder();
      for (int item = 0; item < PER_MESSAGE; item++) request.addRequests(person("batch-" + at + "-" + item));
      requests.onNext(request.build());
    }
    requests.onCompleted();
    ended.get(STEP_SECONDS, TimeUnit.SECONDS);
    int created = answers.stream().mapToInt(BatchIdentifyResponse::getCreated).sum();
    check(
        answers.size() == MESSAGES && created == MESSAGES * PER_MESSAGE, answers.size() + " answers: " + created);
  }

  private void crowd() throws Exception {
    var users = UserServiceGrpc.newFutureStub(channel).withDeadlineAfter(STEP_SECONDS, TimeUnit.SECONDS);
    List<Future<GetUserResponse>> calls = new ArrayList<>();
    for (int at = 0; at < AT_ONCE; at++) calls.add(users.getUser(GetUserRequest.newBuilder().setId("u").build()));
    for (var call : calls) checkName(call.get().getUser());
  }
}
