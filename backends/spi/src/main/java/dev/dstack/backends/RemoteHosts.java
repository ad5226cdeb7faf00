package dev.dstack.backends;

import dev.dstack.model.agent.HostInfo;
import java.net.URI;
import java.util.List;
import java.util.Optional;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * Machines that are logged in to, to install the host agent there and to talk to it. Found by
 * {@link java.util.ServiceLoader}. Every call may be repeated.
 *
 * <p>Failures are {@link dev.dstack.model.error.DstackException}s: AGENT_UNREACHABLE and NOT_READY
 * may be tried again; FORBIDDEN, AGENT_REFUSED and INVALID_SPEC say what a person has to mend.
 */
public interface RemoteHosts extends AutoCloseable {
  /**
   * How a host is reached and whose it is.
   *
   * @param host with keys
   * @param keys what it and those before it have shown
   */
  record Access(SshHostSpec host, HostKeys keys, Owner owner) {}

  /**
   * Whose a host is.
   *
   * @param deployment the installation of this server
   * @param instance its id
   * @param name for people
   */
  record Owner(String deployment, String instance, String name) {}

  /**
   * An agent that answers.
   *
   * @param port on the host's loopback
   * @param internalIp what other hosts call this one; absent: it has no private address
   * @param network of that address, in CIDR notation
   */
  record Installed(
      int port,
      String token,
      HostInfo info,
      @Nullable String internalIp,
      @Nullable String network) {
    /** As its own host sees it; {@link RemoteHosts#reach} leads there. */
    public AgentAddress address() {
      return new AgentAddress(URI.create("http://127.0.0.1:" + port), token);
    }

    @Override
    public String toString() {
      return "Installed[" + port + ", token=***, " + info + "]";
    }
  }

  /**
   * Brings the host to where an agent of this server's version answers; one that is there and as it
   * should be is left alone, and its tasks survive whatever is done to it.
   *
   * @param isAlive whether another instance of this deployment, by its id, still has its machine
   * @param touching called before something of ours comes onto the host; what it throws is thrown
   */
  Installed install(Access access, Predicate<String> isAlive, Runnable touching);

  /** The agent that runs there now, whatever version it is; nothing is changed. */
  Optional<Installed> find(Access access);

  /**
   * Where the agent answers for this process.
   *
   * @param there as its own host sees it
   */
  AgentAddress reach(Access access, AgentAddress there);

  /** After a call that was not answered: a connection that carries nothing is given up. */
  void doubt(Access access);

  /**
   * Lets these keys log in as the host's own user until they are withdrawn, so that one gets
   * through it to a job.
   *
   * @param label letters, digits and hyphens
   * @param publicKeys lines as in {@code authorized_keys}
   */
  void authorize(Access access, String label, List<String> publicKeys);

  /** Unknown is success. */
  void withdraw(Access access, String label);

  /** Ends every task and the agent and deletes everything of ours. */
  void remove(Access access);

  /** The connection to the host of this instance is not needed any more. */
  void disconnect(String instance);

  @Override
  void close();
}
