package dev.dstack.api.why;

import dev.dstack.api.web.Now;
import dev.dstack.db.records.RunSubmissions;
import dev.dstack.db.views.JobViewRow;
import dev.dstack.db.views.RunReader;
import dev.dstack.db.views.RunRow;
import dev.dstack.model.json.Json;
import dev.dstack.model.run.RunStatus;
import dev.dstack.model.wire.run.RunWhy;
import dev.dstack.model.wire.run.WhyAttempt;
import dev.dstack.model.wire.run.WhyFleet;
import dev.dstack.model.wire.run.WhyJob;
import dev.dstack.model.wire.run.WhyRefusal;
import dev.dstack.workflows.fleet.FleetAnswer.Refusal;
import dev.dstack.workflows.fleet.FleetRef;
import dev.dstack.workflows.fleet.FleetWhy;
import dev.dstack.workflows.fleet.Placement;
import dev.dstack.workflows.fleet.Refusals;
import dev.dstack.workflows.run.RunPlan;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * Puts together what the views have kept of a run's attempts and, while it lives, what it and the
 * fleets that it waits at say now.
 */
public final class Explainer {
  /** More fleets than these are not asked for one answer. */
  private static final int FLEETS_ASKED = 10;

  private final RunReader reader;
  private final RunSubmissions submissions;
  private final LiveQuestions live;
  private final Now now;

  public Explainer(RunReader reader, RunSubmissions submissions, LiveQuestions live, Now now) {
    this.reader = reader;
    this.submissions = submissions;
    this.live = live;
    this.now = now;
  }

  private record Key(int submission, int replica) {
    static final Comparator<Key> ORDER =
        Comparator.comparingInt(Key::submission).thenComparingInt(Key::replica);
  }

  RunWhy explain(RunRow run) {
    Optional<dev.dstack.workflows.run.RunWhy> state =
        run.status().isFinal() ? Optional.empty() : live.run(run.project(), run.runName());
    Map<Key, dev.dstack.workflows.view.WhyAttempt> attempts = new TreeMap<>(Key.ORDER);
    reader
        .why(run.id())
        .forEach(
            row ->
                attempts.put(
                    new Key(row.submission(), row.replica()),
                    Json.lenient()
                        .readValue(row.attemptJson(), dev.dstack.workflows.view.WhyAttempt.class)));
    state.ifPresent(
        alive ->
            alive
                .replicas()
                .forEach(
                    replica ->
                        attempts.put(
                            new Key(replica.attempt().submission(), replica.attempt().replica()),
                            replica.attempt())));
    List<FleetWhy> fleets = state.map(alive -> fleets(run, alive)).orElse(List.of());
    Waiting waiting = Waiting.of(run, state.orElse(null), fleets);
    return new RunWhy(
        run.id().value(),
        run.runName(),
        run.status(),
        summary(run),
        waiting.words(),
        waiting.nextAttemptAt(),
        waiting.givesUpAt(),
        state.isPresent(),
        fleets.stream().flatMap(fleet -> standings(fleet).stream()).toList(),
        shown(run, attempts),
        refusals(leftOut(run)));
  }

  private List<FleetWhy> fleets(RunRow run, dev.dstack.workflows.run.RunWhy state) {
    Set<FleetRef> asked = new LinkedHashSet<>();
    state.replicas().forEach(replica -> asked.addAll(replica.asking()));
    List<FleetWhy> answers = new ArrayList<>();
    asked.stream()
        .limit(FLEETS_ASKED)
        .forEach(fleet -> live.fleet(fleet, run.id()).ifPresent(answers::add));
    return answers;
  }

  private List<WhyFleet> standings(FleetWhy fleet) {
    return fleet.requests().stream()
        .filter(one -> one.place() != FleetWhy.Place.GRANTED)
        .map(
            one ->
                new WhyFleet(
                    fleet.fleet().name(),
                    now.instant(),
                    one.place().name().toLowerCase(Locale.ROOT),
                    Waiting.place(fleet, one),
                    refusals(one.refusals())))
        .toList();
  }

