package rollcall.example;

import com.google.protobuf.Struct;
import com.google.protobuf.util.JsonFormat;
import com.google.protobuf.util.Structs;
import com.google.protobuf.util.Values;
import com.google.rpc.BadRequest.FieldViolation;
import io.grpc.StatusRuntimeException;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import rollcall.v1.BatchIdentifyRequest;
import rollcall.v1.BatchIdentifyResponse;
import rollcall.v1.BatchIdentifyResult;
import rollcall.v1.FindUsersRequest;
import rollcall.v1.FindUsersResponse;
import rollcall.v1.GetUserRequest;
import rollcall.v1.IdentifyRequest;
import rollcall.v1.IdentifyResponse;
import rollcall.v1.Match;
import rollcall.v1.ScanUsersRequest;
import rollcall.v1.ScanUsersResponse;
import rollcall.v1.User;
import rollcall.v1.UserFilter;
import rollcall.v1.UserServiceGrpc;
import rollcall.v1.UserServiceGrpc.UserServiceBlockingStub;
import rollcall.v1.UserServiceGrpc.UserServiceStub;

/** The calls of a typical service: identify, read, handle an error, find, import. */
public final class Example {
  private static final int DEADLINE_SECONDS = 10;
  private static final int IMPORT_DEADLINE_SECONDS = 60;
  private static final Set<String> WITHOUT_INDEX = Set.of("PROPERTY_NOT_INDEXED", "INDEX_NOT_READY");

  private final UserServiceBlockingStub users;
  private final UserServiceStub asyncUsers;

  private Example(Connection connection) {
    users = Connection.withToken(UserServiceGrpc.newBlockingStub(connection.channel()));
    asyncUsers = Connection.withToken(UserServiceGrpc.newStub(connection.channel()));
  }

  public static void main(String[] args) throws Exception {
    try (Connection connection = new Connection(serverIn(args))) {
      new Example(connection).run();
    } catch (StatusRuntimeException e) {
      Failure failure = Failure.of(e);
      System.err.printf("%s %s: %s%n", failure.code(), failure.reason(), failure.message());
      Throwable cause = e;
      while (cause.getCause() != null) cause = cause.getCause();
      if (cause != e) System.err.println(cause);
      if (failure.mayRetry()) System.err.println("The server invites another attempt.");
      System.exit(1);
    }
  }

  private static String serverIn(String[] args) {
    if (args.length == 0) return System.getenv().getOrDefault("ROLLCALL_SERVER", "http://127.0.0.1:50051");
    if (args.length == 2 && args[0].equals("--server")) return args[1];
    System.err.println("usage: Example [--server URL]");
    System.exit(2);
    return null;
  }

  private void run() throws Exception {
    identify();
    read();
    showRefusal();
    findByEmail("ada@example.com");
    importUsers();
  }

  private void identify() {
    IdentifyResponse answer = withDeadline().identify(user("ada", "Ada", "ada@example.com"));
    System.out.println("identified ada: " + answer.getOutcome());
  }

  private void read() throws Exception {
    User user = withDeadline().getUser(GetUserRequest.newBuilder().setId("ada").build()).getUser();
    String properties = JsonFormat.printer().omittingInsignificantWhitespace().print(user.getProperties());
    System.out.println("read ada: " + properties);
  }

  /** A new user without an e-mail address fails, and the error names the invalid fields. */
  private void showRefusal() {
    Struct properties = Structs.of("name", Values.of("Nobody"));
    try {
      withDeadline().identify(IdentifyRequest.newBuilder().setId("nobody").setProperties(properties).build());
    } catch (StatusRuntimeException e) {
      Failure failure = Failure.of(e);
      if (failure.violations().isEmpty()) throw e;
      System.out.printf("refused nobody: %s %s%n", failure.code(), failure.reason());
      for (FieldViolation violation : failure.violations()) {
        System.out.printf("  %s: %s%n", violation.getField(), violation.getDescription());
      }
    }
  }

  /** Users with an e-mail address. Until there is an index of it, the server has to read all users. */
  private void findByEmail(String email) {
    FindUsersRequest.Builder request = FindUsersRequest.newBuilder()
        .setMatch(Match.newBuilder().setProperty("email").setEquals(Values.of(email)));
    try {
      FindUsersResponse page;
      do {
        page = withDeadline().findUsers(request.build());
        for (User user : page.getUsersList()) System.out.println("found " + user.getId());
        request.setPageToken(page.getNextPageToken());
      } while (!page.getNextPageToken().isEmpty());
    } catch (StatusRuntimeException e) {
      if (!WITHOUT_INDEX.contains(Failure.of(e).reason())) throw e;
      scanForEmail(email);
    }
  }

  /** The same users, page by page. A page may have none, and not be the last. */
  private void scanForEmail(String email) {
    ScanUsersRequest.Builder request = ScanUsersRequest.newBuilder()
        .setWhere(UserFilter.newBuilder().setProperties(Structs.of("email", Values.of(email))));
    ScanUsersResponse page;
    do {
      page = withDeadline().scanUsers(request.build());
      for (User user : page.getUsersList()) System.out.println("found " + user.getId() + " by a scan");
      request.setPageToken(page.getNextPageToken());
    } while (!page.getNextPageToken().isEmpty());
  }

  /** Two messages. One user has no id, and the server stores the others. */
  private void importUsers() throws InterruptedException, StatusRuntimeException {
    List<BatchIdentifyRequest> messages = List.of(
        batch(user("grace", "Grace", "grace@example.com"), user("", "Nobody", "nobody@example.com")),
        batch(user("alan", "Alan", "alan@example.com")));
    try {
      BatchImport.run(
          asyncUsers.withDeadlineAfter(IMPORT_DEADLINE_SECONDS, TimeUnit.SECONDS), messages.iterator(), Example::show);
    } catch (ExecutionException e) {
      throw e.getCause() instanceof StatusRuntimeException failure ? failure : new IllegalStateException(e.getCause());
    }
  }

  private static void show(BatchIdentifyResponse answer) {
    // A caller without the scope users.read learns only the number of applied items.
    System.out.printf(
        "message %d: %d created, %d updated, %d unchanged, %d applied, %d failed%n",
        answer.getSequence(),
        answer.getCreated(),
        answer.getUpdated(),
        answer.getUnchanged(),
        answer.getApplied(),
        answer.getFailed());
    for (BatchIdentifyResult result : answer.getResultsList()) {
      System.out.printf("  user %d: %s%n", result.getIndex(), result.getError().getReason());
    }
  }

  /** The deadline of one call starts now. */
  private UserServiceBlockingStub withDeadline() {
    return users.withDeadlineAfter(DEADLINE_SECONDS, TimeUnit.SECONDS);
  }

  private static BatchIdentifyRequest batch(IdentifyRequest... requests) {
    return BatchIdentifyRequest.newBuilder().addAllRequests(List.of(requests)).build();
  }

  private static IdentifyRequest user(String id, String name, String email) {
    Struct properties = Structs.of("name", Values.of(name), "email", Values.of(email));
    return IdentifyRequest.newBuilder().setId(id).setProperties(properties).build();
  }
}
