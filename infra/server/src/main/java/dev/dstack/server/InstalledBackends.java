package dev.dstack.server;

import dev.dstack.activities.backend.BackendRegistry;
import dev.dstack.api.backend.BackendTypes;
import dev.dstack.backends.BackendContext;
import dev.dstack.backends.BackendFactory;
import dev.dstack.model.error.DstackException;
import dev.dstack.model.json.Json;
import dev.dstack.model.offer.BackendType;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeSet;
import tools.jackson.core.type.TypeReference;
import tools.jackson.databind.JsonNode;

/** The backends on the classpath. */
final class InstalledBackends {
  private static final TypeReference<Map<String, Object>> OPTIONS = new TypeReference<>() {};

  private final SortedMap<BackendType, BackendFactory> factories = BackendRegistry.factories();
  private final BackendContext context;

  InstalledBackends(BackendContext context) {
    this.context = context;
  }

  /** For entries of the server's own config.yml. */
  BackendTypes forConfigFile() {
    return new Types(true);
  }

  /** For entries that come over HTTP: nobody gets a shell on the server's machine that way. */
  BackendTypes forApi() {
    return new Types(false);
  }

  private final class Types implements BackendTypes {
    private final boolean mayBeLocal;

    Types(boolean mayBeLocal) {
      this.mayBeLocal = mayBeLocal;
    }

    @Override
    public SortedSet<String> names() {
      SortedSet<String> names = new TreeSet<>();
      factories.keySet().forEach(type -> names.add(type.name()));
      return names;
    }

    @Override
    public Optional<String> problem(String type, JsonNode config) {
      if (!mayBeLocal && type.equals(BackendType.LOCAL.name())) {
        return Optional.of(
            "type: the backend `local` runs jobs on the machine of the server itself, so only the"
                + " server's config.yml can switch it on");
      }
      BackendFactory factory = factories.get(new BackendType(type));
      if (factory == null) {
        return Optional.of("type: this server has no backend `" + type + "`; it has " + names());
      }
      Map<String, Object> options = new HashMap<>(Json.lenient().convertValue(config, OPTIONS));
      options.remove("type");
      try {
        factory.create(context, options);
        return Optional.empty();
      } catch (DstackException e) {
        return Optional.of(String.valueOf(e.getMessage()));
      }
    }
  }
}
