package rollcall.scenarios;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import io.grpc.ManagedChannel;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.ThreadLocalRandom;
import rollcall.example.Connection;

/**
 * Runs a file of scenarios, as test/scenarios/README.md describes it, against a server: all steps in order, with a line of
 * JSON on standard output for each.
 */
public final class Scenarios {
  public static void main(String[] args) throws Exception {
    if (args.length < 2 || args.length > 3) {
      System.err.println("usage: Scenarios SERVER_URL SCENARIO_FILE [RUN]");
      System.exit(2);
    }
    JsonObject file = JsonParser.parseString(Files.readString(Path.of(args[1]))).getAsJsonObject();
    Names names = new Names();
    names.save("run", args.length == 3 ? args[2] : randomRun());

    PrintStream out = new PrintStream(new FileOutputStream(FileDescriptor.out), true, StandardCharsets.UTF_8);
    ManagedChannel channel = Connection.channelTo(args[0]).disableRetry().build();
    try {
      Caller caller = new Caller(channel);
      for (JsonElement step : file.getAsJsonArray("steps")) {
        out.println(report(step.getAsJsonObject(), caller, names));
      }
    } finally {
      channel.shutdownNow();
    }
  }

  private static JsonObject report(JsonObject description, Caller caller, Names names) {
    JsonObject line = new JsonObject();
    line.add("step", description.get("name"));
    try {
      new Step(description, names).run(caller);
      line.addProperty("ok", true);
    } catch (Exception e) {
      line.addProperty("ok", false);
      line.addProperty("why", e instanceof Mismatch ? e.getMessage() : e.toString());
    }
    return line;
  }

  private static String randomRun() {
    return Long.toString(ThreadLocalRandom.current().nextLong(Long.MAX_VALUE), Character.MAX_RADIX);
  }
}
