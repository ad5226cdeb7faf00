package dev.dstack.db.records;

import com.fasterxml.jackson.annotation.JsonInclude;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What of a run's specification is kept encrypted and never shown in a workflow's history.
 *
 * @param nodeKey with which its nodes log in to each other; absent: it has only one
 */
public record RunPrivate(
    Map<String, String> env,
    @Nullable String registryUsername,
    @Nullable String registryPassword,
    @JsonInclude(JsonInclude.Include.NON_NULL) @Nullable NodeKey nodeKey) {
  public static final RunPrivate NONE = new RunPrivate(Map.of(), null, null);

  public RunPrivate {
    env = Map.copyOf(env);
  }

  /** Of a run with one node. */
  public RunPrivate(
      Map<String, String> env,
      @Nullable String registryUsername,
      @Nullable String registryPassword) {
    this(env, registryUsername, registryPassword, null);
  }

  public RunPrivate with(@Nullable NodeKey key) {
    return new RunPrivate(env, registryUsername, registryPassword, key);
  }

  /**
   * @param privateKey as OpenSSH reads it
   * @param publicKey a line as in {@code authorized_keys}
   */
  public record NodeKey(String privateKey, String publicKey) {
    @Override
    public String toString() {
      return "NodeKey[" + publicKey + "]";
    }
  }

  @Override
  public String toString() {
    return "RunPrivate[env=" + env.keySet() + "]";
  }
}
