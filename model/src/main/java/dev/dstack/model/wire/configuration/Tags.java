package dev.dstack.model.wire.configuration;

import dev.dstack.model.json.InvalidFieldException;
import java.util.Map;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** What tags may consist of, so that most clouds take them. */
final class Tags {
  private static final Pattern KEY = Pattern.compile("[_\\-a-zA-Z0-9]{1,60}");
  private static final Pattern VALUE = Pattern.compile("[a-zA-Z0-9 .:/=_\\-+@]{0,256}");

  private Tags() {}

  static void check(@Nullable Map<String, String> tags) {
    if (tags == null) {
      return;
    }
    tags.forEach(
        (key, value) -> {
          if (!KEY.matcher(key).matches()) {
            throw new InvalidFieldException(
                "tags", "a tag's name is " + KEY + ", not '" + key + "'");
          }
          if (!VALUE.matcher(value).matches()) {
            throw new InvalidFieldException("tags", "the value of tag " + key + " is not " + VALUE);
          }
        });
  }
}
