package rollcall.example;

import com.google.protobuf.Any;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.Message;
import com.google.rpc.BadRequest;
import com.google.rpc.BadRequest.FieldViolation;
import com.google.rpc.ErrorInfo;
import com.google.rpc.RetryInfo;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.protobuf.StatusProto;
import java.util.List;

/**
 * What a call failed with, as the server's details have it.
 *
 * @param info why; empty where the error is not the server's, as that of a lost connection
 * @param violations the fields that a wrong request is refused for
 * @param mayRetry whether the server invites another attempt
 */
public record Failure(
    Status.Code code, String message, ErrorInfo info, List<FieldViolation> violations, boolean mayRetry) {

  /** A name of ErrorReason without its prefix. */
  public String reason() {
    return info.getReason();
  }

  public static Failure of(StatusRuntimeException error) {
    List<Any> details = StatusProto.fromThrowable(error).getDetailsList();
    return new Failure(
        error.getStatus().getCode(),
        error.getStatus().getDescription(),
        find(ErrorInfo.getDefaultInstance(), details),
        find(BadRequest.getDefaultInstance(), details).getFieldViolationsList(),
        details.stream().anyMatch(detail -> detail.is(RetryInfo.class)));
  }

  /** The first of the details that is of the type of this message; this message where there is none. */
  @SuppressWarnings("unchecked")
  private static <M extends Message> M find(M none, List<Any> details) {
    for (Any detail : details) {
      if (!detail.is(none.getClass())) continue;
      try {
        return (M) detail.unpack(none.getClass());
      } catch (InvalidProtocolBufferException e) {
        return none;
      }
    }
    return none;
  }
}
