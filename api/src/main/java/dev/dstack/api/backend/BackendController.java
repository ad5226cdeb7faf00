package dev.dstack.api.backend;

import dev.dstack.api.auth.ProjectAccess;
import dev.dstack.api.error.ApiException;
import dev.dstack.api.error.ErrorCode;
import dev.dstack.api.fleet.FleetSeeds;
import dev.dstack.api.web.Body;
import dev.dstack.api.web.Check;
import dev.dstack.api.web.Now;
import dev.dstack.api.web.YamlText;
import dev.dstack.db.records.BackendStore;
import dev.dstack.db.records.BackendStore.Source;
import dev.dstack.db.records.BackendStore.StoredBackend;
import dev.dstack.model.wire.backend.BackendInfoYaml;
import dev.dstack.model.wire.backend.CreateBackendYamlRequest;
import dev.dstack.model.wire.backend.DeleteBackendsRequest;
import dev.dstack.model.wire.backend.UpdateBackendYamlRequest;
import dev.dstack.model.wire.common.BackendName;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.springframework.web.bind.annotation.PathVariable;
import org.springframework.web.bind.annotation.PostMapping;
import org.springframework.web.bind.annotation.RestController;
import tools.jackson.databind.JsonNode;

/**
 * Entries in the form of config.yml. Credentials are kept apart and encrypted; only who may change
 * a backend sees them.
 */
@RestController
public final class BackendController {
  private final BackendStore backends;
  private final BackendTypes types;
  private final FleetSeeds fleets;
  private final BackendRemoval removal;
  private final Now now;

  public BackendController(
      BackendStore backends,
      BackendTypes types,
      FleetSeeds fleets,
      BackendRemoval removal,
      Now now) {
    this.backends = backends;
    this.types = types;
    this.fleets = fleets;
    this.removal = removal;
    this.now = now;
  }

  /** Hosts that no cloud owns are {@code remote} to clients, whose list of types is fixed. */
  @PostMapping("/api/backends/list_types")
  public List<BackendName> listTypes() {
    List<BackendName> names = new ArrayList<>();
    for (BackendName name : BackendName.values()) {
      if (name == BackendName.REMOTE || types.names().contains(name.wire())) {
        names.add(name);
      }
    }
    return names;
  }

  @PostMapping("/api/project/{project_name}/backends/create")
  public JsonNode create(@Body JsonNode body, ProjectAccess access) {
    createEntry(body, access);
    return body;
  }

  @PostMapping("/api/project/{project_name}/backends/update")
  public JsonNode update(@Body JsonNode body, ProjectAccess access) {
    updateEntry(body, access);
    return body;
  }

  @PostMapping("/api/project/{project_name}/backends/create_yaml")
  public void createYaml(@Body CreateBackendYamlRequest body, ProjectAccess access) {
    createEntry(YamlText.entry(body.configYaml()), access);
  }

  @PostMapping("/api/project/{project_name}/backends/update_yaml")
  public void updateYaml(@Body UpdateBackendYamlRequest body, ProjectAccess access) {
    updateEntry(YamlText.entry(body.configYaml()), access);
  }

  @PostMapping("/api/project/{project_name}/backends/delete")
  public void delete(@Body DeleteBackendsRequest body, ProjectAccess access) {
    Check.atMost("backends_names", body.backendsNames(), 100);
    List<String> names = new ArrayList<>();
    for (BackendName name : body.backendsNames()) {
      if (name == BackendName.REMOTE) {
        // On the wire this is what our own are called; only what the API made is the API's to
        // delete.
        backends.list(access.id()).stream()
            .filter(backend -> backend.source() == Source.API)
            .forEach(backend -> names.add(backend.type()));
      } else {
        names.add(name.wire());
      }
    }
    for (String name : names) {
      List<String> uses = removal.uses(access.id(), name);
      if (!uses.isEmpty()) {
        throw ApiException.badRequest(BackendRemoval.refusal(access.name(), name, uses));
      }
    }
    backends.delete(access.id(), names);
  }

  @PostMapping("/api/project/{project_name}/backends/{backend_name}/config_info")
  public JsonNode configInfo(
      @PathVariable("backend_name") String backendName, ProjectAccess access) {
    return entry(backendName, access).entry();
  }

  @PostMapping("/api/project/{project_name}/backends/{backend_name}/get_yaml")
  public BackendInfoYaml getYaml(
      @PathVariable("backend_name") String backendName, ProjectAccess access) {
    StoredBackend backend = entry(backendName, access);
    return new BackendInfoYaml(backend.type(), YamlText.write(backend.entry()));
  }

  private StoredBackend entry(String name, ProjectAccess access) {
    if (name.length() > 100 || name.indexOf(0) >= 0) {
      throw ApiException.missing("This project has no such backend");
    }
    return backends
        .get(access.id(), name)
        .orElseThrow(
            () ->
                ApiException.missing(
                    "Project '" + access.name() + "' has no backend of type '" + name + "'"));
  }

  private void createEntry(JsonNode config, ProjectAccess access) {
    StoredBackend backend = checked(config);
    if (!backends.create(access.id(), backend, now.instant())) {
      throw ApiException.exists(
          "Project '"
              + access.name()
              + "' has a backend of type '"
              + backend.type()
              + "' already; update it instead");
    }
    fleets.ensure(access.id(), access.caller().id(), backend.type());
  }

  private void updateEntry(JsonNode config, ProjectAccess access) {
    StoredBackend backend = checked(config);
    if (!backends.update(access.id(), backend, now.instant())) {
      throw ApiException.missing(
          "Project '"
              + access.name()
              + "' has no backend of type '"
              + backend.type()
              + "'; create it first");
    }
  }

  private StoredBackend checked(JsonNode config) {
    JsonNode named = config.get("type");
    if (named == null || !named.isString()) {
      throw Check.problem("missing", "type", "Field required", null);
    }
    String type = named.stringValue();
    if (type.equals("local")) {
      throw ApiException.badRequest(
          "Backend 'local' runs jobs on the server's own machine and is switched on in the server's"
              + " config.yml only");
    }
    if (!types.names().contains(type)) {
      throw ApiException.of(
          ErrorCode.BACKEND_NOT_AVAILABLE,
          "Backend '"
              + type
              + "' is not available in this version; it has: "
              + String.join(", ", types.names()));
    }
    Optional<String> problem = types.problem(type, config);
    if (problem.isPresent()) {
      throw ApiException.badRequest(problem.get());
    }
    return StoredBackend.of(type, config, Source.API);
  }
}
