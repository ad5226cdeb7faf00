package dev.dstack.agent.repo;

import dev.dstack.agent.Durable;
import dev.dstack.model.agent.RepoRequest;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyPair;
import java.security.PublicKey;
import java.util.ArrayList;
import java.util.List;
import org.apache.sshd.common.NamedResource;
import org.apache.sshd.common.util.security.SecurityUtils;
import org.eclipse.jgit.api.TransportCommand;
import org.eclipse.jgit.errors.UnsupportedCredentialItem;
import org.eclipse.jgit.transport.CredentialItem;
import org.eclipse.jgit.transport.CredentialsProvider;
import org.eclipse.jgit.transport.SshTransport;
import org.eclipse.jgit.transport.URIish;
import org.eclipse.jgit.transport.sshd.ServerKeyDatabase;
import org.eclipse.jgit.transport.sshd.SshdSessionFactory;
import org.eclipse.jgit.transport.sshd.SshdSessionFactoryBuilder;
import org.jspecify.annotations.Nullable;

/** The user's credentials, given to the repository's own host and to no other. */
final class RepoAccess implements AutoCloseable {
  private final Path directory;
  private final SshdSessionFactory ssh;
  private final CredentialsProvider token;

  private RepoAccess(Path directory, SshdSessionFactory ssh, CredentialsProvider token) {
    this.directory = directory;
    this.ssh = ssh;
    this.token = token;
  }

  static RepoAccess of(String url, RepoRequest.@Nullable Credentials credentials)
      throws IOException, RepoException {
    String privateKey = credentials == null ? null : credentials.privateKey();
    String token = credentials == null ? null : credentials.token();
    List<KeyPair> keys = privateKey == null ? List.of() : keys(privateKey);
    Path directory = Files.createTempDirectory("repo-ssh");
    SshdSessionFactoryBuilder builder =
        new SshdSessionFactoryBuilder()
            .setPreferredAuthentications("publickey")
            .setServerKeyDatabase((_, _) -> new AnyHost())
            .setConnectorFactory(null);
    if (privateKey != null) {
      builder
          .setHomeDirectory(directory.toFile())
          .setSshDirectory(directory.toFile())
          .setConfigFile(_ -> null)
          .setDefaultIdentities(_ -> List.of())
          .setDefaultKeysProvider(_ -> keys);
    } else {
      Path home = Path.of(System.getProperty("user.home", "/"));
      builder.setHomeDirectory(home.toFile()).setSshDirectory(home.resolve(".ssh").toFile());
    }
    return new RepoAccess(
        directory, builder.build(null), new TokenForHost(RepoWords.host(url), token));
  }

  private static List<KeyPair> keys(String privateKey) throws RepoException {
    try {
      Iterable<KeyPair> loaded =
          SecurityUtils.loadKeyPairIdentities(
              null,
              NamedResource.ofName("private key of the repository"),
              new ByteArrayInputStream(privateKey.getBytes(StandardCharsets.UTF_8)),
              null);
      List<KeyPair> keys = new ArrayList<>();
      if (loaded != null) {
        loaded.forEach(keys::add);
      }
      if (keys.isEmpty()) {
        throw new RepoException("repos: the private key of the repository is not a private key");
      }
      return keys;
    } catch (IOException | GeneralSecurityException e) {
      throw new RepoException(
          "repos: the private key of the repository can't be used (is it protected by a"
              + " passphrase?): "
              + RepoWords.of(e),
          e);
    }
  }

  void configure(TransportCommand<?, ?> command) {
    command.setCredentialsProvider(token);
    command.setTransportConfigCallback(
        transport -> {
          if (transport instanceof SshTransport overSsh) {
            overSsh.setSshSessionFactory(ssh);
          }
        });
  }

  @Override
  public void close() throws IOException {
    ssh.close();
    Durable.removeTree(directory);
  }

  /** Hosts are not known in a fresh container; the user's key tells them nothing. */
  private static final class AnyHost implements ServerKeyDatabase {
    @Override
    public List<PublicKey> lookup(
        String address, InetSocketAddress remote, Configuration configuration) {
      return List.of();
    }

    @Override
    public boolean accept(
        String address,
        InetSocketAddress remote,
        PublicKey key,
        Configuration configuration,
        @Nullable CredentialsProvider provider) {
      return true;
    }
  }

  private static final class TokenForHost extends CredentialsProvider {
    private final String host;
    private final @Nullable String token;

    TokenForHost(String host, @Nullable String token) {
      this.host = host;
      this.token = token;
    }

    @Override
    public boolean isInteractive() {
      return false;
    }

    @Override
    public boolean supports(CredentialItem... items) {
      return true;
    }

    @Override
    public boolean get(URIish uri, CredentialItem... items) throws UnsupportedCredentialItem {
      if (token == null || !host.equals(uri.getHost())) {
        return false;
      }
      for (CredentialItem item : items) {
        switch (item) {
          // Hosts take any name with a token.
          case CredentialItem.Username name -> name.setValue("anything");
          case CredentialItem.Password password -> password.setValue(token.toCharArray());
          case CredentialItem.StringType text when text.isValueSecure() -> text.setValue(token);
          default -> {
            return false;
          }
        }
      }
      return true;
    }
  }
}
