package dev.dstack.cli.repo;

import dev.dstack.cli.CliException;
import java.math.BigInteger;
import java.net.URI;
import java.net.URISyntaxException;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * A Git repo by where it is hosted. Its id is the one dstack's own client derives, so both know a
 * repo under the same id.
 *
 * @param path with a slash at its start
 */
public record GitRepo(@Nullable String user, String host, int httpsPort, int sshPort, String path) {

  /** Whether a text is a URL of a repo and not a directory. */
  public static boolean isUrl(String text) {
    return read(text) != null;
  }

  public static GitRepo parse(String url) {
    GitRepo repo = read(url);
    if (repo == null) {
      throw CliException.failure(
          "`"
              + url
              + "` is no Git repo: expected a directory, an https:// or ssh:// URL, or user@host:path.");
    }
    return repo;
  }

  private static @Nullable GitRepo read(String url) {
    String text = url.strip();
    int colon = text.indexOf(':');
    boolean isScp =
        !text.contains("://")
            && colon > 0
            && text.lastIndexOf('@', colon) > 0
            && text.indexOf('/') != 0;
    if (isScp) {
      String rest = text.substring(colon + 1);
      text = "ssh://" + text.substring(0, colon) + (rest.startsWith("/") ? "" : "/") + rest;
    }
    try {
      URI uri = new URI(text);
      String scheme = uri.getScheme() == null ? "" : uri.getScheme().toLowerCase(Locale.ROOT);
      String host = uri.getHost();
      if (host != null && (scheme.equals("https") || scheme.equals("ssh"))) {
        boolean ssh = scheme.equals("ssh");
        String path = uri.getPath().isEmpty() ? "/" : uri.getPath();
        int port = uri.getPort() == 443 && !ssh ? -1 : uri.getPort();
        return new GitRepo(
            ssh ? uri.getUserInfo() : null,
            host.toLowerCase(Locale.ROOT),
            ssh ? -1 : port,
            ssh ? port : -1,
            path);
      }
    } catch (URISyntaxException e) {
      return null;
    }
    return null;
  }

  public String name() {
    String path = cleanPath();
    String name = path.substring(path.lastIndexOf('/') + 1);
    return name.isEmpty() ? "unknown" : name;
  }

  public String id() {
    return slug(name(), (host + cleanPath()).getBytes(StandardCharsets.UTF_8));
  }

  /** A readable name that is one of its kind. */
  static String slug(String name, byte[] key) {
    byte[] hash;
    try {
      hash = MessageDigest.getInstance("SHA-256").digest(key);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every JDK has SHA-256", e);
    }
    byte[] bigEndian = new byte[hash.length];
    for (int i = 0; i < hash.length; i++) {
      bigEndian[i] = hash[hash.length - 1 - i];
    }
    // The lowest 32 digits in base 36, of which the first eight are taken.
    String digits = new BigInteger(1, bigEndian).mod(BigInteger.valueOf(36).pow(32)).toString(36);
    String padded = "0".repeat(32 - digits.length()) + digits;
    return name + "-" + padded.substring(0, 8);
  }

  public String cloneUrl(boolean https) {
    if (https) {
      return "https://" + host + (httpsPort > 0 ? ":" + httpsPort : "") + path;
    }
    return "ssh://"
        + (user == null ? "git" : user)
        + "@"
        + host
        + (sshPort > 0 ? ":" + sshPort : "")
        + path;
  }

  private String cleanPath() {
    String clean = path;
    while (clean.endsWith("/")) {
      clean = clean.substring(0, clean.length() - 1);
    }
    return clean.endsWith(".git") ? clean.substring(0, clean.length() - 4) : clean;
  }
}
