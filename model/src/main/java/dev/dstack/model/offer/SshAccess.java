package dev.dstack.model.offer;

import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * How one logs in to a machine, as it stands in {@link Offer#backendData}. Nothing secret.
 *
 * @param proxy the machine through which this one is reached
 * @param internalIp what other machines of its network call it
 * @param network of that address, in CIDR notation
 */
public record SshAccess(
    String user,
    int port,
    @Nullable Proxy proxy,
    @Nullable String internalIp,
    @Nullable String network) {
  private static final String USER = "ssh_user";
  private static final String PORT = "ssh_port";
  private static final String PROXY = "ssh_proxy";
  private static final String INTERNAL_IP = "internal_ip";
  private static final String NETWORK = "network";

  /** The last one before the machine. */
  public record Proxy(String user, String hostname, int port) {}

  /** Absent: nobody logs in to the machines of this offer. */
  public static @Nullable SshAccess of(Offer offer) {
    Map<String, String> data = offer.backendData();
    String user = data.get(USER);
    if (user == null) {
      return null;
    }
    return new SshAccess(
        user,
        Integer.parseInt(data.getOrDefault(PORT, "22")),
        proxy(data.get(PROXY)),
        data.get(INTERNAL_IP),
        data.get(NETWORK));
  }

  private static @Nullable Proxy proxy(@Nullable String text) {
    if (text == null) {
      return null;
    }
    int at = text.indexOf('@');
    int colon = text.lastIndexOf(':');
    return new Proxy(
        text.substring(0, at),
        text.substring(at + 1, colon),
        Integer.parseInt(text.substring(colon + 1)));
  }

  /** The same offer, which says so. */
  public Offer in(Offer offer) {
    Map<String, String> data = new LinkedHashMap<>(offer.backendData());
    data.put(USER, user);
    data.put(PORT, Integer.toString(port));
    Proxy before = proxy;
    if (before != null) {
      data.put(PROXY, before.user() + "@" + before.hostname() + ":" + before.port());
    }
    if (internalIp != null) {
      data.put(INTERNAL_IP, internalIp);
    }
    if (network != null) {
      data.put(NETWORK, network);
    }
    return new Offer(
        offer.backend(),
        offer.instanceType(),
        offer.region(),
        offer.resources(),
        offer.price(),
        offer.availability(),
        data,
        offer.zones());
  }
}
