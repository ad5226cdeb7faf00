package dev.dstack.cli.attach;

import dev.dstack.cli.CliException;
import dev.dstack.cli.data.Doc;
import java.io.IOException;
import java.net.BindException;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Local ports that stand for ports of a job, held from the moment they are promised until the
 * tunnel takes them.
 */
public final class PortsLock implements AutoCloseable {
  /** Where a job serves its own output. */
  public static final int LOGS = 10_999;

  private static final int LAST = 65_535;

  private final Map<Integer, Integer> ports;
  private final List<ServerSocket> held;

  private PortsLock(Map<Integer, Integer> ports, List<ServerSocket> held) {
    this.ports = ports;
    this.held = held;
  }

  /**
   * The ports a job offers, and the one of its output.
   *
   * @param overrides of ports that the job offers
   */
  public static PortsLock forJob(Doc jobSpec, List<PortMapping> overrides) {
    Map<Integer, PortMapping> wanted = new LinkedHashMap<>();
    for (Doc app : jobSpec.get("app_specs").items()) {
      int port = (int) app.get("port").integer(0);
      int local = (int) app.get("map_to_port").integer(0);
      wanted.put(port, new PortMapping(port, local == 0 ? null : (Integer) local));
    }
    for (PortMapping override : overrides) {
      if (!wanted.containsKey(override.container())) {
        throw CliException.failure(
            "The run has no port "
                + override.container()
                + (wanted.isEmpty()
                    ? "; it has none."
                    : "; it has "
                        + String.join(", ", wanted.keySet().stream().map(String::valueOf).toList())
                        + "."));
      }
      wanted.put(override.container(), override);
    }
    wanted.put(LOGS, new PortMapping(LOGS, null));
    return acquire(List.copyOf(wanted.values()));
  }

  /**
   * @throws CliException when a local port that was asked for is in use
   */
  public static PortsLock acquire(List<PortMapping> wanted) {
    Map<Integer, Integer> ports = new LinkedHashMap<>();
    wanted.forEach(mapping -> ports.put(mapping.container(), 0)); // keeps the order
    List<ServerSocket> held = new ArrayList<>();
    Set<Integer> taken = new HashSet<>();
    boolean whole = false;
    try {
      for (PortMapping mapping : wanted) {
        Integer local = mapping.local();
        if (local != null) {
          ServerSocket socket = taken.add(local) ? listen(local) : null;
          if (socket == null) {
            throw busy(mapping.container(), local);
          }
          held.add(socket);
          ports.put(mapping.container(), local);
        }
      }
      for (PortMapping mapping : wanted) {
        if (mapping.local() == null) {
          ServerSocket socket = next(mapping.container(), taken);
          held.add(socket);
          taken.add(socket.getLocalPort());
          ports.put(mapping.container(), socket.getLocalPort());
        }
      }
      whole = true;
      return new PortsLock(ports, held);
    } finally {
      if (!whole) {
        held.forEach(PortsLock::release);
      }
    }
  }

  /** Ports as another process holds them. */
  static PortsLock known(Map<Integer, Integer> ports) {
    return new PortsLock(new LinkedHashMap<>(ports), new ArrayList<>());
  }

  /** Of the job → local. */
  public Map<Integer, Integer> ports() {
    return java.util.Collections.unmodifiableMap(ports);
  }

  /** From here on somebody else may take them. */
  @Override
  public void close() {
    held.forEach(PortsLock::release);
    held.clear();
  }

  private static ServerSocket next(int from, Set<Integer> taken) {
    for (int port = from; port <= LAST; port++) {
      ServerSocket socket = taken.contains(port) ? null : listen(port);
      if (socket != null) {
        return socket;
      }
    }
    throw CliException.failure("No local port from " + from + " on is free.");
  }

  private static @Nullable ServerSocket listen(int port) {
    ServerSocket socket = null;
    try {
      socket = new ServerSocket();
      socket.bind(new InetSocketAddress(port), 1);
      return socket;
    } catch (BindException e) {
      release(socket);
      return null; // in use, or only for root
    } catch (IOException e) {
      release(socket);
      throw CliException.failure(
          "The local port " + port + " can't be opened: " + e.getMessage(), e);
    }
  }

  private static void release(@Nullable ServerSocket socket) {
    try {
      if (socket != null) {
        socket.close();
      }
    } catch (IOException e) {
      // it is gone either way
    }
  }

  private static CliException busy(int container, int local) {
    return CliException.failure(
        "The local port "
            + local
            + " is in use, or not for you to open.\nChoose another for the run's port "
            + container
            + ": -p "
            + (local < LAST ? local + 1 : local - 1)
            + ":"
            + container
            + ", or -p '*:"
            + container
            + "' for any.");
  }
}