  /** Every submission of a replica, also those that had nothing but luck. */
  private static List<WhyAttempt> shown(
      RunRow run, Map<Key, dev.dstack.workflows.view.WhyAttempt> attempts) {
    Map<Key, List<JobViewRow>> jobs = new TreeMap<>(Key.ORDER);
    attempts.keySet().forEach(key -> jobs.put(key, new ArrayList<>()));
    run.jobs()
        .forEach(
            job ->
                jobs.computeIfAbsent(
                        new Key(job.submissionNum(), job.replicaNum()), _ -> new ArrayList<>())
                    .add(job));
    List<WhyAttempt> shown = new ArrayList<>();
    jobs.forEach(
        (key, members) -> {
          dev.dstack.workflows.view.WhyAttempt story = attempts.get(key);
          Instant asked =
              story != null || members.isEmpty()
                  ? Objects.requireNonNull(story).askedAt()
                  : members.getFirst().submittedAt();
          shown.add(
              new WhyAttempt(
                  key.replica(),
                  key.submission(),
                  asked,
                  story == null
                      ? List.of()
                      : story.fleets().stream().map(Explainer::fleet).toList(),
                  members.stream().map(Explainer::job).toList()));
        });
    return shown;
  }

  private static WhyFleet fleet(dev.dstack.workflows.view.WhyAttempt.Considered one) {
    return new WhyFleet(
        one.fleet().name(),
        one.at(),
        one.outcome().name().toLowerCase(Locale.ROOT),
        null,
        refusals(one.refusals()));
  }

  private static WhyJob job(JobViewRow job) {
    String place = null;
    if (job.placementJson() != null) {
      Placement placement = Json.lenient().readValue(job.placementJson(), Placement.class);
      place = placement.instanceName() + ": " + Refusals.label(placement.offer());
    }
    String reason = job.terminationReason() == null ? null : job.statusMessage();
    String message = job.terminationReasonMessage();
    return new WhyJob(
        job.jobNum(),
        job.status(),
        place,
        reason == null || message == null || message.isEmpty() ? reason : reason + ": " + message);
  }

  private static List<WhyRefusal> refusals(List<Refusal> refusals) {
    return refusals.stream().map(one -> new WhyRefusal(one.what(), one.why())).toList();
  }

  private List<Refusal> leftOut(RunRow run) {
    return submissions
        .plan(run.id())
        .map(plan -> Json.lenient().readValue(plan, RunPlan.class).leftOut())
        .orElse(List.of());
  }

  private static String summary(RunRow run) {
    List<JobViewRow> latest = latest(run);
    String at = latest.isEmpty() ? null : job(latest.getFirst()).instance();
    String error = run.view() == null ? null : run.view().error();
    return switch (run.status()) {
      case PENDING, SUBMITTED ->
          run.view() != null && run.view().nextTriggeredAt() != null
              ? "waits for the next time of its schedule"
              : "has no capacity yet";
      case PROVISIONING ->
          at == null ? "has no capacity yet; an instance is being made for it" : "starts on " + at;
      case RUNNING -> at == null ? "runs" : "runs on " + at;
      case TERMINATING -> "is being ended";
      case DONE -> at == null ? "is done" : "is done; it ran on " + at;
      case TERMINATED, FAILED -> ended(run.status(), latest, error, at);
    };
  }

  private static String ended(
      RunStatus status, List<JobViewRow> latest, @Nullable String error, @Nullable String at) {
    String word = status == RunStatus.FAILED ? "failed" : "was ended";
    String why =
        latest.stream()
            .map(job -> job(job).reason())
            .filter(Objects::nonNull)
            .findFirst()
            .orElse(error);
    return (why == null ? word : word + ": " + why) + (at == null ? "" : " (on " + at + ")");
  }

  private static List<JobViewRow> latest(RunRow run) {
    int last = run.jobs().stream().mapToInt(JobViewRow::submissionNum).max().orElse(0);
    return run.jobs().stream().filter(job -> job.submissionNum() == last).toList();
  }
}
