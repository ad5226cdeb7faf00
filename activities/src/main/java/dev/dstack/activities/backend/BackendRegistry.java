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
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.ServiceLoader;
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
  private final Map<BackendType, BackendFactory> factories;
  private final Map<Key, Made> made = new ConcurrentHashMap<>();

  private record Key(ProjectId project, BackendType type) {}

  private record Made(JsonNode config, @Nullable JsonNode credentials, ComputeBackend backend) {}

  public BackendRegistry(BackendStore store, BackendContext context) {
    this(store, context, ServiceLoader.load(BackendFactory.class));
  }

  public BackendRegistry(
      BackendStore store, BackendContext context, Iterable<BackendFactory> factories) {
    this.store = store;
    this.context = context;
    Map<BackendType, BackendFactory> byType = new LinkedHashMap<>();
    factories.forEach(factory -> byType.put(factory.type(), factory));
    this.factories = Map.copyOf(byType);
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
   * For what must not end before it has succeeded: a backend that is away is expected back.
   *
   * @throws DstackException BACKEND_UNAVAILABLE when the project has no such backend now
   */
  public ComputeBackend await(ProjectId project, BackendType type) {
    return find(project, type)
        .orElseThrow(
            () ->
                new DstackException(
                    ErrorKind.BACKEND_UNAVAILABLE,
                    "Backend "
                        + type
                        + " is not configured for this project any more, but still has a machine."
                        + " Configure it again so that the machine can be ended."));
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
                    : new Made(stored.config(), stored.credentials(), create(key.type(), stored)));
    return current.backend();
  }

  private static boolean isSame(Made known, StoredBackend stored) {
    return known.config().equals(stored.config())
        && java.util.Objects.equals(known.credentials(), stored.credentials());
  }

  private ComputeBackend create(BackendType type, StoredBackend stored) {
    BackendFactory factory = factories.get(type);
    if (factory == null) {
      throw new DstackException(
          ErrorKind.BACKEND_DENIED,
          "Backend "
              + type
              + " is not part of this server; it has "
              + factories.keySet().stream()
                  .map(BackendType::name)
                  .sorted()
                  .collect(Collectors.joining(", "))
              + ".");
    }
    Map<String, Object> config =
        new LinkedHashMap<>(Json.lenient().convertValue(stored.config(), MAP));
    config.remove("type");
    JsonNode credentials = stored.credentials();
    if (credentials != null) {
      config.putAll(Json.lenient().convertValue(credentials, MAP));
    }
    return factory.create(context, config);
  }
}
