package dev.dstack.e2e.bench;

import dev.dstack.e2e.harness.Await;
import dev.dstack.e2e.harness.Command;
import dev.dstack.e2e.harness.ServerProcess;
import java.io.IOException;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** OpenSSH's server on this machine, for comparison: set up by us, ended by us. */
final class OpenSsh implements AutoCloseable {
  private static final Path PROGRAM = Path.of("/usr/sbin/sshd");

  private final Process process;
  private final SshPeer peer;

  private OpenSsh(Process process, SshPeer peer) {
    this.process = process;
    this.peer = peer;
  }

  static OpenSsh start(Path directory, Path key) throws IOException {
    if (!Files.isExecutable(PROGRAM)) {
      throw new AssertionError("openssh-server is not installed");
    }
    Files.createDirectories(Path.of("/run/sshd"));
    Path home = Files.createDirectories(directory.resolve("openssh"));
    Path hostKey = home.resolve("host_key");
    Files.deleteIfExists(hostKey);
    new Command(List.of("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", hostKey.toString()))
        .run()
        .ok();
    String publicKey =
        new Command(List.of("ssh-keygen", "-y", "-f", key.toString())).run().ok().out();
    Path authorized = Files.writeString(home.resolve("authorized_keys"), publicKey);
    int port = ServerProcess.freePort();
    Path config =
        Files.writeString(
            home.resolve("sshd_config"),
            """
            Port %d
            ListenAddress 127.0.0.1
            HostKey %s
            AuthorizedKeysFile %s
            PidFile none
            StrictModes no
            UsePAM no
            PermitRootLogin yes
            Subsystem sftp internal-sftp
            """
                .formatted(port, hostKey, authorized));
    Process process =
        new ProcessBuilder(PROGRAM.toString(), "-D", "-e", "-f", config.toString())
            .redirectErrorStream(true)
            .redirectOutput(home.resolve("log").toFile())
            .start();
    Path none = Files.writeString(home.resolve("client_config"), "");
    SshPeer peer = new SshPeer(System.getProperty("user.name"), "127.0.0.1", port, key, none);
    OpenSsh server = new OpenSsh(process, peer);
    Await.until(
        "OpenSSH's server listens",
        Scene.LONG,
        () -> {
          try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), port)) {
            return socket.isConnected();
          }
        },
        () -> ServerProcess.tail(home.resolve("log"), 1000));
    return server;
  }

  SshPeer peer() {
    return peer;
  }

  @Override
  public void close() {
    process.descendants().forEach(ProcessHandle::destroy);
    process.destroy();
  }
}
