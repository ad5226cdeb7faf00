package dev.dstack.backends.ssh;

import dev.dstack.backends.RemoteHosts.Installed;
import dev.dstack.backends.RemoteHosts.Owner;
import dev.dstack.backends.SshHostSpec;
import dev.dstack.backends.ssh.HostConnection.Ran;
import dev.dstack.model.agent.AgentProtocol;
import dev.dstack.model.agent.HostInfo;
import dev.dstack.model.error.DstackException;
import dev.dstack.model.error.ErrorKind;
import dev.dstack.model.json.Json;
import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.time.Duration;
import java.time.InstantSource;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import tools.jackson.core.JacksonException;

/**
 * Installs, upgrades, starts and removes the host agent over SSH. Every step may be repeated; an
 * agent that is as it should be is left alone, and its tasks survive whatever is done to it here
 * but the removal.
 *
 * <p>What a person has to mend is FORBIDDEN, AGENT_REFUSED or INVALID_SPEC and says what; the rest
 * is AGENT_UNREACHABLE.
 */
public final class HostInstaller {
  private static final Logger LOG = LoggerFactory.getLogger(HostInstaller.class);

  /** Where names of hosts can't be looked up, sudo waits for that. */
  private static final Duration PROBE_WITHIN = Duration.ofSeconds(45);

  private static final Duration COPY_WITHIN = Duration.ofSeconds(150);
  private static final Duration START_WITHIN = Duration.ofSeconds(60);
  private static final Duration REMOVE_WITHIN = Duration.ofSeconds(100);
  private static final Duration CALL_WITHIN = Duration.ofSeconds(10);
  private static final int CALLS = 3;

  /** Unpacked, with the cache of classes and some room for tasks. */
  private static final long NEEDED_MIB = 300;

  private static final long CLOCK_MAY_DIFFER_SECONDS = 300;

  private final InstantSource clock;
  private final HttpClient http;

  public HostInstaller(InstantSource clock, HttpClient http) {
    this.clock = clock;
    this.http = http;
  }

  /**
   * Brings the host to where an agent of this server's version answers.
   *
   * @param isAlive whether another instance of this deployment, by its id, still has its machine
   * @param touching called before something of ours comes onto the host
   */
  public Installed install(
      HostConnection connection,
      SshHostSpec host,
      Owner owner,
      Predicate<String> isAlive,
      Runnable touching) {
    HostProbe probe = probe(connection);
    checkOwner(connection, probe, owner, isAlive);
    PackedRuntime runtime = runtime(connection, probe);
    String launch = HostScripts.launch(runtime);
    HostProbe.Running running = probe.agent();
    boolean current = probe.launched().equals(launch) && probe.owner().equals(line(owner));
    if (running == null || !current) {
      checkClock(connection, probe);
      touching.run();
      if (!probe.runtimes().contains(runtime.name())) {
        copy(connection, probe, runtime);
      }
      running = start(connection, runtime, owner, launch);
    }
    Installed installed = installed(connection, host, running);
    String obstacle = installed.info().containersMissing();
    if (!installed.info().containers()) {
      throw new DstackException(
          ErrorKind.AGENT_REFUSED,
          "Host "
              + connection.name()
              + " can't run containers: "
              + (obstacle == null ? "no Docker Engine answers" : obstacle)
              + ". Install and start Docker there.");
    }
    return installed;
  }

  /** The agent that runs there now, whatever version it is; nothing is changed. */
  public Optional<Installed> find(HostConnection connection, SshHostSpec host, Owner owner) {
    HostProbe probe = probe(connection);
    HostProbe.Running running = probe.agent();
    return running == null || !probe.owner().equals(line(owner))
        ? Optional.empty()
        : Optional.of(installed(connection, host, running));
  }

