package dev.dstack.agent.runner;

import dev.dstack.agent.AgentLog;
import dev.dstack.agent.Durable;
import dev.dstack.model.agent.NodesRequest;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import org.jspecify.annotations.Nullable;

/** What the nodes of one replica need to work together: the hostfile, and logins to each other. */
final class NodeLogins {
  private static final String KEY = "dstack_job";
  private static final String NODES = "dstack_nodes";

  private NodeLogins() {}

  static Path hostfile(Path io) {
    return io.resolve(IoFiles.HOSTFILE);
  }

  /**
   * @param key with which one logs in to the other nodes; absent: only the hostfile is made
   */
  static void prepare(
      NodesRequest nodes, @Nullable String key, Account account, Path io, AgentLog log)
      throws IOException {
    Durable.write(
        hostfile(io), nodes.hostfile().getBytes(StandardCharsets.UTF_8), "rw-r--r--", false);
    if (key == null) {
      return;
    }
    Path ssh = Path.of(account.home()).resolve(".ssh");
    try {
      if (!Files.isDirectory(ssh)) {
        Files.createDirectories(
            ssh,
            PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
      }
      write(ssh.resolve(KEY), key.endsWith("\n") ? key : key + "\n");
      write(ssh.resolve(NODES), config(nodes, ssh.resolve(KEY), account));
      include(ssh.resolve("config"));
      log.info("the other nodes can be reached by their addresses with ssh");
    } catch (IOException e) {
      // Work that does not log in to other nodes is done all the same.
      log.warn("logins to the other nodes could not be prepared in " + ssh, e);
    }
  }

  /** The nodes are reached by their key alone; their host keys are made anew with each job. */
  private static String config(NodesRequest nodes, Path key, Account account) {
    StringBuilder config = new StringBuilder();
    for (NodesRequest.Node node : nodes.nodes()) {
      config
          .append("Host ")
          .append(node.address())
          .append("\n  Port ")
          .append(node.sshPort())
          .append("\n  User ")
          .append(account.name())
          .append("\n  IdentityFile ")
          .append(key)
          .append(
              """

                IdentitiesOnly yes
                StrictHostKeyChecking no
                UserKnownHostsFile /dev/null
                LogLevel ERROR
              """);
    }
    return config.toString();
  }

  /** First, because of all settings for a host the first ones count. */
  private static void include(Path config) throws IOException {
    String line = "Include " + NODES + "\n";
    String before = Files.exists(config) ? Files.readString(config) : "";
    if (!before.startsWith(line)) {
      write(config, line + before);
    }
  }

  private static void write(Path file, String content) throws IOException {
    Durable.write(file, content.getBytes(StandardCharsets.UTF_8), "rw-------", false);
  }
}
