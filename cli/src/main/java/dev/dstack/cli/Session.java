package dev.dstack.cli;

import dev.dstack.cli.data.Doc;
import dev.dstack.cli.http.ApiClient;
import java.io.Closeable;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import org.jspecify.annotations.Nullable;

/** A server and one of its projects. */
public record Session(String project, ApiClient api) implements Closeable {

  /** A call below {@code /api/project/NAME}. */
  public Doc post(String path, @Nullable Object body) {
    return api.post(path(path), body);
  }

  public Doc get(String path) {
    return api.get(path(path));
  }

  public String path(String path) {
    return "/api/project/" + URLEncoder.encode(project, StandardCharsets.UTF_8) + path;
  }

  @Override
  public void close() {
    api.close();
  }
}