  /**
   * Ends every task, the agent and what keeps it, and deletes everything of ours. A host that has
   * nothing of this owner's is left as it is.
   *
   * @throws DstackException NOT_READY when tasks have not ended yet
   */
  public void remove(HostConnection connection, Owner owner) {
    HostProbe probe = probe(connection);
    if (!probe.owner().isEmpty() && !probe.owner().equals(line(owner))) {
      LOG.info(
          "{} is of instance {} now; nothing of {} is left to remove",
          connection.name(),
          probe.owner(),
          owner.name());
      return;
    }
    Ran ran = connection.run(HostScripts.remove(), null, REMOVE_WITHIN);
    if (!ran.succeeded()) {
      throw new DstackException(
          ErrorKind.NOT_READY,
          "The host agent of "
              + connection.name()
              + " could not be removed yet: "
              + words(ran, "its tasks have not ended"));
    }
    LOG.info("the host agent of {} is removed", connection.name());
  }

  /** As it stands on the host. */
  private static String line(Owner owner) {
    return owner.deployment() + " " + owner.instance() + " " + owner.name();
  }

  private static Optional<Owner> owner(String line) {
    String[] words = line.strip().split(" ", 3);
    return words.length == 3
        ? Optional.of(new Owner(words[0], words[1], words[2]))
        : Optional.empty();
  }

  /** Replaces the keys of this label in the file of whoever is logged in. */
  public void authorize(HostConnection connection, String label, List<String> publicKeys) {
    Ran ran = connection.run(HostScripts.authorize(label, publicKeys), null, PROBE_WITHIN);
    if (!ran.succeeded()) {
      throw refused(
          connection, "its authorized_keys can't be changed: " + words(ran, "it does not say why"));
    }
  }

  private static HostProbe probe(HostConnection connection) {
    return HostProbe.of(connection.name(), connection.run(HostScripts.probe(), null, PROBE_WITHIN));
  }

  private static void checkOwner(
      HostConnection connection, HostProbe probe, Owner owner, Predicate<String> isAlive) {
    Owner there = owner(probe.owner()).orElse(null);
    if (there == null || line(there).equals(line(owner))) {
      return;
    }
    if (!there.deployment().equals(owner.deployment())) {
      throw new DstackException(
          ErrorKind.AGENT_REFUSED,
          "Host "
              + connection.name()
              + " is used by another dstack server, as instance "
              + there.name()
              + ". Delete it there first; if that server is no more, end its agent and delete "
              + HostScripts.HOME
              + " on the host.");
    }
    if (isAlive.test(there.instance())) {
      throw new DstackException(
          ErrorKind.AGENT_REFUSED,
          "Host "
              + connection.name()
              + " is in use already, as instance "
              + there.name()
              + ". A host can be in one fleet only.");
    }
    // Left behind by an instance that was given up; nothing of it may go on under a new name.
    Ran ran = connection.run(HostScripts.clear(), null, REMOVE_WITHIN);
    if (!ran.succeeded()) {
      throw new DstackException(
          ErrorKind.NOT_READY,
          "What instance "
              + there.name()
              + " has left on "
              + connection.name()
              + " could not be ended yet: "
              + words(ran, "its tasks run"));
    }
  }

  private static PackedRuntime runtime(HostConnection connection, HostProbe probe) {
    if (!probe.os().equals("Linux")) {
      throw refused(connection, "its system is " + probe.os() + "; the host agent needs Linux");
    }
    try {
      return PackedRuntime.of(probe.machine());
    } catch (DstackException e) {
      throw refused(connection, String.valueOf(e.getMessage()));
    }
  }

  /** Nothing here depends on the host's clock, but registries and users' programs do. */
  private void checkClock(HostConnection connection, HostProbe probe) {
    long ahead = probe.epochSeconds() - clock.instant().getEpochSecond();
    if (Math.abs(ahead) > CLOCK_MAY_DIFFER_SECONDS) {
      LOG.warn(
          "the clock of {} is {} s {}; certificates and pulls of images may fail there",
          connection.name(),
          Math.abs(ahead),
          ahead > 0 ? "ahead" : "behind");
    }
  }

