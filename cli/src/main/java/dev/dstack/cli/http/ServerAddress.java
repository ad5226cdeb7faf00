package dev.dstack.cli.http;

import dev.dstack.cli.CliException;
import java.net.URI;
import java.net.URISyntaxException;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * Where a server listens: {@code http://host[:port][/prefix]}, {@code https://…}, or {@code
 * http+unix://%2Fpath%2Fto.sock} as jobs with {@code dstack: true} see it.
 *
 * @param prefix the path before {@code /api}, without a slash at its end
 */
public record ServerAddress(
    String url, boolean tls, String host, int port, String prefix, @Nullable Path socket) {

  /**
   * @throws CliException when it is no such URL
   */
  public static ServerAddress parse(String url) {
    URI uri;
    try {
      uri = new URI(url.strip());
    } catch (URISyntaxException e) {
      throw unusable(url);
    }
    String scheme = uri.getScheme() == null ? "" : uri.getScheme();
    String path = uri.getPath() == null ? "" : uri.getPath();
    while (path.endsWith("/")) {
      path = path.substring(0, path.length() - 1);
    }
    if (scheme.equals("http+unix") && uri.getRawAuthority() != null) {
      String socket =
          java.net.URLDecoder.decode(
              uri.getRawAuthority(), java.nio.charset.StandardCharsets.UTF_8);
      return new ServerAddress(url, false, "localhost", 80, path, Path.of(socket));
    }
    boolean tls = scheme.equals("https");
    if (uri.getHost() == null || !(tls || scheme.equals("http"))) {
      throw unusable(url);
    }
    String host = uri.getHost();
    if (host.startsWith("[")) {
      host = host.substring(1, host.length() - 1);
    }
    int port = uri.getPort() > 0 ? uri.getPort() : tls ? 443 : 80;
    return new ServerAddress(url, tls, host, port, path, null);
  }

  String hostHeader() {
    String name = host.indexOf(':') >= 0 ? "[" + host + "]" : host;
    return port == (tls ? 443 : 80) ? name : name + ":" + port;
  }

  private static CliException unusable(String url) {
    return CliException.failure(
        "`" + url + "` is no address of a server; expected something like http://127.0.0.1:3000");
  }
}
