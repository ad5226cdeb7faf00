package dev.dstack.cli.repo;

import dev.dstack.cli.Cli;
import dev.dstack.cli.CliException;
import dev.dstack.cli.data.Doc;
import dev.dstack.cli.data.Yaml;
import java.io.File;
import java.io.IOException;
import java.lang.ProcessBuilder.Redirect;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What opens a repo to a clone on another machine. Tried in the order of dstack's client: nothing
 * at all, a key, a token, the keys that OpenSSH would use here, the token of GitHub's command line.
 * Git's own settings and helpers are left out: a host of a run does not have them.
 */
final class RepoCredentials {
  private static final String NOWHERE = "/dev/null";

  private final GitRepo repo;
  private final Cli cli;

  RepoCredentials(GitRepo repo, Cli cli) {
    this.repo = repo;
    this.cli = cli;
  }

  /**
   * @param identity the file of a private key that was given
   * @param privateKey one that the server remembers
   * @param token one that was given, or that the server remembers
   * @return the {@code repo_creds} of the API
   */
  Map<String, @Nullable Object> find(
      @Nullable Path identity, @Nullable String privateKey, @Nullable String token) {
    if (opensByHttps(null)) {
      return credentials(true, null, null);
    }
    try {
      if (identity != null || privateKey != null) {
        Path file = identity == null ? Git.secretFile(String.valueOf(privateKey)) : identity;
        if (opensByKey(file)) {
          return credentials(false, Files.readString(file), null);
        }
        throw refused(
            identity == null ? "the key that the server remembers" : "the key " + identity);
      }
      if (token != null) {
        if (opensByHttps(token)) {
          return credentials(true, null, token);
        }
        throw refused("the token");
      }
      for (Path file : ownKeys()) {
        if (opensByKey(file)) {
          return credentials(false, Files.readString(file), null);
        }
      }
      String github = githubToken();
      if (github != null && opensByHttps(github)) {
        return credentials(true, null, github);
      }
    } catch (IOException e) {
      throw CliException.failure("A key for the repo can't be read: " + e.getMessage(), e);
    }
    throw CliException.failure(
        "Nothing here opens the Git repo "
            + repo.cloneUrl(true)
            + ".\nPass --token TOKEN or --git-identity FILE.");
  }

  private CliException refused(String what) {
    return CliException.failure(
        "The Git repo "
            + repo.cloneUrl(true)
            + " does not open with "
            + what
            + ".\nPass a valid --token TOKEN or --git-identity FILE.");
  }

  private Map<String, @Nullable Object> credentials(
      boolean https, @Nullable String key, @Nullable String token) {
    Map<String, @Nullable Object> credentials = new LinkedHashMap<>();
    credentials.put("clone_url", repo.cloneUrl(https));
    credentials.put("private_key", key);
    credentials.put("oauth_token", token);
    return credentials;
  }

  private boolean opensByHttps(@Nullable String token) {
    Map<String, String> env = alone();
    if (token != null) {
      // Not in the URL, where other users of this machine could read it.
      String basic =
          Base64.getEncoder()
              .encodeToString(("anything:" + token).getBytes(StandardCharsets.UTF_8));
      env.put("GIT_CONFIG_COUNT", "1");
      env.put("GIT_CONFIG_KEY_0", "http.extraHeader");
      env.put("GIT_CONFIG_VALUE_0", "Authorization: Basic " + basic);
    }
    return opens(repo.cloneUrl(true), env);
  }

  private boolean opensByKey(Path file) {
    Map<String, String> env = alone();
    env.put(
        "GIT_SSH_COMMAND",
        "ssh -F none -i \""
            + file
            + "\" -o BatchMode=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null"
            + " -o IdentitiesOnly=yes -o IdentityAgent=none -o ConnectTimeout=10");
    return opens(repo.cloneUrl(false), env);
  }

  private boolean opens(String url, Map<String, String> env) {
    return Git.in(null, env, cli).ask("-c", "credential.helper=", "ls-remote", url, "HEAD") != null;
  }

  private static Map<String, String> alone() {
    Map<String, String> env = new LinkedHashMap<>();
    env.put("GIT_ASKPASS", "");
    env.put("SSH_ASKPASS", "");
    env.put("GIT_CONFIG_SYSTEM", NOWHERE);
    env.put("GIT_CONFIG_GLOBAL", NOWHERE);
    env.put("GIT_DIR", NOWHERE);
    return env;
  }

  /** Without a passphrase, in OpenSSH's order; its own settings are asked. */
  private List<Path> ownKeys() throws IOException {
    List<Path> keys = new ArrayList<>();
    Process ssh;
    try {
      ssh =
          new ProcessBuilder("ssh", "-G", repo.host())
              .redirectInput(Redirect.from(new File(NOWHERE)))
              .redirectError(Redirect.DISCARD)
              .start();
    } catch (IOException e) {
      return keys; // no OpenSSH here
    }
    String said = new String(ssh.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    for (String line : said.lines().toList()) {
      if (line.startsWith("identityfile ")) {
        String name = line.substring("identityfile ".length());
        Path file = name.startsWith("~/") ? cli.home().resolve(name.substring(2)) : Path.of(name);
        if (Files.isReadable(file) && isOpen(file)) {
          keys.add(file);
        }
      }
    }
    return keys;
  }

  private static boolean isOpen(Path file) throws IOException {
    try {
      return new ProcessBuilder("ssh-keygen", "-y", "-P", "", "-f", file.toString())
              .redirectInput(Redirect.from(new File(NOWHERE)))
              .redirectOutput(Redirect.DISCARD)
              .redirectError(Redirect.DISCARD)
              .start()
              .waitFor()
          == 0;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return false;
    }
  }

  private @Nullable String githubToken() throws IOException {
    Path hosts = cli.home().resolve(".config/gh/hosts.yml");
    if (!Files.isReadable(hosts)) {
      return null;
    }
    Doc root = Yaml.parse(hosts.toString(), Files.readString(hosts)).root();
    return root.get(repo.host()).get("oauth_token").text();
  }
}
