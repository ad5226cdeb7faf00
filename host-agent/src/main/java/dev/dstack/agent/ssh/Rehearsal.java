package dev.dstack.agent.ssh;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.KeyPair;
import java.time.Duration;
import java.util.EnumSet;
import java.util.List;
import org.apache.sshd.client.SshClient;
import org.apache.sshd.client.channel.ChannelExec;
import org.apache.sshd.client.channel.ChannelSubsystem;
import org.apache.sshd.client.channel.ClientChannel;
import org.apache.sshd.client.channel.ClientChannelEvent;
import org.apache.sshd.client.keyverifier.AcceptAllServerKeyVerifier;
import org.apache.sshd.client.session.ClientSession;
import org.apache.sshd.common.cipher.BuiltinCiphers;
import org.apache.sshd.common.config.keys.KeyUtils;
import org.apache.sshd.common.config.keys.PublicKeyEntry;

/**
 * Somebody who logs in while the cache of classes is being made, so that the first person who does
 * it later does not wait for classes to be loaded.
 */
public final class Rehearsal {
  private static final Duration PATIENCE = Duration.ofSeconds(60);

  private final KeyPair key;

  public Rehearsal() throws IOException {
    try {
      key = KeyUtils.generateKeyPair("ssh-ed25519", 256);
    } catch (GeneralSecurityException e) {
      throw new IOException("no key could be made", e);
    }
  }

  /** To be among the server's authorized keys. */
  public String publicKey() {
    return PublicKeyEntry.toString(key.getPublic());
  }

  /** A command, one on a terminal, and a list of files. */
  public void logIn(int port) throws IOException {
    try (SshClient client = SshClient.setUpDefaultClient()) {
      client.setServerKeyVerifier(AcceptAllServerKeyVerifier.INSTANCE);
      client.setCipherFactories(List.of(BuiltinCiphers.aes128gcm));
      client.start();
      try (ClientSession session =
          client.connect("root", "127.0.0.1", port).verify(PATIENCE).getSession()) {
        session.addPublicKeyIdentity(key);
        session.auth().verify(PATIENCE);
        ChannelExec command = session.createExecChannel("true");
        await(command);
        ChannelExec onTerminal = session.createExecChannel("true");
        onTerminal.setUsePty(true);
        await(onTerminal);
        ChannelSubsystem files = session.createSubsystemChannel("sftp");
        // Version, then the real path of the start.
        byte[] ask = {0, 0, 0, 5, 1, 0, 0, 0, 3, 0, 0, 0, 10, 16, 0, 0, 0, 1, 0, 0, 0, 1, '.'};
        files.setIn(new ByteArrayInputStream(ask));
        await(files);
      }
    }
  }

  private static void await(ClientChannel channel) throws IOException {
    try (channel;
        ByteArrayOutputStream out = new ByteArrayOutputStream()) {
      channel.setOut(out);
      channel.setErr(out);
      channel.open().verify(PATIENCE);
      if (channel
          .waitFor(EnumSet.of(ClientChannelEvent.CLOSED), PATIENCE)
          .contains(ClientChannelEvent.TIMEOUT)) {
        throw new IOException("a session does not end: " + out.toString(StandardCharsets.UTF_8));
      }
    }
  }
}
