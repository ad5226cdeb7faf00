package dev.dstack.server;

import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Everything a server process is told from outside: flags first, then the environment, then
 * defaults.
 *
 * @param url the address people and jobs use; differs from host and port behind a proxy
 * @param adminToken absent: the one in the database, or a new one at the first start
 * @param databaseUrl absent: the embedded PostgreSQL
 * @param temporalAddress absent: the embedded Temporal
 * @param updateClientConfig absent: only when there is no other default project
 * @param localBeyondLoopback whether jobs may run on this machine although others can reach the
 *     server
 */
public record ServerOptions(
    Role role,
    String host,
    int port,
    String url,
    Path home,
    Path serverDir,
    @Nullable String adminToken,
    @Nullable String databaseUrl,
    @Nullable String temporalAddress,
    String temporalNamespace,
    TemporalTls temporalTls,
    boolean configDisabled,
    @Nullable Boolean updateClientConfig,
    boolean localBeyondLoopback,
    String logLevel,
    String logFormat) {

  /** How to reach a Temporal that is not on this machine; all absent for a plain connection. */
  public record TemporalTls(
      @Nullable Path caFile,
      @Nullable Path certificateFile,
      @Nullable Path keyFile,
      @Nullable String serverName,
      @Nullable String apiKey) {
    boolean secured() {
      return caFile != null || certificateFile != null || apiKey != null;
    }

    @Override
    public String toString() {
      return "TemporalTls[secured=" + secured() + "]";
    }
  }

  /** The flags of {@code dstack server}; absent ones fall back to the environment. */
  record Flags(
      @Nullable String host,
      @Nullable Integer port,
      @Nullable String token,
      @Nullable Role role,
      @Nullable String logLevel,
      @Nullable Boolean updateClientConfig) {}

  static ServerOptions of(Flags flags, Map<String, String> env, Path home) {
    String host = first(flags.host(), env.get("DSTACK_SERVER_HOST"), "127.0.0.1");
    int port =
        flags.port() != null
            ? flags.port()
            : port("DSTACK_SERVER_PORT", env.getOrDefault("DSTACK_SERVER_PORT", "3000"));
    Role role = flags.role();
    if (role == null) {
      role = isSet(env, "DSTACK_SERVER_BACKGROUND_PROCESSING_DISABLED") ? Role.API : Role.ALL;
    }
    String serverDir = env.get("DSTACK_SERVER_DIR");
    String shownHost = host.equals("0.0.0.0") || host.equals("::") ? "127.0.0.1" : host;
    return new ServerOptions(
        role,
        host,
        port,
        first(null, env.get("DSTACK_SERVER_URL"), "http://" + shownHost + ":" + port),
        home,
        serverDir == null || serverDir.isBlank()
            ? home.resolve(".dstack/server")
            : Path.of(serverDir).toAbsolutePath().normalize(),
        blankToNull(flags.token() != null ? flags.token() : env.get("DSTACK_SERVER_ADMIN_TOKEN")),
        blankToNull(env.get("DSTACK_DATABASE_URL")),
        blankToNull(env.get("TEMPORAL_ADDRESS")),
        first(null, env.get("TEMPORAL_NAMESPACE"), "dstack"),
        new TemporalTls(
            path(env.get("TEMPORAL_TLS_CA")),
            path(env.get("TEMPORAL_TLS_CERT")),
            path(env.get("TEMPORAL_TLS_KEY")),
            blankToNull(env.get("TEMPORAL_TLS_SERVER_NAME")),
            blankToNull(env.get("TEMPORAL_API_KEY"))),
        isSet(env, "DSTACK_SERVER_CONFIG_DISABLED"),
        flags.updateClientConfig(),
        isSet(env, "DSTACK_SERVER_ALLOW_LOCAL"),
        first(flags.logLevel(), env.get("DSTACK_SERVER_LOG_LEVEL"), "INFO")
            .toUpperCase(Locale.ROOT),
        first(null, env.get("DSTACK_SERVER_LOG_FORMAT"), "standard").toLowerCase(Locale.ROOT));
  }

  /** Whether only this machine can reach the server. */
  boolean loopbackOnly() {
    try {
      return InetAddress.getByName(host).isLoopbackAddress();
    } catch (UnknownHostException e) {
      throw new StartupException(
          "--host " + host + " is not an address of this machine: " + e.getMessage());
    }
  }

  Path configFile() {
    return serverDir.resolve("config.yml");
  }

  private static int port(String name, String text) {
    try {
      int port = Integer.parseInt(text.strip());
      if (port >= 0 && port <= 65_535) {
        return port;
      }
    } catch (NumberFormatException e) {
      // Said below, together with a number out of range.
    }
    throw new StartupException(
        name + " is \"" + text + "\"; it must be a port number from 0 to 65535.");
  }

  private static boolean isSet(Map<String, String> env, String name) {
    String value = env.get(name);
    return value != null
        && !value.isBlank()
        && !value.equals("0")
        && !value.equalsIgnoreCase("false");
  }

  private static String first(@Nullable String flag, @Nullable String variable, String otherwise) {
    if (flag != null && !flag.isBlank()) {
      return flag;
    }
    return variable != null && !variable.isBlank() ? variable : otherwise;
  }

  private static @Nullable String blankToNull(@Nullable String text) {
    return text == null || text.isBlank() ? null : text;
  }

  private static @Nullable Path path(@Nullable String text) {
    return text == null || text.isBlank() ? null : Path.of(text);
  }
}
