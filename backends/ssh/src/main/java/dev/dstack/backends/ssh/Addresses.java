package dev.dstack.backends.ssh;

import dev.dstack.backends.SshHostSpec;
import dev.dstack.model.error.DstackException;
import dev.dstack.model.error.ErrorKind;
import java.math.BigInteger;
import java.net.InetAddress;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What other hosts call a host.
 *
 * @param network of the address, in CIDR notation
 */
record Addresses(@Nullable String internalIp, @Nullable String network) {
  /**
   * The address that its owner names, else the one in the network that they name, else the one it
   * is logged in to, else its first private one.
   *
   * @param own of the host, such as {@code 10.0.0.5/24}
   * @throws DstackException INVALID_SPEC when the host has no such address
   */
  static Addresses of(SshHostSpec host, List<String> own) {
    String wanted = host.internalIp();
    String network = host.network();
    if (wanted != null) {
      for (String address : own) {
        if (ip(address).equals(wanted)) {
          return new Addresses(wanted, network == null ? subnet(address) : network);
        }
      }
      throw invalid(host, "its internal_ip " + wanted + " is none of its addresses", own);
    }
    if (network != null) {
      for (String address : own) {
        if (isIn(ip(address), network)) {
          return new Addresses(ip(address), network);
        }
      }
      throw invalid(host, "it has no address in the network " + network, own);
    }
    for (String address : own) {
      if (ip(address).equals(host.hostname())) {
        return new Addresses(ip(address), subnet(address));
      }
    }
    for (String address : own) {
      if (!ip(address).contains(":") && InetAddress.ofLiteral(ip(address)).isSiteLocalAddress()) {
        return new Addresses(ip(address), subnet(address));
      }
    }
    return new Addresses(null, null);
  }

  private static DstackException invalid(SshHostSpec host, String problem, List<String> own) {
    return new DstackException(
        ErrorKind.INVALID_SPEC,
        "Host "
            + HostConnection.name(host)
            + ": "
            + problem
            + (own.isEmpty() ? "." : ", which are " + String.join(", ", own) + "."));
  }

  private static String ip(String address) {
    int slash = address.indexOf('/');
    return slash < 0 ? address : address.substring(0, slash);
  }

  private static String subnet(String address) {
    int slash = address.indexOf('/');
    if (slash < 0) {
      return address;
    }
    byte[] bytes = InetAddress.ofLiteral(ip(address)).getAddress();
    int bits = Integer.parseInt(address.substring(slash + 1));
    for (int i = 0; i < bytes.length * 8; i++) {
      if (i >= bits) {
        bytes[i / 8] &= (byte) ~(1 << (7 - i % 8));
      }
    }
    try {
      return InetAddress.getByAddress(bytes).getHostAddress() + address.substring(slash);
    } catch (java.net.UnknownHostException e) {
      throw new IllegalStateException(e);
    }
  }

  static boolean isIn(String ip, String network) {
    int slash = network.indexOf('/');
    try {
      byte[] a = InetAddress.ofLiteral(ip).getAddress();
      byte[] b =
          InetAddress.ofLiteral(slash < 0 ? network : network.substring(0, slash)).getAddress();
      if (a.length != b.length) {
        return false;
      }
      int bits = slash < 0 ? a.length * 8 : Integer.parseInt(network.substring(slash + 1));
      int rest = a.length * 8 - bits;
      return new BigInteger(1, a).shiftRight(rest).equals(new BigInteger(1, b).shiftRight(rest));
    } catch (IllegalArgumentException e) {
      return false;
    }
  }
}
