package dev.dstack.agent.docker;

import dev.dstack.model.error.DstackException;
import dev.dstack.model.error.ErrorKind;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/** Where the engine of a host is. */
public final class Engines {
  private static final String USUAL = "unix:///var/run/docker.sock";

  private Engines() {}

  /**
   * @param wanted absent: the one of DOCKER_HOST, else the usual socket, else the one of a user's
   *     own engine
   * @throws DstackException INVALID_SPEC when it is not the address of an engine
   */
  public static URI uri(@Nullable String wanted) {
    String text = wanted;
    if (text == null || text.isBlank()) {
      text = System.getenv("DOCKER_HOST");
    }
    if (text == null || text.isBlank()) {
      text = usual();
    }
    try {
      URI uri = URI.create(text);
      if ("unix".equals(uri.getScheme()) || "tcp".equals(uri.getScheme())) {
        return uri;
      }
    } catch (IllegalArgumentException e) {
      throw none(text);
    }
    throw none(text);
  }

  private static String usual() {
    String own = System.getenv("XDG_RUNTIME_DIR");
    if (own != null
        && !Files.exists(Path.of("/var/run/docker.sock"))
        && Files.exists(Path.of(own, "docker.sock"))) {
      return "unix://" + Path.of(own, "docker.sock");
    }
    return USUAL;
  }

  private static DstackException none(String text) {
    return new DstackException(
        ErrorKind.INVALID_SPEC,
        "docker: '" + text + "' is not the address of an engine; unix:// and tcp:// are");
  }
}
