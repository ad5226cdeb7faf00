package dev.dstack.agent.host;

import java.net.InterfaceAddress;
import java.net.NetworkInterface;
import java.net.SocketException;
import java.util.ArrayList;
import java.util.List;

/** By what addresses other hosts may reach this one. */
public final class HostAddresses {
  /** Names of interfaces that lead to containers and virtual machines, not to other hosts. */
  private static final List<String> INNER =
      List.of("docker", "br-", "veth", "virbr", "cni", "flannel", "cali", "podman", "lxc", "lxd");

  private HostAddresses() {}

  /** Such as {@code 10.0.0.5/24}, those of IP version 4 first. */
  public static List<String> own() {
    List<String> four = new ArrayList<>();
    List<String> six = new ArrayList<>();
    try {
      for (NetworkInterface link : NetworkInterface.networkInterfaces().toList()) {
        boolean inner = INNER.stream().anyMatch(prefix -> link.getName().startsWith(prefix));
        if (inner || link.isLoopback() || !link.isUp()) {
          continue;
        }
        for (InterfaceAddress address : link.getInterfaceAddresses()) {
          if (address.getAddress().isLinkLocalAddress()) {
            continue;
          }
          String ip = address.getAddress().getHostAddress();
          int scope = ip.indexOf('%');
          String text =
              (scope < 0 ? ip : ip.substring(0, scope)) + "/" + address.getNetworkPrefixLength();
          (ip.contains(":") ? six : four).add(text);
        }
      }
    } catch (SocketException e) {
      // A host that does not know its interfaces is still good for runs on one node.
      return List.of();
    }
    four.addAll(six);
    return four;
  }
}
