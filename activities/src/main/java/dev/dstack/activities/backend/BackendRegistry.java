package dev.dstack.activities.backend;

import dev.dstack.backends.BackendContext;
import dev.dstack.backends.BackendFactory;
import dev.dstack.backends.ComputeBackend;
import dev.dstack.db.records.BackendStore;
import dev.dstack.db.records.BackendStore.StoredBackend;
import dev.dstack.model.error.DstackException;
import dev.dstack.model.error.ErrorKind;
import dev.dstack.model.ids.ProjectId;
import dev.dstack.model.json.Json;
import dev.dstack.model.offer.BackendType;
import java.util.Collections;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.ServiceLoader;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.type.TypeReference;
import tools.jackson.databind.JsonNode;

/**
 * The backends that projects have configured. A backend is made when it is first needed and again
 * when its configuration has changed; the configuration is read each time, so that any worker sees
 * a change at once.
 */
public final class BackendRegistry {
  private static final TypeReference<Map<String, Object>> MAP = new TypeReference<>() {};

  private final BackendStore store;
  private final BackendContext context;
  private final SortedMap<BackendType, BackendFactory> factories;
  private final Map<Key, Made> made = new ConcurrentHashMap<>();

  private record Key(ProjectId project, BackendType type) {}

  private record Made(JsonNode config, @Nullable JsonNode credentials, ComputeBackend backend) {}

  public BackendRegistry(BackendStore store, BackendContext context) {
    this(store, context, factories());
  }

  public BackendRegistry(
      BackendStore store,
      BackendContext context,
      SortedMap<BackendType, BackendFactory> factories) {
    this.store = store;
    this.context = context;
    this.factories = factories;
  }

  /** What is on the classpath. */
  public static SortedMap<BackendType, BackendFactory> factories() {
    SortedMap<BackendType, BackendFactory> factories =
        new TreeMap<>(Comparator.comparing(BackendType::name));
    ServiceLoader.load(BackendFactory.class)
        .forEach(factory -> factories.put(factory.type(), factory));
    return Collections.unmodifiableSortedMap(factories);
  }

  public String deployment() {
    return context.deployment();
  }

  /**
   * @throws DstackException BACKEND_DENIED when the project has no such backend, or INVALID_SPEC
   *     when its configuration is wrong
   */
  public ComputeBackend get(ProjectId project, BackendType type) {
    return find(project, type)
        .orElseThrow(
            () ->
                new DstackException(
                    ErrorKind.BACKEND_DENIED,
                    "Backend " + type + " is not configured for this project any more."));
  }

  /**
   * For what has to go on after the backend was taken out of the configuration, such as ending its
   * machines: then as it was, or without any configuration where it can do without.
   *
   * @throws DstackException BACKEND_UNAVAILABLE, to be tried again, when it needs its configuration
   */
  public ComputeBackend await(ProjectId project, BackendType type) {
    Optional<ComputeBackend> configured = find(project, type);
    if (configured.isPresent()) {
      return configured.get();
    }
    Made known = made.get(new Key(project, type));
    if (known != null) {
      return known.backend();
    }
    try {
      return create(type, Map.of());
    } catch (DstackException e) {
      throw new DstackException(
          ErrorKind.BACKEND_UNAVAILABLE,
          "Backend "
              + type
              + " is not configured for this project any more, but still has a machine. Configure it"
              + " again so that the machine can be ended.",
          e);
    }
  }

  private Optional<ComputeBackend> find(ProjectId project, BackendType type) {
    return store.get(project, type.name()).map(stored -> make(new Key(project, type), stored));
  }

  private ComputeBackend make(Key key, StoredBackend stored) {
    Made current =
        made.compute(
            key,
            (_, known) ->
                known != null && isSame(known, stored)
                    ? known
                    : new Made(
                        stored.config(),
                        stored.credentials(),
                        create(key.type(), options(stored))));
    return current.backend();
  }

  private static boolean isSame(Made known, StoredBackend stored) {
    return known.config().equals(stored.config())
        && Objects.equals(known.credentials(), stored.credentials());
  }

  private ComputeBackend create(BackendType type, Map<String, Object> options) {
    BackendFactory factory = factories.get(type);
    if (factory == null) {
      throw new DstackException(
          ErrorKind.BACKEND_DENIED,
          "Backend "
              + type
              + " is not part of this server; it has "
              + factories.keySet().stream().map(BackendType::name).collect(Collectors.joining(", "))
              + ".");
    }
    return factory.create(context, options);
  }

  private static Map<String, Object> options(StoredBackend stored) {
    Map<String, Object> options =
        new LinkedHashMap<>(Json.lenient().convertValue(stored.config(), MAP));
    JsonNode credentials = stored.credentials();
    if (credentials != null) {
      options.putAll(Json.lenient().convertValue(credentials, MAP));
    }
    options.remove("type");
    return options;
  }
}
