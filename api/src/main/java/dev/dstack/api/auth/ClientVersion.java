package dev.dstack.api.auth;

import dev.dstack.api.error.ApiException;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** Which clients are served: all that are not a minor version ahead of the API spoken here. */
public final class ClientVersion {
  /** The version of dstack whose API this server speaks. */
  public static final String API_VERSION = "0.22.5";

  private static final int MAJOR = 0;
  private static final int MINOR = 22;
  private static final Pattern VERSION =
      Pattern.compile(
          "v?(\\d{1,6})(?:\\.(\\d{1,6}))?(?:\\.(\\d{1,6}))?(?:\\.\\d{1,6})*"
              + "(?:[-_.]?(?:a|b|c|rc|alpha|beta|pre|preview)[-_.]?\\d*)?(?:[-_.]?(?:post|rev|r)[-_.]?\\d*|-\\d+)?"
              + "(?:[-_.]?dev[-_.]?\\d*)?(?:\\+[a-z0-9]+(?:[-_.][a-z0-9]+)*)?",
          Pattern.CASE_INSENSITIVE);

  private ClientVersion() {}

  /** Throws the answer for a client that is too new or says nonsense. */
  public static void check(@Nullable String header) {
    if (header == null || header.equals("latest")) {
      return;
    }
    Matcher version = VERSION.matcher(header.strip());
    if (!version.matches()) {
      throw ApiException.uncoded("Invalid version: " + header);
    }
    int major = Integer.parseInt(version.group(1));
    int minor = version.group(2) == null ? 0 : Integer.parseInt(version.group(2));
    if (major > MAJOR || (major == MAJOR && minor > MINOR)) {
      throw ApiException.badRequest(
          "The client/CLI version ("
              + header.strip()
              + ") is incompatible with the server version ("
              + API_VERSION
              + ").");
    }
  }
}
