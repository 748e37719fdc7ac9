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
 * The error of a call, with the server's details.
 *
 * @param info the reason; empty if the error does not come from the server, for example after a lost connection
 * @param violations the invalid fields of the request
 * @param mayRetry whether the server asks for a retry
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

  /** The first detail of this message's type; this message if there is none. */
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
