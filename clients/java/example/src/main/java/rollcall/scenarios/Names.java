package rollcall.scenarios;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonPrimitive;
import java.util.HashMap;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The values that earlier steps saved, which later ones name as {@code ${name}}. */
final class Names {
  private static final Pattern NAME = Pattern.compile("\\$\\{([^}]*)}");

  private final Map<String, String> values = new HashMap<>();

  void save(String name, String value) {
    values.put(name, value);
  }

  /** The same, with values in the place of names in all strings, but not in field names. */
  JsonElement fillIn(JsonElement element) throws Mismatch {
    if (element instanceof JsonObject object) {
      JsonObject filled = new JsonObject();
      for (Map.Entry<String, JsonElement> field : object.entrySet()) {
        filled.add(field.getKey(), fillIn(field.getValue()));
      }
      return filled;
    }
    if (element instanceof JsonArray list) {
      JsonArray filled = new JsonArray();
      for (JsonElement item : list) filled.add(fillIn(item));
      return filled;
    }
    if (element instanceof JsonPrimitive primitive && primitive.isString()) {
      return new JsonPrimitive(fillIn(primitive.getAsString()));
    }
    return element;
  }

  private String fillIn(String text) throws Mismatch {
    Matcher matcher = NAME.matcher(text);
    StringBuilder filled = new StringBuilder();
    while (matcher.find()) {
      String value = values.get(matcher.group(1));
      if (value == null) throw new Mismatch("nothing was saved as " + matcher.group(1));
      matcher.appendReplacement(filled, Matcher.quoteReplacement(value));
    }
    return matcher.appendTail(filled).toString();
  }
}
