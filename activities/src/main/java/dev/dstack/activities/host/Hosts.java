package dev.dstack.activities.host;

import dev.dstack.backends.AgentAddress;
import dev.dstack.backends.HostKeys;
import dev.dstack.backends.RemoteHosts;
import dev.dstack.backends.RemoteHosts.Access;
import dev.dstack.backends.RemoteHosts.Installed;
import dev.dstack.backends.RemoteHosts.Owner;
import dev.dstack.backends.SshHostSpec;
import dev.dstack.db.records.HostKeyPins;
import dev.dstack.db.records.InstanceMachine;
import dev.dstack.db.records.InstanceMachines;
import dev.dstack.model.error.DstackException;
import dev.dstack.model.error.ErrorKind;
import dev.dstack.model.ids.InstanceId;
import dev.dstack.model.ids.JobId;
import dev.dstack.model.json.Json;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.ServiceLoader;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/** The machines of this installation that are logged in to. */
public final class Hosts implements AutoCloseable {
  private final @Nullable RemoteHosts remote;
  private final InstanceMachines machines;
  private final HostKeyPins pins;
  private final Logins logins;
  private final String deployment;

  /**
   * What stands in the records of how to log in.
   *
   * @param scope within which an address means one host
   * @param name of the instance
   */
  public record Login(UUID scope, String name, SshHostSpec host) {
    String json() {
      return Json.lenient().writeValueAsString(this);
    }

    static Login of(String json) {
      return Json.lenient().readValue(json, Login.class);
    }

    /**
     * @throws DstackException NOT_READY when nobody has noted down how to log in
     */
    public static Login of(InstanceMachine machine) {
      return login(machine).orElseThrow(() -> noLogin(machine));
    }
  }

  /**
   * @param remote absent: this server can't log in to machines
   */
  public Hosts(
      @Nullable RemoteHosts remote,
      InstanceMachines machines,
      HostKeyPins pins,
      Logins logins,
      String deployment) {
    this.remote = remote;
    this.machines = machines;
    this.pins = pins;
    this.logins = logins;
    this.deployment = deployment;
  }

  /** What is on the classpath. */
  public static @Nullable RemoteHosts remote() {
    return ServiceLoader.load(RemoteHosts.class).findFirst().orElse(null);
  }

  public Logins logins() {
    return logins;
  }

  /** From the records; absent: nobody logs in to it. */
  static Optional<Login> login(InstanceMachine machine) {
    return Optional.ofNullable(machine.accessJson()).map(Login::of);
  }

  /** As soon as something of ours may be on the host the records say so. */
  public Installed install(InstanceMachine machine) {
    return remotely()
        .install(
            access(machine, Login.of(machine)),
            instance -> machines.current(InstanceId.of(instance)).isPresent(),
            () -> touch(machine));
  }

  private void touch(InstanceMachine machine) {
    if (!machines.touch(machine.instance(), machine.attempt())) {
      throw new DstackException(
          ErrorKind.HOST_LOST,
          "Instance " + machine.instance() + " was given up while its host was set up.");
    }
  }

  /** The agent that runs there now. */
  public Optional<Installed> find(InstanceMachine machine) {
    Login login = Login.of(machine);
    Access access = access(machine, login);
    remotely().doubt(access);
    return remotely().find(access);
  }

  /**
   * Where this worker reaches the agent.
   *
   * @param there as its own host sees it
   */
  AgentAddress reach(InstanceMachine machine, Login login, AgentAddress there) {
    return remotely().reach(access(machine, login), there);
  }

  /**
   * Removes everything of ours from a host. One on which nothing ever was is not even called: it
   * may be an address that nobody has, or a host that does not let us in.
   */
  public void remove(InstanceMachine machine) {
    Optional<Login> login = login(machine);
    if (login.isPresent() && machine.touched()) {
      remotely().remove(access(machine, login.get()));
      if (machine.agentToken() != null) {
        // It was ours and worked: whoever names it again vouches for it anew.
        forgetKey(login.get());
      }
    }
    disconnect(machine.instance());
  }

  /**
   * The instance has ended, and be it by the word of a person that its machine is gone: nobody logs
   * in there for it any more, and the host may be named again.
   */
  public void ended(InstanceId instance) {
    machines
        .current(instance)
        .ifPresent(
            machine -> {
              login(machine).ifPresent(this::forgetKey);
              machines.terminated(machine.instance(), machine.attempt());
              disconnect(instance);
            });
  }

  private void forgetKey(Login login) {
    pins.forget(login.scope(), address(login.host()));
  }

  public void disconnect(InstanceId instance) {
    RemoteHosts hosts = remote;
    if (hosts != null) {
      hosts.disconnect(instance.toString());
    }
  }

  /** Whoever may log in to the job may go through its host until the job is removed. */
  public void authorize(InstanceMachine machine, JobId job, List<String> keys) {
    Login login = login(machine).orElse(null);
    if (login != null && !keys.isEmpty()) {
      remotely().authorize(access(machine, login), job.toString(), keys);
    }
  }

  public void withdraw(InstanceMachine machine, JobId job) {
    Login login = login(machine).orElse(null);
    if (login != null) {
      remotely().withdraw(access(machine, login), job.toString());
    }
  }

  /** For every job on the machine. */
  static Map<String, String> env(InstanceMachine machine) {
    return login(machine).map(login -> login.host().env()).orElse(Map.of());
  }

  static InstanceMachine with(
      InstanceMachine machine, @Nullable String accessJson, boolean touched) {
    return new InstanceMachine(
        machine.instance(),
        machine.attempt(),
        machine.project(),
        machine.backend(),
        machine.providerId(),
        machine.hostname(),
        machine.agentUri(),
        machine.agentToken(),
        machine.offerJson(),
        accessJson,
        touched);
  }

  private Access access(InstanceMachine machine, Login login) {
    return new Access(
        login.host(),
        new HostKeys() {
          @Override
          public Optional<String> pinned(String address) {
            return pins.get(login.scope(), address);
          }

          @Override
          public String pin(String address, String key) {
            return pins.pin(login.scope(), address, key);
          }
        },
        new Owner(deployment, machine.instance().toString(), login.name()));
  }

  private static String address(SshHostSpec host) {
    return host.hostname() + ":" + host.port();
  }

  private RemoteHosts remotely() {
    RemoteHosts hosts = remote;
    if (hosts == null) {
      throw new DstackException(
          ErrorKind.BACKEND_DENIED, "This server was built without hosts over SSH.");
    }
    return hosts;
  }

  private static DstackException noLogin(InstanceMachine machine) {
    return new DstackException(
        ErrorKind.NOT_READY,
        "How to log in to the machine of instance " + machine.instance() + " is not known yet.");
  }

  @Override
  public void close() {
    RemoteHosts hosts = remote;
    if (hosts != null) {
      hosts.close();
    }
  }
}
