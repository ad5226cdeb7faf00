package dev.dstack.db;

import dev.dstack.model.error.DstackException;
import dev.dstack.model.error.ErrorKind;
import java.net.URI;
import java.net.URISyntaxException;
import java.net.URLDecoder;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * Where the database is: the value of {@code DSTACK_DATABASE_URL}. Understood are {@code
 * postgresql://}, {@code postgres://}, upstream's {@code postgresql+asyncpg://} and {@code
 * jdbc:postgresql://}.
 */
public record DatabaseUrl(String jdbcUrl, @Nullable String user, @Nullable String password) {
  /**
   * @throws DstackException INVALID_SPEC saying what is wrong with it, without the password
   */
  public static DatabaseUrl parse(String url) {
    String text = url.strip();
    if (text.isEmpty()) {
      throw invalid("it is empty");
    }
    String lower = text.toLowerCase(Locale.ROOT);
    if (lower.startsWith("sqlite")) {
      throw invalid(
          "SQLite is not supported: runs are durable workflows and need PostgreSQL. Leave the"
              + " variable unset for the embedded PostgreSQL, or give"
              + " postgresql://USER:PASSWORD@HOST:5432/DATABASE");
    }
    if (lower.startsWith("jdbc:")) {
      if (!lower.startsWith("jdbc:postgresql:")) {
        throw invalid("only jdbc:postgresql: is supported");
      }
      return new DatabaseUrl(text, null, null);
    }
    int colon = text.indexOf("://");
    String scheme = colon < 0 ? "" : lower.substring(0, colon);
    String dialect = scheme.contains("+") ? scheme.substring(0, scheme.indexOf('+')) : scheme;
    if (!dialect.equals("postgresql") && !dialect.equals("postgres")) {
      throw invalid(
          (scheme.isEmpty() ? "it has no scheme" : "scheme '" + scheme + "' is unknown")
              + "; give postgresql://USER:PASSWORD@HOST:5432/DATABASE");
    }
    return parsed("postgresql" + text.substring(colon));
  }

  private static DatabaseUrl parsed(String text) {
    URI uri;
    try {
      uri = new URI(text);
    } catch (URISyntaxException e) {
      throw invalid(
          e.getReason() + "; special characters in user or password have to be percent-encoded");
    }
    if (uri.getRawAuthority() == null) {
      throw invalid("it names no host");
    }
    String path = uri.getRawPath() == null ? "" : uri.getRawPath();
    if (path.length() < 2) {
      throw invalid("it names no database: add /DATABASE at the end");
    }
    String authority = uri.getRawAuthority();
    int at = authority.lastIndexOf('@');
    String hosts = authority.substring(at + 1);
    String user = null;
    String password = null;
    if (at >= 0) {
      String info = authority.substring(0, at);
      int separator = info.indexOf(':');
      user = decoded(separator < 0 ? info : info.substring(0, separator));
      password = separator < 0 ? null : decoded(info.substring(separator + 1));
    }
    if (hosts.isEmpty()) {
      throw invalid("it names no host");
    }
    return new DatabaseUrl(
        "jdbc:postgresql://" + hosts + path + query(uri.getRawQuery()), user, password);
  }

  /** asyncpg and libpq say {@code ssl=require}; the JDBC driver says {@code sslmode=require}. */
  private static String query(@Nullable String raw) {
    if (raw == null || raw.isEmpty()) {
      return "";
    }
    List<String> pairs = new ArrayList<>();
    for (String pair : raw.split("&", -1)) {
      int equals = pair.indexOf('=');
      String key = equals < 0 ? pair : pair.substring(0, equals);
      String value = equals < 0 ? "" : decoded(pair.substring(equals + 1));
      boolean asyncpgSsl = key.equals("ssl") && !value.equals("true") && !value.equals("false");
      pairs.add(
          (asyncpgSsl ? "sslmode" : key) + "=" + URLEncoder.encode(value, StandardCharsets.UTF_8));
    }
    return "?" + String.join("&", pairs);
  }

  private static String decoded(String text) {
    // A plus sign in a password is itself; only URL forms read it as a space.
    return URLDecoder.decode(text.replace("+", "%2B"), StandardCharsets.UTF_8);
  }

  private static DstackException invalid(String why) {
    return new DstackException(
        ErrorKind.INVALID_SPEC, "DSTACK_DATABASE_URL can't be used: " + why + ".");
  }

  @Override
  public String toString() {
    return jdbcUrl.replaceAll("(?i)password=[^&]*", "password=***");
  }
}
