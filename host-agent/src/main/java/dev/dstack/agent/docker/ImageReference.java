package dev.dstack.agent.docker;

import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * What an image is called, as {@code docker pull} reads it.
 *
 * @param registry host and port; empty: Docker Hub
 * @param repository without the registry
 * @param tag empty with a digest only
 * @param digest such as {@code sha256:…}; empty: not pinned
 */
public record ImageReference(String registry, String repository, String tag, String digest) {
  private static final Pattern REPOSITORY =
      Pattern.compile("[a-z0-9]+(?:(?:\\.|_{1,2}|-+|/)[a-z0-9]+)*");
  private static final Pattern TAG = Pattern.compile("[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}");
  private static final Pattern DIGEST =
      Pattern.compile("[A-Za-z][A-Za-z0-9]*(?:[+._-][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}");
  private static final Pattern REGISTRY =
      Pattern.compile(
          "[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?(?::[0-9]{1,5})?|\\[[0-9a-fA-F:]+](?::[0-9]{1,5})?");
  private static final String HUB = "docker.io";

  /** Absent: it is none. */
  public static @Nullable ImageReference parse(String text) {
    String rest = text.strip();
    String digest = "";
    int at = rest.indexOf('@');
    if (at >= 0) {
      digest = rest.substring(at + 1);
      rest = rest.substring(0, at);
    }
    String tag = "";
    int colon = rest.lastIndexOf(':');
    if (colon > rest.lastIndexOf('/')) {
      tag = rest.substring(colon + 1);
      rest = rest.substring(0, colon);
      if (!TAG.matcher(tag).matches()) {
        return null;
      }
    }
    String registry = "";
    int slash = rest.indexOf('/');
    if (slash > 0) {
      String first = rest.substring(0, slash);
      if (first.indexOf('.') >= 0 || first.indexOf(':') >= 0 || first.equals("localhost")) {
        registry = first;
        rest = rest.substring(slash + 1);
      }
    }
    if (registry.equals(HUB) || registry.equals("index.docker.io")) {
      registry = "";
    }
    if (!REPOSITORY.matcher(rest).matches()
        || (!registry.isEmpty() && !REGISTRY.matcher(registry).matches())
        || (!digest.isEmpty() && !DIGEST.matcher(digest).matches())) {
      return null;
    }
    return new ImageReference(
        registry, rest, tag.isEmpty() && digest.isEmpty() ? "latest" : tag, digest);
  }

  /** As the engine looks it up among its own: by the digest where there is one. */
  public String local() {
    return path() + (digest.isEmpty() ? ":" + tag : "@" + digest);
  }

  /** Repository with its registry. */
  public String path() {
    return registry.isEmpty() ? repository : registry + "/" + repository;
  }

  /** What is pulled of the repository. */
  String version() {
    return digest.isEmpty() ? tag : digest;
  }

  /** Another registry for what names none. Official images of Docker Hub have a directory there. */
  public ImageReference orFrom(@Nullable String mirror) {
    if (mirror == null || mirror.isBlank() || !registry.isEmpty()) {
      return this;
    }
    int slash = mirror.indexOf('/');
    String host = slash < 0 ? mirror : mirror.substring(0, slash);
    String prefix = slash < 0 ? "" : mirror.substring(slash + 1).replaceAll("/+$", "") + "/";
    String full = repository.indexOf('/') < 0 ? "library/" + repository : repository;
    return new ImageReference(host, prefix + full, tag, digest);
  }

  /** Whether the same name may mean another image tomorrow without anybody's doing wrong. */
  public boolean floats() {
    return digest.isEmpty() && tag.equals("latest");
  }

  /** Whom to blame. */
  String registryName() {
    return registry.isEmpty() ? "Docker Hub" : registry;
  }

  /** As it is shown. */
  @Override
  public String toString() {
    return path() + (tag.isEmpty() ? "" : ":" + tag) + (digest.isEmpty() ? "" : "@" + digest);
  }
}
