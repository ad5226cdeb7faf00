package dev.dstack.api.run;

import dev.dstack.api.auth.Remembered;
import dev.dstack.db.records.RunLookups;
import dev.dstack.db.records.RunPrivate;
import dev.dstack.db.views.RunRow;
import dev.dstack.model.config.ContainerDefaults;
import dev.dstack.model.config.JobSpecs;
import dev.dstack.model.ids.RunId;
import dev.dstack.model.json.Json;
import dev.dstack.model.wire.configuration.Env;
import dev.dstack.model.wire.configuration.RegistryAuth;
import dev.dstack.model.wire.configuration.RunBase;
import dev.dstack.model.wire.run.JobSpec;
import dev.dstack.model.wire.run.RunSpec;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import tools.jackson.core.io.SerializedString;

/**
 * Specifications taken apart and put together again: what is secret is stored apart from the rest.
 * One deployment of a run never changes, so the latest ones are kept.
 */
final class StoredSpecs {
  private static final Logger LOG = LoggerFactory.getLogger(StoredSpecs.class);

  private final RunLookups lookups;
  private final Remembered<Key, Specs> remembered;
  private final ContainerDefaults containers;

  StoredSpecs(RunLookups lookups, Remembered<Key, Specs> remembered, ContainerDefaults containers) {
    this.lookups = lookups;
    this.remembered = remembered;
    this.containers = containers;
  }

  record Key(RunId run, int deployment) {}

  /** With all values; for members of the project only. */
  static final class Specs {
    private final RunSpec run;
    private final List<JobSpec> jobs;
    private final SerializedString runJson;
    private final List<SerializedString> jobJson;

    Specs(RunSpec run, List<JobSpec> jobs) {
      this.run = run;
      this.jobs = List.copyOf(jobs);
      this.runJson = json(run);
      this.jobJson = this.jobs.stream().map(Specs::json).toList();
    }

    static Specs of(RunSpec full, ContainerDefaults containers) {
      List<JobSpec> jobs;
      try {
        jobs = JobSpecs.of(full, containers);
      } catch (IllegalArgumentException e) {
        LOG.warn("Run {} has a specification without jobs: {}", full.runName(), e.getMessage());
        jobs = List.of();
      }
      return new Specs(full, jobs);
    }

    RunSpec run() {
      return run;
    }

    List<JobSpec> jobs() {
      return jobs;
    }

    SerializedString runJson() {
      return runJson;
    }

    SerializedString jobJson(JobSpec job) {
      for (int i = 0; i < jobs.size(); i++) {
        JobSpec known = jobs.get(i);
        if (known.replicaNum() == job.replicaNum() && known.jobNum() == job.jobNum()) {
          return jobJson.get(i);
        }
      }
      return json(job);
    }

    private static SerializedString json(Object value) {
      return new SerializedString(Json.lenient().writeValueAsString(value));
    }

    @Override
    public String toString() {
      return "Specs[" + run.runName() + "]";
    }
  }

  static RunPrivate secrets(RunSpec full) {
    RunBase base = full.configuration().base();
    RegistryAuth auth = base.registryAuth();
    return new RunPrivate(
        base.env().asMap(),
        auth == null ? null : auth.username(),
        auth == null ? null : auth.password());
  }

  /** The specs of all these runs, in one query at most. */
  Map<RunId, Specs> of(Collection<RunRow> runs) {
    Map<RunId, Specs> found = new HashMap<>();
    List<RunRow> unknown =
        runs.stream()
            .filter(
                run -> {
                  Optional<Specs> specs = remembered.get(key(run), Optional::empty);
                  specs.ifPresent(known -> found.put(run.id(), known));
                  return specs.isEmpty();
                })
            .toList();
    if (!unknown.isEmpty()) {
      Map<RunId, RunPrivate> secrets = lookups.secretsOf(unknown.stream().map(RunRow::id).toList());
      for (RunRow run : unknown) {
        Specs specs =
            Specs.of(
                joined(run.specJson(), secrets.getOrDefault(run.id(), RunPrivate.NONE)),
                containers);
        found.put(run.id(), remembered.get(key(run), () -> Optional.of(specs)).orElse(specs));
      }
    }
    return found;
  }

  /** Spares the next list a query. */
  void put(RunId run, int deployment, Specs specs) {
    remembered.get(new Key(run, deployment), () -> Optional.of(specs));
  }

  private static Key key(RunRow run) {
    return new Key(run.id(), run.deploymentNum());
  }

  private static RunSpec joined(String redactedJson, RunPrivate secrets) {
    RunSpec redacted = Json.lenient().readValue(redactedJson, RunSpec.class);
    RunBase base = redacted.configuration().base();
    Map<String, String> ordered = new java.util.LinkedHashMap<>();
    for (String name : base.env().names()) {
      String value = secrets.env().get(name);
      if (value != null) {
        ordered.put(name, value);
      }
    }
    RunBase full = base.withEnv(Env.of(ordered));
    String username = secrets.registryUsername();
    String password = secrets.registryPassword();
    if (username != null && password != null) {
      full = full.withRegistryAuth(new RegistryAuth(username, password));
    }
    return redacted.withConfiguration(redacted.configuration().withBase(full));
  }
}
