package dev.dstack.activities.host;

import dev.dstack.backends.PrivateKey;
import dev.dstack.backends.SshEndpoint;
import dev.dstack.backends.SshHostSpec;
import dev.dstack.db.records.FleetRecord;
import dev.dstack.db.records.FleetSecrets;
import dev.dstack.db.records.Fleets;
import dev.dstack.db.records.ProjectStore;
import dev.dstack.db.records.UserStore.SshKeyPair;
import dev.dstack.model.error.DstackException;
import dev.dstack.model.error.ErrorKind;
import dev.dstack.model.ids.FleetId;
import dev.dstack.model.ids.ProjectId;
import dev.dstack.model.json.Json;
import dev.dstack.model.wire.configuration.EnvValue;
import dev.dstack.model.wire.configuration.SshHost;
import dev.dstack.model.wire.configuration.SshHostName;
import dev.dstack.model.wire.configuration.SshHostParams;
import dev.dstack.model.wire.configuration.SshParams;
import dev.dstack.model.wire.configuration.SshProxyParams;
import dev.dstack.model.wire.fleet.FleetSpec;
import dev.dstack.model.wire.instance.SshKey;
import dev.dstack.workflows.fleet.FleetPlan;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * How one logs in: to hosts of fleets as their owner says, to machines of clouds with the project's
 * own key.
 */
public final class Logins {
  private static final int SSH_PORT = 22;

  private final Fleets fleets;
  private final ProjectStore projects;

  public Logins(Fleets fleets, ProjectStore projects) {
    this.fleets = fleets;
    this.projects = projects;
  }

  /**
   * @throws DstackException HOST_LOST when the fleet does not name the host any more
   */
  public SshHostSpec ofFleet(FleetId fleet, int number) {
    FleetSecrets secrets =
        fleets
            .secrets(fleet)
            .orElseThrow(
                () -> new DstackException(ErrorKind.HOST_LOST, "Fleet " + fleet + " is unknown."));
    FleetPlan plan = Json.lenient().readValue(secrets.planJson(), FleetPlan.class);
    FleetSpec spec = Json.lenient().readValue(secrets.specJson(), FleetSpec.class);
    FleetPlan.Host planned =
        plan.host(number)
            .orElseThrow(
                () ->
                    new DstackException(
                        ErrorKind.HOST_LOST,
                        "The fleet does not name the host of instance " + number + " any more."));
    SshParams common = spec.configuration().sshConfig();
    if (common == null) {
      throw new DstackException(ErrorKind.HOST_LOST, "The fleet names no hosts any more.");
    }
    for (SshHost host : common.hosts()) {
      SshHostSpec login = login(host, common, values(spec));
      if (login.hostname().equals(planned.hostname()) && login.port() == planned.port()) {
        return login;
      }
    }
    throw new DstackException(
        ErrorKind.HOST_LOST, "The fleet does not name host " + planned.hostname() + " any more.");
  }

  private static SshHostSpec login(SshHost host, SshParams common, Map<String, String> env) {
    SshHostParams own =
        switch (host) {
          case SshHostName name ->
              new SshHostParams(name.hostname(), null, null, null, null, null, null, null);
          case SshHostParams params -> params;
        };
    SshProxyParams jump = own.proxyJump() == null ? common.proxyJump() : own.proxyJump();
    return new SshHostSpec(
        own.hostname(),
        first(own.port(), common.port(), SSH_PORT),
        own.user() != null ? own.user() : common.user() != null ? common.user() : "root",
        keys(own.sshKey() == null ? common.sshKey() : own.sshKey()),
        jump == null ? null : jump(jump),
        own.internalIp(),
        common.network(),
        null,
        env);
  }

  private static SshHostSpec jump(SshProxyParams jump) {
    return new SshHostSpec(
        jump.hostname(),
        first(jump.port(), null, SSH_PORT),
        jump.user(),
        keys(jump.sshKey()),
        null,
        null,
        null,
        null,
        Map.of());
  }

  private static int first(@Nullable Integer own, @Nullable Integer common, int otherwise) {
    return own != null ? own : common != null ? common : otherwise;
  }

  private static List<PrivateKey> keys(@Nullable SshKey key) {
    String text = key == null ? null : key.privateKey();
    return text == null ? List.of() : List.of(new PrivateKey(text, null));
  }

  private static Map<String, String> values(FleetSpec spec) {
    Map<String, String> values = new LinkedHashMap<>();
    spec.configuration()
        .env()
        .entries()
        .forEach(
            (name, value) -> {
              switch (value) {
                case EnvValue.Text(String text) -> values.put(name, text);
                case EnvValue.FromCaller _ -> {
                  // The client that applied the fleet has not filled it in.
                }
              }
            });
    return values;
  }

  /** Absent when it is unknown or deleted. */
  public Optional<FleetRecord> fleet(FleetId id) {
    return fleets.get(id);
  }

  /** The name of who applied the fleet; absent where that was the server itself. */
  public Optional<String> ownerOfFleet(FleetId id) {
    return fleets.owner(id);
  }

  /** Who may log in to machines that a cloud makes for the project. */
  public List<String> authorizedKeys(ProjectId project) {
    return projects.sshKey(project).map(SshKeyPair::publicKey).map(List::of).orElse(List.of());
  }

  public SshHostSpec ofCloud(ProjectId project, SshEndpoint machine) {
    List<PrivateKey> keys =
        projects
            .sshKey(project)
            .map(pair -> List.of(new PrivateKey(pair.privateKey(), null)))
            .orElse(List.of());
    return login(machine, keys);
  }

  private static SshHostSpec login(SshEndpoint machine, List<PrivateKey> keys) {
    SshEndpoint jump = machine.proxyJump();
    return new SshHostSpec(
        machine.hostname(),
        machine.port(),
        machine.user(),
        keys,
        jump == null ? null : login(jump, keys),
        // The provider knows it; whether an interface has it does not matter.
        null,
        null,
        null,
        Map.of());
  }
}
