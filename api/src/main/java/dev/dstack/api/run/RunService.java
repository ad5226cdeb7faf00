package dev.dstack.api.run;

import dev.dstack.api.auth.Caller;
import dev.dstack.api.auth.ProjectAccess;
import dev.dstack.api.auth.Remembered;
import dev.dstack.api.dispatch.RunDispatcher;
import dev.dstack.api.error.ApiException;
import dev.dstack.api.error.ErrorCode;
import dev.dstack.api.fleet.Capacity;
import dev.dstack.api.fleet.Fleetyard;
import dev.dstack.api.run.RunMapper.Detail;
import dev.dstack.api.run.StoredSpecs.Specs;
import dev.dstack.api.volume.JobVolumes;
import dev.dstack.api.web.Now;
import dev.dstack.api.web.Wire;
import dev.dstack.db.records.FileStore;
import dev.dstack.db.records.NewRun;
import dev.dstack.db.records.RepoStore;
import dev.dstack.db.records.RunLookups;
import dev.dstack.db.records.RunSubmissions;
import dev.dstack.db.views.RunReader;
import dev.dstack.db.views.RunRow;
import dev.dstack.model.config.ContainerDefaults;
import dev.dstack.model.config.Names;
import dev.dstack.model.config.RunSpecs;
import dev.dstack.model.config.RunUpdate;
import dev.dstack.model.config.RunUpdates;
import dev.dstack.model.error.DstackException;
import dev.dstack.model.error.ErrorKind;
import dev.dstack.model.ids.ProjectId;
import dev.dstack.model.ids.RunId;
import dev.dstack.model.json.Json;
import dev.dstack.model.wire.common.ApplyAction;
import dev.dstack.model.wire.configuration.ProfileParams;
import dev.dstack.model.wire.file.FileArchiveMapping;
import dev.dstack.model.wire.instance.InstanceOfferWithAvailability;
import dev.dstack.model.wire.repo.RunRepoData;
import dev.dstack.model.wire.repo.VirtualRepoInfo;
import dev.dstack.model.wire.repo.VirtualRunRepoData;
import dev.dstack.model.wire.run.ApplyRunPlanInput;
import dev.dstack.model.wire.run.GetRunPlanRequest;
import dev.dstack.model.wire.run.JobPlan;
import dev.dstack.model.wire.run.JobSpec;
import dev.dstack.model.wire.run.Run;
import dev.dstack.model.wire.run.RunPlan;
import dev.dstack.model.wire.run.RunSpec;
import java.security.SecureRandom;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/** Plans and accepts runs, and shows them. */
public final class RunService {
  private static final int NAME_ATTEMPTS = 10;
  private static final int OFFERS_DEFAULT = 50;

  /** Some kilobytes each. */
  private static final int SUBMISSIONS_KEPT = 1_000;

  private final RunSubmissions submissions;
  private final RunReader reader;
  private final StoredSpecs specs;
  private final ShownSubmissions shown;
  private final RunMapper mapper;
  private final Fleetyard fleets;
  private final JobVolumes volumes;
  private final JobOffers offers;
  private final FileStore files;
  private final RepoStore repos;
  private final RunDispatcher dispatcher;
  private final Remembered<String, Boolean> knownRepos;
  private final ContainerDefaults containers;
  private final Now now;
  private final SecureRandom random = new SecureRandom();

  public RunService(
      RunSubmissions submissions,
      RunReader reader,
      RunLookups lookups,
      Fleetyard fleets,
      JobVolumes volumes,
      FileStore files,
      RepoStore repos,
      RunDispatcher dispatcher,
      Caches caches,
      ContainerDefaults containers,
      Now now) {
    this.submissions = submissions;
    this.reader = reader;
    this.specs = new StoredSpecs(lookups, caches.specs(), containers);
    this.shown = new ShownSubmissions(SUBMISSIONS_KEPT);
    this.mapper = new RunMapper(containers, shown, now);
    this.containers = containers;
    this.fleets = fleets;
    this.volumes = volumes;
    this.offers = new JobOffers(fleets, volumes);
    this.files = files;
    this.repos = repos;
    this.dispatcher = dispatcher;
    this.knownRepos = caches.repos();
    this.now = now;
  }

  /** What is remembered in memory; losing it costs only time. */
  public static final class Caches {
    private final Remembered<StoredSpecs.Key, Specs> specs;
    private final Remembered<String, Boolean> repos;

    public Caches(java.util.function.LongSupplier nanoTime) {
      specs = new Remembered<>(java.time.Duration.ofHours(1), 5_000, nanoTime);
      repos = new Remembered<>(java.time.Duration.ofSeconds(30), 1_000, nanoTime);
    }

    Remembered<StoredSpecs.Key, Specs> specs() {
      return specs;
    }

    Remembered<String, Boolean> repos() {
      return repos;
    }
  }