  private static void copy(HostConnection connection, HostProbe probe, PackedRuntime runtime) {
    if (probe.freeMib() >= 0 && probe.freeMib() < NEEDED_MIB) {
      throw refused(
          connection,
          "its disk is full: "
              + probe.freeMib()
              + " MiB are free for "
              + HostScripts.HOME
              + ", at least "
              + NEEDED_MIB
              + " MiB are needed");
    }
    try (InputStream in = Files.newInputStream(runtime.file())) {
      Ran ran = connection.run(HostScripts.unpack(runtime), in, COPY_WITHIN);
      if (!ran.succeeded()) {
        boolean full = ran.err().contains("No space left") || ran.err().contains("quota exceeded");
        throw refused(
            connection,
            full
                ? "its disk is full: the host agent could not be unpacked to " + HostScripts.HOME
                : "the host agent could not be unpacked: " + words(ran, "it was damaged"));
      }
    } catch (IOException e) {
      throw refused(connection, "the packed host agent can't be read on this server: " + e);
    }
  }

  private static HostProbe.Running start(
      HostConnection connection, PackedRuntime runtime, Owner owner, String launch) {
    Ran ran = connection.run(HostScripts.start(runtime, line(owner), launch), null, START_WITHIN);
    Map<String, String> said = HostProbe.answers(ran);
    HostProbe.Running running = HostProbe.agent(said);
    if (!ran.succeeded() || running == null) {
      throw refused(connection, "the host agent does not start: " + words(ran, "it says nothing"));
    }
    return running;
  }

  private Installed installed(
      HostConnection connection, SshHostSpec host, HostProbe.Running running) {
    URI tunnel = connection.tunnel(running.port());
    HostInfo info = info(connection, tunnel, running.token());
    Addresses addresses = Addresses.of(host, info.addresses());
    return new Installed(
        running.port(), running.token(), info, addresses.internalIp(), addresses.network());
  }

  private HostInfo info(HostConnection connection, URI tunnel, String token) {
    HttpRequest request =
        HttpRequest.newBuilder(tunnel.resolve(AgentProtocol.PREFIX + "/info"))
            .header("Authorization", "Bearer " + token)
            .timeout(CALL_WITHIN)
            .build();
    IOException last = null;
    for (int call = 0; call < CALLS; call++) {
      try {
        HttpResponse<byte[]> response = http.send(request, BodyHandlers.ofByteArray());
        if (response.statusCode() != 200) {
          throw notOurs(connection, "it answered " + response.statusCode(), null);
        }
        HostInfo info = Json.lenient().readValue(response.body(), HostInfo.class);
        if (info == null || info.resources() == null) {
          throw notOurs(connection, "its answer says nothing of the host", null);
        }
        return info;
      } catch (JacksonException e) {
        throw notOurs(connection, "its answer is no host's description", e);
      } catch (IOException e) {
        last = e;
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new DstackException(
            ErrorKind.AGENT_UNREACHABLE, "The call to the host agent was given up.", e);
      }
    }
    throw new DstackException(
        ErrorKind.AGENT_UNREACHABLE,
        "The host agent of "
            + connection.name()
            + " does not answer through the SSH connection: "
            + HostConnection.reason(Objects.requireNonNull(last))
            + ". Forwarding has to be allowed by the host's sshd (AllowTcpForwarding).",
        last);
  }

  private static DstackException notOurs(
      HostConnection connection, String what, @Nullable Exception cause) {
    return new DstackException(
        ErrorKind.AGENT_REFUSED,
        "What listens at the host agent's port of "
            + connection.name()
            + " is no host agent of this version: "
            + what
            + ".",
        cause);
  }

  private static DstackException refused(HostConnection connection, String why) {
    return new DstackException(
        ErrorKind.AGENT_REFUSED, "Host " + connection.name() + " can't be used: " + why + ".");
  }

  private static String words(Ran ran, String otherwise) {
    List<String> lines = ran.err().lines().filter(line -> !line.isBlank()).toList();
    String text = String.join(" ", lines.subList(Math.max(0, lines.size() - 4), lines.size()));
    return text.isBlank()
        ? otherwise + (ran.status() == null ? "" : " (status " + ran.status() + ")")
        : text.substring(0, Math.min(400, text.length()));
  }
}
