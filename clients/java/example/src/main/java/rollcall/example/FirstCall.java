package rollcall.example;

import com.google.protobuf.Struct;
import com.google.protobuf.util.Structs;
import com.google.protobuf.util.Values;
import io.grpc.Grpc;
import io.grpc.InsecureChannelCredentials;
import io.grpc.ManagedChannel;
import rollcall.v1.GetUserRequest;
import rollcall.v1.IdentifyRequest;
import rollcall.v1.UserServiceGrpc;

/** Identifies a user and reads it back. */
public final class FirstCall {
  public static void main(String[] args) {
    String address = System.getenv().getOrDefault("ROLLCALL_SERVER", "http://127.0.0.1:50051").replace("http://", "");

    ManagedChannel channel = Grpc.newChannelBuilder(address, InsecureChannelCredentials.create()).build();
    var users = UserServiceGrpc.newBlockingStub(channel);
    Struct ada = Structs.of("name", Values.of("Ada"), "email", Values.of("ada@example.com"));
    users.identify(IdentifyRequest.newBuilder().setId("u1").setProperties(ada).build());
    System.out.println(users.getUser(GetUserRequest.newBuilder().setId("u1").build()).getUser());
    channel.shutdown();
  }
}
