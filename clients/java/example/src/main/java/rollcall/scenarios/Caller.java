package rollcall.scenarios;

import com.google.gson.JsonElement;
import com.google.gson.JsonParser;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.Message;
import com.google.protobuf.util.JsonFormat;
import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.MethodDescriptor;
import io.grpc.MethodDescriptor.PrototypeMarshaller;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.ClientCalls;
import io.grpc.stub.StreamObserver;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import rollcall.example.Failure;
import rollcall.v1.UserServiceGrpc;

/** Calls any method of the service with messages in JSON. */
final class Caller {
  private static final int DEADLINE_SECONDS = 10;
  private static final JsonFormat.Printer PRINTER = JsonFormat.printer().preservingProtoFieldNames();

  private final Channel channel;

  Caller(Channel channel) {
    this.channel = channel;
  }

  /** The result of a call: its answers, and the error if there is one. */
  record Ending(List<JsonElement> answers, Optional<Failure> failure) {}

  /** Sends all messages, closes the sending side, and waits for the end. */
  Ending call(String methodName, Iterable<JsonElement> requests) throws Mismatch, InvalidProtocolBufferException {
    return call(methodNamed(methodName), requests);
  }

  private <Q, A> Ending call(MethodDescriptor<Q, A> method, Iterable<JsonElement> requests)
      throws InvalidProtocolBufferException {
    List<Q> messages = new ArrayList<>();
    for (JsonElement request : requests) messages.add(parse(method, request));

    Collector<A> collector = new Collector<>();
    CallOptions options = CallOptions.DEFAULT.withDeadlineAfter(DEADLINE_SECONDS, TimeUnit.SECONDS);
    StreamObserver<Q> stream = ClientCalls.asyncBidiStreamingCall(channel.newCall(method, options), collector);
    messages.forEach(stream::onNext);
    stream.onCompleted();

    Optional<Failure> failure = collector.end.join();
    List<JsonElement> answers = new ArrayList<>();
    for (A answer : collector.answers) answers.add(JsonParser.parseString(PRINTER.print((Message) answer)));
    return new Ending(answers, failure);
  }

  private static MethodDescriptor<?, ?> methodNamed(String name) throws Mismatch {
    return UserServiceGrpc.getServiceDescriptor().getMethods().stream()
        .filter(method -> name.equals(method.getBareMethodName()))
        .findFirst()
        .orElseThrow(() -> new Mismatch("there is no method " + name));
  }

  @SuppressWarnings("unchecked")
  private static <Q> Q parse(MethodDescriptor<Q, ?> method, JsonElement request) throws InvalidProtocolBufferException {
    Q prototype = ((PrototypeMarshaller<Q>) method.getRequestMarshaller()).getMessagePrototype();
    Message.Builder builder = ((Message) prototype).newBuilderForType();
    JsonFormat.parser().merge(request.toString(), builder);
    return (Q) builder.build();
  }

  private static final class Collector<A> implements StreamObserver<A> {
    final List<A> answers = new ArrayList<>();
    final CompletableFuture<Optional<Failure>> end = new CompletableFuture<>();

    @Override
    public void onNext(A answer) {
      answers.add(answer);
    }

    @Override
    public void onError(Throwable error) {
      if (error instanceof StatusRuntimeException status) end.complete(Optional.of(Failure.of(status)));
      else end.completeExceptionally(error);
    }

    @Override
    public void onCompleted() {
      end.complete(Optional.empty());
    }
  }
}
