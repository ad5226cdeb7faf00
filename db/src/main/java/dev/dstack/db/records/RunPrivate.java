package dev.dstack.db.records;

import java.util.Map;
import org.jspecify.annotations.Nullable;

/** What of a run's specification is kept encrypted and never shown in a workflow's history. */
public record RunPrivate(
    Map<String, String> env, @Nullable String registryUsername, @Nullable String registryPassword) {
  public static final RunPrivate NONE = new RunPrivate(Map.of(), null, null);

  public RunPrivate {
    env = Map.copyOf(env);
  }

  @Override
  public String toString() {
    return "RunPrivate[env=" + env.keySet() + "]";
  }
}
