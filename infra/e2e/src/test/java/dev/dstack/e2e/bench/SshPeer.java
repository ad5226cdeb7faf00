package dev.dstack.e2e.bench;

import dev.dstack.e2e.harness.Command;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/** A server that files are sent to, and how its clients are called. */
record SshPeer(String user, String address, int port, Path key, Path config) {
  /** One that both servers have, so that they are compared doing the same. */
  static final String CIPHER = "aes128-gcm@openssh.com";

  private static final Duration LIMIT = Duration.ofMinutes(2);

  private List<String> options() {
    return List.of(
        "-F",
        config.toString(),
        "-i",
        key.toString(),
        "-c",
        CIPHER,
        "-o",
        "BatchMode=yes",
        "-o",
        "IdentitiesOnly=yes",
        "-o",
        "StrictHostKeyChecking=no",
        "-o",
        "UserKnownHostsFile=/dev/null",
        "-o",
        "LogLevel=ERROR");
  }

  /** Seconds. */
  double sftp(String order) {
    List<String> command = new ArrayList<>(List.of("sftp", "-q"));
    command.addAll(options());
    command.addAll(List.of("-b", "-", "-P", Integer.toString(port), user + "@" + address));
    return seconds(new Command(command).input(order + "\n"));
  }

  /** Seconds. */
  double rsync(Path file, String target) {
    String ssh = "ssh " + String.join(" ", options()) + " -p " + port;
    return seconds(
        new Command(
            List.of(
                "rsync", "-W", "-e", ssh, file.toString(), user + "@" + address + ":" + target)));
  }

  Command.Result run(String order) {
    List<String> command = new ArrayList<>(List.of("ssh"));
    command.addAll(options());
    command.addAll(List.of("-p", Integer.toString(port), user + "@" + address, order));
    return new Command(command).run();
  }

  private static double seconds(Command command) {
    return command.limit(LIMIT).run().ok().took().toNanos() / 1e9;
  }
}
