package rollcall.scenarios;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonPrimitive;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.rpc.BadRequest.FieldViolation;
import java.util.Map;
import rollcall.example.Failure;

/** One call of a scenario, and its expected result. */
final class Step {
  private static final String DOMAIN = "rollcall.v1";

  private final JsonObject description;
  private final Names names;

  Step(JsonObject description, Names names) {
    this.description = description;
    this.names = names;
  }

  /** @throws Mismatch if the result differs from the expected one */
  void run(Caller caller) throws Mismatch, InvalidProtocolBufferException {
    boolean isStream = description.has("requests");
    JsonArray requests = isStream ? list("requests") : listOf(filled("request"));
    JsonArray responses = isStream ? list("responses") : listOf(filled("response"));
    JsonElement error = filled("error");
    JsonElement differs = filled("differs");

    Caller.Ending ending = caller.call(description.get("method").getAsString(), requests);
    JsonArray answers = new JsonArray();
    ending.answers().forEach(answers::add);

    checkFailure(error, ending.failure().orElse(null));
    if (answers.size() != responses.size()) {
      throw new Mismatch("expected %d answers, got %s".formatted(responses.size(), answers));
    }
    for (int i = 0; i < answers.size(); i++) {
      Matching.match(responses.get(i), answers.get(i), isStream ? String.valueOf(i) : "");
    }
    if (error != null) return;
    JsonElement answer = isStream ? answers : answers.get(0);
    checkPaths(answer, differs);
    save(answer);
  }

  private static void checkFailure(JsonElement expected, Failure actual) throws Mismatch {
    if (actual == null) {
      if (expected != null) throw new Mismatch("expected " + expected + ", but the call succeeded");
    } else if (expected == null) {
      throw new Mismatch("failed with " + describe(actual) + ": " + actual.message());
    } else {
      Matching.match(withoutViolations(expected.getAsJsonObject()), describe(actual), "error");
      if (!actual.info().getDomain().equals(DOMAIN)) throw new Mismatch("error.domain: " + actual.info().getDomain());
      JsonElement violations = expected.getAsJsonObject().get("violations");
      Matching.match(violations == null ? new JsonArray() : violations, violationsOf(actual), "error.violations");
    }
  }

  private static JsonObject withoutViolations(JsonObject error) {
    JsonObject rest = error.deepCopy();
    rest.remove("violations");
    return rest;
  }

  private static JsonObject describe(Failure failure) {
    JsonObject metadata = new JsonObject();
    failure.info().getMetadataMap().forEach(metadata::addProperty);
    JsonObject description = new JsonObject();
    description.addProperty("code", failure.code().name());
    description.addProperty("reason", failure.reason());
    description.add("metadata", metadata);
    return description;
  }

  private static JsonArray violationsOf(Failure failure) {
    JsonArray violations = new JsonArray();
    for (FieldViolation violation : failure.violations()) {
      JsonObject description = new JsonObject();
      description.addProperty("field", violation.getField());
      description.addProperty("reason", violation.getReason());
      violations.add(description);
    }
    return violations;
  }

  private void checkPaths(JsonElement answer, JsonElement differs) throws Mismatch {
    if (description.has("present")) {
      for (JsonElement path : description.getAsJsonArray("present")) {
        if (Matching.isDefault(Matching.at(path.getAsString(), answer))) {
          throw new Mismatch(path.getAsString() + ": expected a value, got none");
        }
      }
    }
    if (differs == null) return;
    for (Map.Entry<String, JsonElement> other : differs.getAsJsonObject().entrySet()) {
      String value = textAt(other.getKey(), answer);
      if (value.equals(other.getValue().getAsString())) {
        throw new Mismatch(other.getKey() + ": expected another value than " + value);
      }
    }
  }

  private void save(JsonElement answer) throws Mismatch {
    if (!description.has("save")) return;
    for (Map.Entry<String, JsonElement> saved : description.getAsJsonObject("save").entrySet()) {
      names.save(saved.getKey(), textAt(saved.getValue().getAsString(), answer));
    }
  }

  private static String textAt(String path, JsonElement answer) throws Mismatch {
    JsonElement value = Matching.at(path, answer);
    boolean isText = value instanceof JsonPrimitive primitive && primitive.isString() && !Matching.isDefault(value);
    if (!isText) throw new Mismatch(path + ": expected text, got " + value);
    return value.getAsString();
  }

  /** Null if the step has no such field. */
  private JsonElement filled(String field) throws Mismatch {
    JsonElement value = description.get(field);
    return value == null ? null : names.fillIn(value);
  }

  private JsonArray list(String field) throws Mismatch {
    JsonElement value = filled(field);
    return value == null ? new JsonArray() : value.getAsJsonArray();
  }

  private static JsonArray listOf(JsonElement item) {
    JsonArray list = new JsonArray();
    if (item != null) list.add(item);
    return list;
  }
}
