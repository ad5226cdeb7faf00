package dev.dstack.model.wire.configuration;

import dev.dstack.model.json.InvalidFieldException;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** Addresses by which hosts of a fleet reach each other; a public one would be a mistake. */
final class PrivateAddresses {
  /** Digits only, so that nothing is ever looked up. */
  private static final Pattern LITERAL = Pattern.compile("[0-9.]+|[0-9a-fA-F:.]*:[0-9a-fA-F:.]*");

  private PrivateAddresses() {}

  static void checkAddress(String field, @Nullable String text) {
    if (text != null && !isPrivate(parse(field, text))) {
      throw new InvalidFieldException(field, "it is not a private address: " + text);
    }
  }

  static void checkNetwork(String field, @Nullable String text) {
    if (text == null) {
      return;
    }
    String[] parts = text.split("/", -1);
    InetAddress address = parse(field, parts[0]);
    boolean hasMask = parts.length == 2 && parts[1].matches("\\d{1,3}|\\d+\\.\\d+\\.\\d+\\.\\d+");
    if (parts.length > 2 || (parts.length == 2 && !hasMask)) {
      throw new InvalidFieldException(field, "write it as address/bits: " + text);
    }
    if (!isPrivate(address)) {
      throw new InvalidFieldException(field, "it is not a private network: " + text);
    }
  }

  private static InetAddress parse(String field, String text) {
    if (!LITERAL.matcher(text).matches()
        || (!text.contains(":") && text.split("\\.", -1).length != 4)) {
      throw new InvalidFieldException(field, "it is not an IP address: " + text);
    }
    try {
      return InetAddress.getByName(text);
    } catch (UnknownHostException e) {
      throw new InvalidFieldException(field, "it is not an IP address: " + text);
    }
  }

  private static boolean isPrivate(InetAddress address) {
    boolean isUniqueLocal =
        address.getAddress().length == 16 && (address.getAddress()[0] & 0xfe) == 0xfc;
    return address.isSiteLocalAddress()
        || address.isLoopbackAddress()
        || address.isLinkLocalAddress()
        || isUniqueLocal;
  }
}
