package dev.dstack.backends.ssh;

import dev.dstack.backends.AgentAddress;
import dev.dstack.backends.RemoteHosts;
import java.net.http.HttpClient;
import java.time.Duration;
import java.time.InstantSource;
import java.util.List;
import java.util.Optional;
import java.util.function.Predicate;

/** Found by ServiceLoader. */
public final class SshHosts implements RemoteHosts {
  private static final Duration ANSWER_WITHIN = Duration.ofSeconds(5);

  private final SshConnections connections = new SshConnections();
  private final HttpClient http =
      HttpClient.newBuilder()
          .version(HttpClient.Version.HTTP_1_1)
          .connectTimeout(ANSWER_WITHIN)
          .build();
  private final HostInstaller installer = new HostInstaller(InstantSource.system(), http);

  @Override
  public Installed install(Access access, Predicate<String> isAlive, Runnable touching) {
    return installer.install(to(access), access.host(), access.owner(), isAlive, touching);
  }

  @Override
  public Optional<Installed> find(Access access) {
    return installer.find(to(access), access.host(), access.owner());
  }

  @Override
  public AgentAddress reach(Access access, AgentAddress there) {
    return new AgentAddress(to(access).tunnel(there.uri().getPort()), there.token());
  }

  @Override
  public void doubt(Access access) {
    to(access).answers(ANSWER_WITHIN);
  }

  @Override
  public void authorize(Access access, String label, List<String> publicKeys) {
    installer.authorize(to(access), label, publicKeys);
  }

  @Override
  public void withdraw(Access access, String label) {
    installer.authorize(to(access), label, List.of());
  }

  @Override
  public void remove(Access access) {
    installer.remove(to(access), access.owner());
  }

  @Override
  public void disconnect(String instance) {
    connections.close(instance);
  }

  private HostConnection to(Access access) {
    return connections.to(access.owner().instance(), access.host(), access.keys());
  }

  @Override
  public void close() {
    connections.close();
    http.close();
  }
}
