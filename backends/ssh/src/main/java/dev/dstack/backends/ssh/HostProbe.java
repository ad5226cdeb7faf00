package dev.dstack.backends.ssh;

import dev.dstack.backends.ssh.HostConnection.Ran;
import dev.dstack.model.error.DstackException;
import dev.dstack.model.error.ErrorKind;
import dev.dstack.model.json.Json;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;

/**
 * What a host said when it was looked at.
 *
 * @param machine the kind of its processor, as its kernel says
 * @param freeMib on the disk where the agent lives; negative: not known
 * @param owner whose agent is there, as {@link HostInstaller} writes it; empty: nobody's
 * @param launched what the agent there was started from
 * @param agent absent: none runs
 */
record HostProbe(
    String os,
    String machine,
    long epochSeconds,
    long freeMib,
    String owner,
    String launched,
    List<String> runtimes,
    @Nullable Running agent) {

  /** An agent that runs. */
  record Running(int port, String token) {}

  /**
   * @param host for the words of an error
   */
  static HostProbe of(String host, Ran ran) {
    Map<String, String> said = answers(ran);
    if (!said.containsKey("root")) {
      throw noRoot(host, ran);
    }
    List<String> runtimes = new ArrayList<>();
    for (String line : ran.out().lines().toList()) {
      if (line.startsWith(HostScripts.ANSWER + "runtime=")) {
        runtimes.add(line.substring((HostScripts.ANSWER + "runtime=").length()));
      }
    }
    return new HostProbe(
        said.getOrDefault("os", ""),
        said.getOrDefault("machine", ""),
        number(said.getOrDefault("time", "0")),
        free(said.getOrDefault("disk", "")),
        said.getOrDefault("owner", ""),
        said.getOrDefault("launched", ""),
        runtimes,
        agent(said));
  }

  /** Whatever else a login prints does not matter. */
  static Map<String, String> answers(Ran ran) {
    Map<String, String> said = new HashMap<>();
    for (String line : ran.out().lines().toList()) {
      int equals = line.indexOf('=');
      if (line.startsWith(HostScripts.ANSWER) && equals > 0) {
        said.put(line.substring(HostScripts.ANSWER.length(), equals), line.substring(equals + 1));
      }
    }
    return said;
  }

  static @Nullable Running agent(Map<String, String> said) {
    String announcement = said.get("agent");
    String token = said.get("token");
    if (announcement == null || token == null || token.isBlank()) {
      return null;
    }
    try {
      JsonNode json = Json.lenient().readTree(announcement);
      int port = json.path("port").asInt(0);
      return port > 0 && port < 65_536 ? new Running(port, token.strip()) : null;
    } catch (JacksonException e) {
      return null;
    }
  }

  private static DstackException noRoot(String host, Ran ran) {
    String words = (ran.err() + "\n" + ran.out()).strip();
    boolean sudo = words.contains("sudo");
    String shown = words.substring(0, Math.min(300, words.length())).replace('\n', ' ');
    return new DstackException(
        ErrorKind.FORBIDDEN,
        sudo
            ? "The host agent needs root on "
                + host
                + ", and its user can't become root by sudo without a password (it said: "
                + shown
                + "). Log in as root, or allow it: USER ALL=(ALL) NOPASSWD: ALL in /etc/sudoers.d."
            : "The login on "
                + host
                + " works, but no commands can be run there"
                + (shown.isEmpty() ? "." : "; it said: " + shown));
  }

  private static long free(String df) {
    String[] fields = df.strip().split("\\s+");
    return fields.length < 4 ? -1 : number(fields[3]) / 1024;
  }

  private static long number(String text) {
    try {
      return Long.parseLong(text.strip());
    } catch (NumberFormatException e) {
      return -1;
    }
  }
}
