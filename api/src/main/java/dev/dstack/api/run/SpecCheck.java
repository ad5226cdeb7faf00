package dev.dstack.api.run;

import dev.dstack.api.config.Limits;
import dev.dstack.api.error.ApiException;
import dev.dstack.model.config.ContainerDefaults;
import dev.dstack.model.config.JobSpecs;
import dev.dstack.model.config.RunSpecs;
import dev.dstack.model.config.SpecProblem;
import dev.dstack.model.config.UnsupportedYet;
import dev.dstack.model.json.Json;
import dev.dstack.model.wire.configuration.ProfileParams;
import dev.dstack.model.wire.resources.GpuSpec;
import dev.dstack.model.wire.run.JobSpec;
import dev.dstack.model.wire.run.RunSpec;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** A specification as it will be executed, or the answer that says what is wrong with it. */
record SpecCheck(RunSpec effective, List<JobSpec> jobs) {
  /** Stands for the name that a run gets when it is submitted. */
  private static final String UNNAMED = "dry-run";

  /**
   * @param forOffersOnly nothing is going to run: what the client fills in for that doesn't matter
   */
  static SpecCheck of(
      RunSpec spec,
      @Nullable String userPublicKey,
      boolean forOffersOnly,
      ContainerDefaults containers) {
    List<SpecProblem> problems = new ArrayList<>(RunSpecs.problems(spec));
    problems.addAll(UnsupportedYet.check(spec, forOffersOnly));
    problems.addAll(unsupportedRequests(spec));
    if (!problems.isEmpty()) {
      throw ApiException.badRequest(SpecProblem.pretty(problems));
    }
    RunSpec effective = RunSpecs.effective(spec, userPublicKey);
    int bytes = Json.lenient().writeValueAsBytes(effective).length;
    if (bytes > Limits.SPEC_BYTES) {
      throw ApiException.badRequest(
          "The run's specification has "
              + (bytes >> 10)
              + " kB, and the limit is "
              + (Limits.SPEC_BYTES >> 10)
              + " kB; put code and data into `files`");
    }
    return new SpecCheck(effective, jobs(effective, containers));
  }

  private static List<JobSpec> jobs(RunSpec effective, ContainerDefaults containers) {
    RunSpec named = effective.runName() == null ? effective.withRunName(UNNAMED) : effective;
    try {
      return JobSpecs.of(named, containers);
    } catch (IllegalArgumentException e) {
      throw ApiException.badRequest(String.valueOf(e.getMessage()));
    }
  }

  private static List<SpecProblem> unsupportedRequests(RunSpec spec) {
    List<SpecProblem> problems = new ArrayList<>();
    ProfileParams profile = RunSpecs.profile(spec);
    GpuSpec gpu = spec.configuration().resources().gpu();
    if (gpu != null && gpu.computeCapability() != null) {
      problems.add(
          new SpecProblem(
              "resources.gpu.compute_capability",
              "is not supported by this server version yet: name the accelerator instead"));
    }
    if (profile.availabilityZones() != null) {
      problems.add(
          new SpecProblem(
              "availability_zones", "is not supported by this server version yet: use `regions`"));
    }
    return problems;
  }
}
