package rollcall.example;

import io.grpc.stub.ClientCallStreamObserver;
import io.grpc.stub.ClientResponseObserver;
import java.util.Iterator;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.function.Consumer;
import rollcall.v1.BatchIdentifyRequest;
import rollcall.v1.BatchIdentifyResponse;
import rollcall.v1.UserServiceGrpc.UserServiceStub;

/**
 * One BatchIdentify stream. It sends messages at the server's pace, and passes the answers on in the order of the messages.
 */
final class BatchImport implements ClientResponseObserver<BatchIdentifyRequest, BatchIdentifyResponse> {
  private final Iterator<BatchIdentifyRequest> messages;
  private final Consumer<BatchIdentifyResponse> onAnswer;
  private final CompletableFuture<Void> end = new CompletableFuture<>();
  private ClientCallStreamObserver<BatchIdentifyRequest> stream;
  private boolean allSent;

  private BatchImport(Iterator<BatchIdentifyRequest> messages, Consumer<BatchIdentifyResponse> onAnswer) {
    this.messages = messages;
    this.onAnswer = onAnswer;
  }

  /**
   * Imports users, and returns after the last answer. If it fails with UNAVAILABLE, repeat every message from the first
   * unanswered one, in order: users that were already stored are then unchanged.
   *
   * @param messages of up to 1,000 users each; it reads the next one when there is room for it
   * @throws ExecutionException caused by the StatusRuntimeException with which the stream failed
   */
  static void run(
      UserServiceStub users, Iterator<BatchIdentifyRequest> messages, Consumer<BatchIdentifyResponse> onAnswer)
      throws InterruptedException, ExecutionException {
    BatchImport batchImport = new BatchImport(messages, onAnswer);
    users.batchIdentify(batchImport);
    batchImport.end.get();
  }

  @Override
  public void beforeStart(ClientCallStreamObserver<BatchIdentifyRequest> stream) {
    this.stream = stream;
    stream.setOnReadyHandler(this::sendWhileThereIsRoom);
  }

  private void sendWhileThereIsRoom() {
    while (stream.isReady() && messages.hasNext()) stream.onNext(messages.next());
    if (!messages.hasNext() && !allSent) {
      allSent = true;
      stream.onCompleted();
    }
  }

  @Override
  public void onNext(BatchIdentifyResponse answer) {
    onAnswer.accept(answer);
  }

  @Override
  public void onError(Throwable error) {
    end.completeExceptionally(error);
  }

  @Override
  public void onCompleted() {
    end.complete(null);
  }
}
