package rollcall.example;

import com.google.gson.Gson;
import io.grpc.CallCredentials;
import io.grpc.ChannelCredentials;
import io.grpc.Grpc;
import io.grpc.InsecureChannelCredentials;
import io.grpc.ManagedChannel;
import io.grpc.ManagedChannelBuilder;
import io.grpc.TlsChannelCredentials;
import io.grpc.stub.AbstractStub;
import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.Objects;

/**
 * A connection to a server. Close it with {@link #close}.
 *
 * <p>ROLLCALL_TOKEN is the token of each call. ROLLCALL_CA is a file in PEM with the authorities of the server's certificate;
 * the default is Java's own.
 */
public final class Connection implements AutoCloseable {
  private final ManagedChannel channel;

  Connection(String server) throws IOException {
    channel = channelTo(server).defaultServiceConfig(serviceConfig()).enableRetry().build();
  }

  /** @param server a URL: https is TLS, http clear text */
  public static ManagedChannelBuilder<?> channelTo(String server) throws IOException {
    URI url = URI.create(server);
    if (url.getHost() == null) throw new IllegalArgumentException("not the URL of a server: " + server);
    boolean tls = "https".equals(url.getScheme());
    int port = url.getPort() != -1 ? url.getPort() : tls ? 443 : 80;
    ChannelCredentials credentials = tls ? trustedAuthorities() : InsecureChannelCredentials.create();
    return Grpc.newChannelBuilderForAddress(url.getHost(), port, credentials);
  }

  ManagedChannel channel() {
    return channel;
  }

  /** The same stub, with the caller's token if there is one. */
  static <S extends AbstractStub<S>> S withToken(S stub) {
    CallCredentials token = token();
    return token == null ? stub : stub.withCallCredentials(token);
  }

  private static CallCredentials token() {
    return System.getenv("ROLLCALL_TOKEN") == null ? null : new BearerToken(() -> System.getenv("ROLLCALL_TOKEN"));
  }

  private static ChannelCredentials trustedAuthorities() throws IOException {
    String ca = System.getenv("ROLLCALL_CA");
    return ca == null
        ? TlsChannelCredentials.create()
        : TlsChannelCredentials.newBuilder().trustManager(new File(ca)).build();
  }

  /** How gRPC retries calls that fail with UNAVAILABLE, for example after a lost connection. */
  private static Map<String, ?> serviceConfig() throws IOException {
    InputStream resource = Objects.requireNonNull(Connection.class.getResourceAsStream("service-config.json"));
    try (var reader = new InputStreamReader(resource, StandardCharsets.UTF_8)) {
      @SuppressWarnings("unchecked")
      Map<String, ?> config = new Gson().fromJson(reader, Map.class);
      return config;
    }
  }

  /** Closes the connection, and cancels the calls on it. */
  @Override
  public void close() {
    channel.shutdownNow();
  }
}
