package dev.dstack.activities.cloud;

import dev.dstack.backends.BackendContext;
import dev.dstack.backends.BackendFactory;
import dev.dstack.backends.ComputeBackend;
import dev.dstack.db.records.BackendStore;
import dev.dstack.model.error.DstackException;
import dev.dstack.model.error.ErrorKind;
import dev.dstack.model.ids.ProjectId;
import dev.dstack.model.json.Json;
import dev.dstack.model.offer.BackendType;
import java.util.Comparator;
import java.util.HashMap;
import java.util.Map;
import java.util.ServiceLoader;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.type.TypeReference;
import tools.jackson.databind.JsonNode;

/**
 * The backends of projects, made of their entries when they are first needed and anew when an entry
 * changed.
 */
public final class BackendRegistry {
  private static final TypeReference<Map<String, Object>> OPTIONS = new TypeReference<>() {};

  private final BackendStore store;
  private final BackendContext context;
  private final SortedMap<BackendType, BackendFactory> factories = factories();
  private final ConcurrentMap<Key, Made> made = new ConcurrentHashMap<>();

  private record Key(ProjectId project, BackendType type) {}

  private record Made(Map<String, Object> options, ComputeBackend backend) {}

  public BackendRegistry(BackendStore store, BackendContext context) {
    this.store = store;
    this.context = context;
  }

  /** What is installed, by the name in {@code type}. */
  public static SortedMap<BackendType, BackendFactory> factories() {
    SortedMap<BackendType, BackendFactory> factories =
        new TreeMap<>(Comparator.comparing(BackendType::name));
    ServiceLoader.load(BackendFactory.class).forEach(f -> factories.put(f.type(), f));
    return factories;
  }

  /**
   * @throws DstackException BACKEND_UNAVAILABLE when the project has no such backend any more: to
   *     be tried again, since its machines can't be ended without it; BACKEND_DENIED when its entry
   *     can't be used
   */
  public ComputeBackend backend(ProjectId project, BackendType type) {
    Key key = new Key(project, type);
    @Nullable Map<String, Object> options =
        store
            .get(project, type.name())
            .map(stored -> options(stored.config(), stored.credentials()))
            .orElse(null);
    Made known = made.get(key);
    if (options == null) {
      if (known != null) {
        return known.backend();
      }
      // Ours need no entry for ending what they made.
      options = Map.of();
    }
    if (known != null && known.options().equals(options)) {
      return known.backend();
    }
    Made fresh = new Made(options, make(type, options));
    made.put(key, fresh);
    return fresh.backend();
  }

  private ComputeBackend make(BackendType type, Map<String, Object> options) {
    BackendFactory factory = factories.get(type);
    if (factory == null) {
      throw new DstackException(
          ErrorKind.BACKEND_UNAVAILABLE,
          "This worker has no backend " + type + "; it has " + factories.keySet());
    }
    try {
      return factory.create(context, options);
    } catch (DstackException e) {
      throw new DstackException(
          ErrorKind.BACKEND_DENIED, "Backend " + type + " can't be used: " + e.getMessage(), e);
    }
  }

  private static Map<String, Object> options(JsonNode config, @Nullable JsonNode credentials) {
    Map<String, Object> options = new HashMap<>(Json.lenient().convertValue(config, OPTIONS));
    if (credentials != null) {
      options.putAll(Json.lenient().convertValue(credentials, OPTIONS));
    }
    options.remove("type");
    return options;
  }
}
