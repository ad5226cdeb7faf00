package dev.dstack.model.config;

import dev.dstack.model.agent.ContainerRequest.RegistryAuth;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What an operator may set for all containers.
 *
 * @param base the image of runs that only name a {@code python}
 * @param devel the one of runs with {@code nvcc}
 * @param docker the one of runs with {@code docker}
 * @param registry where images come from that name no registry; absent: as the engine knows it
 * @param registryAuth for that registry, unless the run has its own
 * @param network when a container gets the network of its host
 */
public record ContainerDefaults(
    String base,
    String devel,
    String docker,
    @Nullable String registry,
    @Nullable RegistryAuth registryAuth,
    Network network) {
  /** dstack's own images; the versions are those of the release whose API this is. */
  public static final ContainerDefaults STANDARD = of(Map.of());

  /** As numbered in {@code DSTACK_SERVER_JOB_NETWORK_MODE}. */
  public enum Network {
    HOST_FOR_SEVERAL_NODES,
    HOST_WHEN_POSSIBLE,
    BRIDGE
  }

  public static ContainerDefaults of(Map<String, String> environment) {
    String name = or(environment, "DSTACK_DOCKER_BASE_IMAGE", "dstackai/base");
    String version = or(environment, "DSTACK_DOCKER_BASE_IMAGE_VERSION", "0.16");
    String ubuntu = or(environment, "DSTACK_DOCKER_BASE_IMAGE_UBUNTU_VERSION", "24.04");
    String user = environment.get("DSTACK_SERVER_DEFAULT_DOCKER_REGISTRY_USERNAME");
    String password = environment.get("DSTACK_SERVER_DEFAULT_DOCKER_REGISTRY_PASSWORD");
    String registry = or(environment, "DSTACK_SERVER_DEFAULT_DOCKER_REGISTRY", "");
    return new ContainerDefaults(
        tagged(name, version + "-base-ubuntu" + ubuntu),
        tagged(name, version + "-devel-ubuntu" + ubuntu),
        or(environment, "DSTACK_DIND_IMAGE", "dstackai/dind"),
        registry.isEmpty() ? null : registry,
        user == null || password == null ? null : new RegistryAuth(user, password),
        switch (or(environment, "DSTACK_SERVER_JOB_NETWORK_MODE", "2")) {
          case "1" -> Network.HOST_FOR_SEVERAL_NODES;
          case "3" -> Network.BRIDGE;
          default -> Network.HOST_WHEN_POSSIBLE;
        });
  }

  /** A name that has a tag or a digest already stands for itself. */
  private static String tagged(String name, String tag) {
    boolean complete = name.contains("@") || name.lastIndexOf(':') > name.lastIndexOf('/');
    return complete ? name : name + ":" + tag;
  }

  private static String or(Map<String, String> environment, String name, String otherwise) {
    String value = environment.get(name);
    return value == null || value.isBlank() ? otherwise : value.strip();
  }

  /**
   * Who shares a host keeps a network apart, so that two jobs may use the same port.
   *
   * @param jobs of the replica
   */
  public boolean hostNetwork(boolean sharedHost, int jobs) {
    return switch (network) {
      case BRIDGE -> false;
      case HOST_WHEN_POSSIBLE -> !sharedHost;
      case HOST_FOR_SEVERAL_NODES -> !sharedHost && jobs > 1;
    };
  }

  /** The image as the host is to pull it. */
  public String pulled(String image) {
    return registry == null || namesRegistry(image) ? image : registry + "/" + image;
  }

  /** Of the default registry, where the image comes from there. */
  public @Nullable RegistryAuth authFor(String image) {
    return namesRegistry(image) ? null : registryAuth;
  }

  /** As the engine reads it: a first part with a dot, a port, or {@code localhost}. */
  private static boolean namesRegistry(String image) {
    int slash = image.indexOf('/');
    if (slash < 0) {
      return false;
    }
    String first = image.substring(0, slash);
    return first.contains(".")
        || first.contains(":")
        || first.equals("localhost")
        || !first.equals(first.toLowerCase(Locale.ROOT));
  }
}
