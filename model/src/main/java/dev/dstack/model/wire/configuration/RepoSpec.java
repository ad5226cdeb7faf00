package dev.dstack.model.wire.configuration;

import dev.dstack.model.json.Default;
import dev.dstack.model.json.InvalidFieldException;
import dev.dstack.model.json.Shorthand;
import dev.dstack.model.json.Trees;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/**
 * A Git repository, also written {@code path} or {@code url}, with {@code :path} for where it goes.
 */
public record RepoSpec(
    @Nullable String localPath,
    @Nullable String url,
    @Nullable String branch,
    @Nullable String hash,
    @Default("'.'") String path,
    @Default("'error'") RepoExistsAction ifExists) {
  public RepoSpec {
    boolean hasLocal = localPath != null && !localPath.isEmpty();
    boolean hasUrl = url != null && !url.isEmpty();
    if (hasLocal == hasUrl) {
      throw new IllegalArgumentException("give either `local_path` or `url`");
    }
    if (path.startsWith("~") && !path.equals("~") && !path.startsWith("~/")) {
      throw new InvalidFieldException("path", "another user's home (`~user`) is not supported");
    }
  }

  @Shorthand
  static JsonNode expand(JsonNode node) {
    if (!node.isString()) {
      return node;
    }
    String text = node.stringValue();
    String[] parts = text.split(":", -1);
    boolean isUrl = parts.length > 1 && (parts[0].contains("@") || parts[1].startsWith("//"));
    boolean isDrive =
        parts.length > 1
            && parts[0].length() == 1
            && Character.isLetter(parts[0].charAt(0))
            && (parts[1].startsWith("/") || parts[1].startsWith("\\"));
    int used = isUrl || isDrive ? 2 : 1;
    String source = used == 2 ? parts[0] + ":" + parts[1] : parts[0];
    if (parts.length > used + 1) {
      throw new IllegalArgumentException("not a repo: '" + text + "'; write it as source:path");
    }
    var spec = Trees.object(isUrl ? "url" : "local_path", Trees.text(source));
    return parts.length == used ? spec : Trees.with(spec, "path", Trees.text(parts[used]));
  }
}
