package rollcall.scenarios;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonNull;
import com.google.gson.JsonObject;
import com.google.gson.JsonPrimitive;
import java.util.Map;
import java.util.Set;

/** Compares answers with expected ones, by the rules of test/scenarios/README.md. */
final class Matching {
  /** Fields of the users' own data, where nothing counts as a default. */
  private static final Set<String> USER_DATA = Set.of("properties", "preferences");

  private Matching() {}

  /**
   * @param actual null if it is absent
   * @param path the place in the answer; empty for the answer itself
   * @throws Mismatch if the values differ
   */
  static void match(JsonElement expected, JsonElement actual, String path) throws Mismatch {
    if (expected instanceof JsonObject object) {
      matchFields(object, actual, path);
    } else if (isDefault(expected)) {
      check(isDefault(actual), expected, actual, path);
    } else if (expected instanceof JsonArray list) {
      matchItems(list, actual, path);
    } else {
      check(areEqual(expected, actual), expected, actual, path);
    }
  }

  private static void matchFields(JsonObject expected, JsonElement actual, String path) throws Mismatch {
    check(actual instanceof JsonObject || isAbsent(actual), expected, actual, path);
    JsonObject object = orEmpty(actual).getAsJsonObject();
    for (Map.Entry<String, JsonElement> field : expected.entrySet()) {
      String name = field.getKey();
      String fieldPath = path.isEmpty() ? name : path + "." + name;
      if (USER_DATA.contains(name)) {
        JsonElement data = orEmpty(object.get(name));
        check(areEqual(field.getValue(), data), field.getValue(), data, fieldPath);
      } else {
        match(field.getValue(), object.get(name), fieldPath);
      }
    }
  }

  private static void matchItems(JsonArray expected, JsonElement actual, String path) throws Mismatch {
    check(actual instanceof JsonArray list && list.size() == expected.size(), expected, actual, path);
    for (int i = 0; i < expected.size(); i++) match(expected.get(i), actual.getAsJsonArray().get(i), path + "." + i);
  }

  private static void check(boolean matches, JsonElement expected, JsonElement actual, String path) throws Mismatch {
    if (!matches) throw new Mismatch("%s: expected %s, got %s".formatted(path, expected, actual));
  }

  /** Whether both are of the same kind and the same at every depth; numbers as doubles. */
  private static boolean areEqual(JsonElement expected, JsonElement actual) {
    if (expected instanceof JsonObject object) {
      return actual instanceof JsonObject other
          && object.keySet().equals(other.keySet())
          && object.keySet().stream().allMatch(name -> areEqual(object.get(name), other.get(name)));
    }
    if (expected instanceof JsonArray list) {
      if (!(actual instanceof JsonArray other) || list.size() != other.size()) return false;
      for (int i = 0; i < list.size(); i++) {
        if (!areEqual(list.get(i), other.get(i))) return false;
      }
      return true;
    }
    if (isNumber(expected)) return isNumber(actual) && expected.getAsDouble() == actual.getAsDouble();
    return expected.equals(actual);
  }

  static boolean isDefault(JsonElement element) {
    if (isAbsent(element)) return true;
    if (element instanceof JsonObject object) return object.isEmpty();
    if (element instanceof JsonArray list) return list.isEmpty();
    if (isNumber(element)) return element.getAsDouble() == 0;
    String text = element.getAsString();
    return element.getAsJsonPrimitive().isBoolean()
        ? !element.getAsBoolean()
        : text.isEmpty() || text.endsWith("_UNSPECIFIED");
  }

  /** The value at a path of field names and list positions; null if there is none. */
  static JsonElement at(String path, JsonElement answer) {
    JsonElement element = answer;
    for (String part : path.split("\\.")) {
      if (element instanceof JsonObject object) {
        element = object.get(part);
      } else if (element instanceof JsonArray list && part.matches("\\d+") && Integer.parseInt(part) < list.size()) {
        element = list.get(Integer.parseInt(part));
      } else {
        return null;
      }
    }
    return element;
  }

  private static boolean isNumber(JsonElement element) {
    return element instanceof JsonPrimitive primitive && primitive.isNumber();
  }

  private static boolean isAbsent(JsonElement element) {
    return element == null || element instanceof JsonNull;
  }

  private static JsonElement orEmpty(JsonElement element) {
    return isAbsent(element) ? new JsonObject() : element;
  }
}
