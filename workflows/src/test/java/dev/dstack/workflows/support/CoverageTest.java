package dev.dstack.workflows.support;

import static org.assertj.core.api.Assertions.assertThat;

import dev.dstack.model.fleet.FleetStatus;
import dev.dstack.model.instance.InstanceStatus;
import dev.dstack.model.job.JobStatus;
import dev.dstack.model.job.JobTerminationReason;
import dev.dstack.model.run.RunStatus;
import dev.dstack.workflows.catalog.CatalogActivities;
import dev.dstack.workflows.instance.CloudActivities;
import dev.dstack.workflows.job.AgentActivities;
import dev.dstack.workflows.job.VolumeActivities;
import dev.dstack.workflows.support.Options.Call;
import dev.dstack.workflows.sweep.SweepActivities;
import dev.dstack.workflows.view.ProjectionActivities;
import dev.dstack.workflows.volume.VolumeCloudActivities;
import io.temporal.activity.ActivityOptions;
import io.temporal.activity.LocalActivityOptions;
import java.lang.reflect.Method;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Lists that must be complete: a new port, call or status fails here until it has its row. */
class CoverageTest {
  /** Every method of every port, the kind of call it is, and where it meets faults. */
  private static final Map<String, List<Call>> PORTS =
      new TreeMap<>(
          Map.ofEntries(
              Map.entry("AgentActivities.submitTask", List.of(Call.AGENT_CALL)),
              Map.entry("AgentActivities.watchTask", List.of(Call.WATCH_TASK)),
              Map.entry("AgentActivities.stopTask", List.of(Call.AGENT_CALL)),
              Map.entry("AgentActivities.removeTask", List.of(Call.AGENT_CALL)),
              Map.entry("CloudActivities.offers", List.of(Call.CLOUD_OFFERS)),
              Map.entry("CloudActivities.findOffers", List.of(Call.CLOUD_OFFERS)),
              Map.entry("CloudActivities.ensureMachine", List.of(Call.CLOUD_CREATE)),
              Map.entry("CloudActivities.awaitHost", List.of(Call.CLOUD_POLL)),
              Map.entry("CloudActivities.watchHost", List.of(Call.WATCH_HOST)),
              Map.entry("CloudActivities.terminateMachine", List.of(Call.CLOUD_UNDO)),
              Map.entry("SweepActivities.sweepTargets", List.of(Call.SWEEP)),
              Map.entry("SweepActivities.findOrphans", List.of(Call.SWEEP)),
              Map.entry("SweepActivities.endOrphans", List.of(Call.SWEEP)),
              Map.entry("CatalogActivities.refreshCatalog", List.of(Call.PRICE_LIST)),
              Map.entry("VolumeActivities.attachVolumes", List.of(Call.VOLUME)),
              Map.entry("VolumeActivities.detachVolumes", List.of(Call.VOLUME_UNDO)),
              Map.entry("VolumeCloudActivities.ensure", List.of(Call.CLOUD_CREATE)),
              Map.entry("VolumeCloudActivities.attachTo", List.of(Call.VOLUME)),
              Map.entry("VolumeCloudActivities.detachFrom", List.of(Call.CLOUD_UNDO)),
              Map.entry("VolumeCloudActivities.delete", List.of(Call.CLOUD_UNDO)),
              local("ProjectionActivities.projectRun"),
              local("ProjectionActivities.projectJob"),
              local("ProjectionActivities.projectJobs"),
              local("ProjectionActivities.projectInstance"),
              local("ProjectionActivities.projectFleet"),
              local("ProjectionActivities.projectVolume"),
              local("SignalActivities.fleetReserve"),
              local("SignalActivities.fleetRelease"),
              local("SignalActivities.fleetInstanceReported"),
              local("SignalActivities.runFleetAnswered"),
              local("SignalActivities.runJobReported"),
              local("SignalActivities.jobStop"),
              local("SignalActivities.instanceTerminate"),
              Map.entry("SignalActivities.closedWorkflows", List.of(Call.ENGINE_QUERY))));

  private static Map.Entry<String, List<Call>> local(String method) {
    return Map.entry(method, List.of(Call.LOCAL, Call.LOCAL_FALLBACK));
  }

  @Test
  void everyPortMethodHasItsKindOfCall() {
    TreeSet<String> all = new TreeSet<>();
    for (Class<?> port :
        List.of(
            AgentActivities.class,
            CloudActivities.class,
            CatalogActivities.class,
            SweepActivities.class,
            VolumeActivities.class,
            VolumeCloudActivities.class,
            ProjectionActivities.class,
            SignalActivities.class)) {
      Stream.of(port.getDeclaredMethods()).map(CoverageTest::name).forEach(all::add);
    }
    assertThat(all).isEqualTo(new TreeSet<>(PORTS.keySet()));
    assertThat(PORTS.values().stream().flatMap(List::stream).distinct())
        .containsExactlyInAnyOrder(Call.values());
  }

  private static String name(Method method) {
    return method.getDeclaringClass().getSimpleName() + "." + method.getName();
  }

  @ParameterizedTest
  @EnumSource(mode = EnumSource.Mode.EXCLUDE, names = "LOCAL")
  void everyCallIsBoundedAndTold(Call call) {
    ActivityOptions options = Options.of(call, "does something");
    assertThat(options.getSummary()).isEqualTo("does something");
    assertThat(options.getStartToCloseTimeout()).isNotNull();
    assertThat(options.getTaskQueue()).isNotNull();
    assertThat(options.getRetryOptions().getDoNotRetry()).contains("NO_CAPACITY", "INVALID_SPEC");
    boolean beats = Set.of(Call.WATCH_TASK, Call.WATCH_HOST, Call.PRICE_LIST).contains(call);
    assertThat(options.getHeartbeatTimeout() != null).isEqualTo(beats);
  }

  /** Without one of both limits the SDK does not retry a local activity at all. */
  @Test
  void localCallsAreRetriedAndGiveUpSoon() {
    LocalActivityOptions options = Options.local("does something");
    assertThat(options.getScheduleToCloseTimeout()).isEqualTo(Duration.ofSeconds(3));
    assertThat(options.getStartToCloseTimeout()).isEqualTo(Duration.ofSeconds(1));
    assertThat(options.getRetryOptions().getMaximumAttempts()).isEqualTo(3);
  }

  @Test
  void finalStatusesHaveNoNextAndAllOthersHaveOne() {
    for (RunStatus from : RunStatus.values()) {
      boolean any = Stream.of(RunStatus.values()).anyMatch(from::canBecome);
      assertThat(any).as("%s", from).isNotEqualTo(from.isFinal());
    }
    for (JobStatus from : JobStatus.values()) {
      boolean any = Stream.of(JobStatus.values()).anyMatch(from::canBecome);
      assertThat(any).as("%s", from).isNotEqualTo(from.isFinal());
    }
    for (InstanceStatus from : InstanceStatus.values()) {
      boolean any = Stream.of(InstanceStatus.values()).anyMatch(from::canBecome);
      assertThat(any).as("%s", from).isNotEqualTo(from.isFinal());
    }
    for (FleetStatus from : FleetStatus.values()) {
      boolean any = Stream.of(FleetStatus.values()).anyMatch(from::canBecome);
      boolean ends = from.isFinal();
      assertThat(any).as("%s", from).isNotEqualTo(ends);
    }
  }

  @ParameterizedTest
  @EnumSource
  void everyReasonEndsAJob(JobTerminationReason reason) {
    assertThat(JobStatus.TERMINATING.canBecome(reason.finalStatus())).isTrue();
  }
}