  RunPlan plan(GetRunPlanRequest request, ProjectAccess access) {
    SpecCheck check =
        SpecCheck.of(
            request.runSpec(), access.caller().sshPublicKey(), request.forOffersOnly(), containers);
    RunSpec effective = check.effective();
    Optional<RunRow> current =
        effective.runName() == null
            ? Optional.empty()
            : reader.get(access.id(), effective.runName());
    ApplyAction action = ApplyAction.CREATE;
    Run shown = null;
    if (current.isPresent()) {
      Specs currentSpecs = specs(current.get());
      shown = mapper.wire(current.get(), currentSpecs, Detail.FULL);
      boolean updatable =
          !current.get().status().isFinal()
              && RunUpdates.diff(currentSpecs.run(), effective) instanceof RunUpdate.InPlace;
      action = updatable ? ApplyAction.UPDATE : ApplyAction.CREATE;
    }
    List<JobPlan> jobPlans = new ArrayList<>();
    int max = request.maxOffers() == null ? OFFERS_DEFAULT : request.maxOffers();
    for (JobSpec job : check.jobs()) {
      List<Capacity.Shown> found =
          offers.of(access, effective, job, request.forOffersOnly(), request.reverseOffers());
      List<InstanceOfferWithAvailability> first =
          found.stream()
              .limit(max)
              .map(
                  one ->
                      Wire.offer(one.offer(), one.availability(), one.blocks(), one.totalBlocks()))
              .toList();
      jobPlans.add(
          new JobPlan(
              job,
              first,
              found.size(),
              found.isEmpty()
                  ? null
                  : Double.valueOf(
                      found.stream().mapToDouble(one -> one.offer().price()).max().orElse(0))));
    }
    return new RunPlan(
        access.name(),
        access.caller().username(),
        RunSpecs.shown(request.runSpec()),
        effective,
        jobPlans,
        shown,
        action);
  }

  /** Why nothing serves the first job of a plan, as {@code dstack why} would say it of a run. */
  List<String> refusals(RunSpec spec, ProjectAccess access) {
    SpecCheck check = check(spec, access);
    return offers.refusals(access, check.effective(), check.jobs().getFirst());
  }

  /** Everything that could serve the first job of a run, whatever fleets there are. */
  public List<Capacity.Shown> offersOnly(RunSpec spec, ProjectAccess access, boolean reverse) {
    SpecCheck check = SpecCheck.of(spec, access.caller().sshPublicKey(), true, containers);
    return offers.of(access, check.effective(), check.jobs().getFirst(), true, reverse);
  }

  Run apply(ApplyRunPlanInput plan, boolean force, ProjectAccess access) {
    SpecCheck check = check(plan.runSpec(), access);
    RunSpec effective = check.effective();
    String name = effective.runName();
    if (name != null) {
      Optional<RunRow> current = reader.get(access.id(), name);
      if (current.isPresent() && !current.get().status().isFinal()) {
        return update(current.get(), check, plan.currentResource(), force, access);
      }
    }
    checkUploads(effective, access);
    return name == null ? submitUnnamed(effective, access) : submit(check, access);
  }

  private SpecCheck check(RunSpec spec, ProjectAccess access) {
    return SpecCheck.of(spec, access.caller().sshPublicKey(), false, containers);
  }

  private Run submitUnnamed(RunSpec effective, ProjectAccess access) {
    for (int attempt = 0; ; attempt++) {
      String name =
          Names.random(random, taken -> submissions.findLatest(access.id(), taken).isPresent());
      RunSpec named =
          effective.withRunName(name).withConfiguration(effective.configuration().withName(name));
      try {
        return submit(check(named, access), access);
      } catch (DstackException e) {
        if (e.kind() != ErrorKind.NAME_TAKEN || attempt == NAME_ATTEMPTS) {
          throw e;
        }
      }
    }
  }

  private Run submit(SpecCheck check, ProjectAccess access) {
    RunSpec effective = check.effective();
    Caller caller = access.caller();
    RunId id = new RunId(UUID.randomUUID());
    Instant at = now.instant();
    String planJson = planJson(check, access, fleets.recent(access.id()));
    int priority = priority(effective);
    String redacted = Json.lenient().writeValueAsString(RunSpecs.redacted(effective));
    String name = String.valueOf(effective.runName());
    submissions.accept(
        new NewRun(
            id,
            access.id(),
            caller.id(),
            name,
            effective.repoId(),
            redacted,
            StoredSpecs.secrets(effective).with(NodeRuns.key(check)),
            planJson,
            priority,
            at));
    dispatcher.runAccepted();
    Specs known = new Specs(effective, check.jobs());
    specs.put(id, 0, known);
    return mapper.wire(
        new RunRow(
            id,
            access.id(),
            access.name(),
            caller.id(),
            caller.username(),
            name,
            redacted,
            at,
            priority,
            0,
            null,
            null,
            null,
            List.of(),
            0),
        known,
        Detail.FULL);
  }

