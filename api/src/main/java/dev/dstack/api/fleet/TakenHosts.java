package dev.dstack.api.fleet;

import dev.dstack.api.auth.ProjectAccess;
import dev.dstack.db.views.FleetReader;
import dev.dstack.model.config.SpecProblem;
import dev.dstack.model.json.Json;
import dev.dstack.model.wire.configuration.SshHost;
import dev.dstack.model.wire.configuration.SshHostParams;
import dev.dstack.model.wire.configuration.SshParams;
import dev.dstack.model.wire.configuration.SshProxyParams;
import dev.dstack.model.wire.fleet.FleetSpec;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * A host belongs to one fleet. Said when it is applied, as far as it is known by then; the host
 * itself refuses a second owner for certain.
 */
final class TakenHosts {
  /**
   * Where the server gets when it logs in: one private address behind two proxies is two hosts.
   *
   * @param proxy absent: it is reached directly
   */
  private record Address(String hostname, int port, @Nullable String proxy) {
    private static final int SSH_PORT = 22;

    static Address of(SshParams fleet, SshHost host) {
      Integer port = host instanceof SshHostParams own ? own.port() : null;
      SshProxyParams proxy = host instanceof SshHostParams own ? own.proxyJump() : null;
      return new Address(
          host.hostname(),
          port(port == null ? fleet.port() : port),
          proxy(proxy == null ? fleet.proxyJump() : proxy));
    }

    private static int port(@Nullable Integer port) {
      return port == null ? SSH_PORT : port;
    }

    private static @Nullable String proxy(@Nullable SshProxyParams proxy) {
      return proxy == null ? null : proxy.hostname() + ":" + port(proxy.port());
    }

    static Set<Address> all(FleetSpec spec) {
      SshParams fleet = spec.configuration().sshConfig();
      return fleet == null
          ? Set.of()
          : fleet.hosts().stream().map(host -> of(fleet, host)).collect(Collectors.toSet());
    }
  }

  private TakenHosts() {}

  static List<SpecProblem> problems(FleetReader fleets, FleetSpec spec, ProjectAccess access) {
    if (spec.configuration().sshConfig() == null) {
      return List.of();
    }
    Set<Address> wanted = Address.all(spec);
    List<SpecProblem> problems = new ArrayList<>();
    for (FleetReader.OfHosts other : fleets.ofHosts()) {
      boolean near = other.project().equals(access.id());
      if (near && other.name().equals(spec.configuration().name())) {
        continue;
      }
      Address.all(Json.lenient().readValue(other.specJson(), FleetSpec.class)).stream()
          .filter(wanted::contains)
          .forEach(
              host ->
                  problems.add(
                      new SpecProblem(
                          "ssh_config.hosts",
                          "names "
                              + host.hostname()
                              + ", which "
                              + (near ? "fleet '" + other.name() + "'" : "another project's fleet")
                              + " has already")));
    }
    return problems;
  }
}
