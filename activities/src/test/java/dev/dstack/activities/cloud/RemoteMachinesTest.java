package dev.dstack.activities.cloud;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import dev.dstack.activities.Fixture;
import dev.dstack.activities.backend.BackendRegistry;
import dev.dstack.activities.host.AgentDirectory;
import dev.dstack.activities.host.Hosts;
import dev.dstack.activities.host.HttpHostAgent;
import dev.dstack.activities.host.Logins;
import dev.dstack.backends.AgentAddress;
import dev.dstack.backends.RemoteHosts;
import dev.dstack.db.records.BackendStore;
import dev.dstack.db.records.Fleets;
import dev.dstack.db.records.HostKeyPins;
import dev.dstack.db.records.InstanceMachines;
import dev.dstack.db.records.ProjectStore;
import dev.dstack.model.agent.HostInfo;
import dev.dstack.model.error.DstackException;
import dev.dstack.model.error.ErrorKind;
import dev.dstack.model.fleet.Sharing;
import dev.dstack.model.ids.FleetId;
import dev.dstack.model.ids.InstanceId;
import dev.dstack.model.json.Json;
import dev.dstack.model.offer.Availability;
import dev.dstack.model.offer.BackendType;
import dev.dstack.model.offer.Offer;
import dev.dstack.model.offer.Requirements;
import dev.dstack.model.resources.CpuArch;
import dev.dstack.model.resources.Gpu;
import dev.dstack.model.resources.GpuVendor;
import dev.dstack.model.resources.Resources;
import dev.dstack.workflows.fleet.FleetPlan;
import dev.dstack.workflows.instance.CloudActivities.MachineOrder;
import dev.dstack.workflows.instance.CloudActivities.MachineView;
import java.net.http.HttpClient;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.function.Predicate;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** What becomes of a host's instance when it is known what the host has. */
class RemoteMachinesTest {
  private static final Resources EIGHT =
      new Resources(
          CpuArch.X86,
          8,
          65_536,
          500_000,
          Collections.nCopies(4, new Gpu(GpuVendor.NVIDIA, "H100", 81_559)),
          false);

  private final Fixture fixture = new Fixture();
  private final HttpClient http = HttpHostAgent.client();

  @AfterEach
  void close() {
    http.close();
    fixture.close();
  }

  @Test
  void itsDriverIsToldAndItsBlocksAreWhole() {
    Offer whole = awaitHost("metal-two", 2).offer();
    assertThat(whole.resources()).isEqualTo(EIGHT);
    assertThat(whole.gpuDriver()).isEqualTo("550.54.15");

    DstackException odd =
        catchThrowableOfType(DstackException.class, () -> awaitHost("metal-three", 3));
    assertThat(odd.kind()).isEqualTo(ErrorKind.INVALID_SPEC);
    assertThat(odd)
        .hasMessage(
            "The host can't be divided into 3 equal blocks: it has 8 cpus and 4 accelerators.");
  }

  private MachineView awaitHost(String name, int blocks) {
    Fleets fleets = new Fleets(fixture.worker, fixture.encryption, fixture.clock);
    FleetId fleet = new FleetId(UUID.randomUUID());
    FleetPlan plan =
        new FleetPlan(
            BackendType.SSH,
            1,
            1,
            1,
            Requirements.ANY,
            new Sharing.Whole(),
            null,
            null,
            List.of(),
            List.of(new FleetPlan.Host(0, "one.example", 22, "root", null, blocks)));
    // As who applies it does; workers only read.
    new Fleets(fixture.api, fixture.encryption, fixture.clock)
        .create(
            fleet,
            fixture.project,
            null,
            name,
            """
        {"configuration": {"type": "fleet", "name": "%s",
          "ssh_config": {"user": "root", "hosts": [{"hostname": "one.example", "blocks": %d}]}},
         "profile": {"name": "default"}}
        """
                .formatted(name, blocks),
            Json.lenient().writeValueAsString(plan));
    InstanceMachines machines =
        new InstanceMachines(fixture.worker, fixture.encryption, fixture.clock);
    Hosts hosts =
        new Hosts(
            new Installing(),
            machines,
            new HostKeyPins(fixture.worker, fixture.clock),
            new Logins(fleets, new ProjectStore(fixture.worker, fixture.encryption)),
            "test");
    BackendRegistry backends =
        new BackendRegistry(
            new BackendStore(fixture.worker, fixture.encryption),
            fixture.context(),
            Collections.emptySortedMap());
    RemoteMachines remote =
        new RemoteMachines(new AgentDirectory(machines, backends, http, hosts), hosts);
    MachineOrder order =
        new MachineOrder(
            new InstanceId(UUID.randomUUID()),
            1,
            name + "-0",
            fixture.project,
            "main",
            new Offer(
                BackendType.SSH,
                "ssh",
                "remote",
                new Resources(CpuArch.X86, 0, 0, 0, List.of(), false),
                0,
                Availability.AVAILABLE,
                Map.of("host", "0")),
            fleet);
    remote.ensureHost(order);
    return remote.awaitHost(order);
  }

  /** Has every host ready at once. */
  private static final class Installing implements RemoteHosts {
    @Override
    public Installed install(Access access, Predicate<String> isAlive, Runnable touching) {
      touching.run();
      HostInfo info =
          new HostInfo("1", "one", "boot", EIGHT, true, null, "27.0", List.of(), "550.54.15");
      return new Installed(10_998, "token", info, null, null);
    }

    @Override
    public Optional<Installed> find(Access access) {
      return Optional.empty();
    }

    @Override
    public AgentAddress reach(Access access, AgentAddress there) {
      return there;
    }

    @Override
    public void doubt(Access access) {}

    @Override
    public void authorize(Access access, String label, List<String> publicKeys) {}

    @Override
    public void withdraw(Access access, String label) {}

    @Override
    public void remove(Access access) {}

    @Override
    public void disconnect(String instance) {}

    @Override
    public void close() {}
  }
}