  private Run update(
      RunRow current, SpecCheck check, @Nullable Run basedOn, boolean force, ProjectAccess access) {
    Specs currentSpecs = specs(current);
    RunSpec effective = check.effective();
    if (RunUpdates.diff(currentSpecs.run(), effective)
        instanceof RunUpdate.NeedsRestart(List<String> _, List<String> blocking)) {
      throw ApiException.badRequest(
          "Run '"
              + current.runName()
              + "' is active and can't take over a change of "
              + String.join(", ", blocking.stream().map(field -> "`" + field + "`").toList())
              + ". Stop it first, or choose another name.");
    }
    boolean seen =
        basedOn != null
            && basedOn.id().equals(current.id().value())
            && Json.tree(basedOn.runSpec()).equals(Json.tree(currentSpecs.run()));
    if (!force && !seen) {
      throw ApiException.badRequest(
          "Run '"
              + current.runName()
              + "' has been submitted or changed since this plan was made."
              + " Plan again, or apply with force.");
    }
    submissions.update(
        current.id(),
        Json.lenient().writeValueAsString(RunSpecs.redacted(effective)),
        StoredSpecs.secrets(effective),
        planJson(check, access, fleets.recent(access.id())),
        priority(effective),
        access.caller().id());
    dispatcher.runChanged();
    return get(access.id(), current.id())
        .orElseThrow(() -> ApiException.missing("Run '" + current.runName() + "' not found"));
  }

  private String planJson(SpecCheck check, ProjectAccess access, List<Capacity> all) {
    ProfileParams profile = RunSpecs.profile(check.effective());
    List<Capacity> candidates =
        RunPlans.able(check.effective(), RunPlans.candidates(profile, access.name(), all));
    return Json.lenient()
        .writeValueAsString(
            RunPlans.of(
                    check.effective(),
                    check.jobs(),
                    candidates,
                    (wanted, job) -> volumes.narrow(wanted, job, access.id()))
                .withNodes(NodeRuns.plan(check))
                .leavingOut(RunPlans.leftOut(check.effective(), all, candidates)));
  }

  private static int priority(RunSpec effective) {
    Integer priority = effective.configuration().base().priority();
    return priority == null ? 0 : priority;
  }

  /** Uploads are named by id and hash; they have to be there before the run is accepted. */
  private void checkUploads(RunSpec spec, ProjectAccess access) {
    if (!spec.fileArchives().isEmpty()) {
      List<UUID> ids = spec.fileArchives().stream().map(FileArchiveMapping::id).toList();
      Set<UUID> owned = files.owned(access.caller().id(), ids);
      for (FileArchiveMapping archive : spec.fileArchives()) {
        if (!owned.contains(archive.id())) {
          throw ApiException.missing(
              "`file_archives` names the archive "
                  + archive.id()
                  + " for "
                  + archive.path()
                  + ", which you have not uploaded");
        }
      }
    }
    RunRepoData data = spec.repoData();
    String repoId = spec.repoId();
    if (repoId == null) {
      return;
    }
    if (data instanceof VirtualRunRepoData) {
      knownRepos.get(
          access.id() + "/" + repoId,
          () -> {
            repos.ensure(access.id(), repoId, new VirtualRepoInfo(), now.instant());
            return Optional.of(true);
          });
    } else if (repos.get(access.id(), repoId).isEmpty()) {
      throw ApiException.of(
          ErrorCode.REPO_DOES_NOT_EXIST,
          "There is no repo '" + repoId + "' in this project; init it first");
    }
    String hash = spec.repoCodeHash();
    if (hash != null && !repos.hasCode(access.id(), repoId, hash)) {
      throw ApiException.missing(
          "`repo_code_hash` names a diff of repo '" + repoId + "' that has not been uploaded");
    }
  }

  Optional<Run> get(ProjectId project, String name) {
    return reader.get(project, name).map(row -> mapper.wire(row, specs(row), Detail.FULL));
  }

  /** Also a deleted one. */
  Optional<Run> get(ProjectId project, RunId id) {
    return reader
        .get(id)
        .filter(row -> row.projectId().equals(project))
        .map(row -> mapper.wire(row, specs(row), Detail.FULL));
  }

  List<Run> shown(Collection<RunRow> rows, Detail detail) {
    Map<RunId, Specs> all = specs.of(rows);
    RunList runs = new RunList(shown);
    for (RunRow row : rows) {
      Specs known = all.get(row.id());
      if (known != null) {
        runs.add(mapper.wire(row, known, detail), known);
      }
    }
    return runs;
  }

  private Specs specs(RunRow row) {
    Specs known = specs.of(List.of(row)).get(row.id());
    if (known == null) {
      throw new IllegalStateException("no specification for run " + row.id());
    }
    return known;
  }
}
