package dev.dstack.cli.apply;

import dev.dstack.cli.Cli;
import dev.dstack.cli.CliException;
import dev.dstack.cli.Programs;
import dev.dstack.cli.data.Doc;
import dev.dstack.model.config.PrivateKeys;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * {@code ssh_config} of a fleet with the keys that its {@code identity_file}s name: the server
 * reaches the hosts, not this machine.
 */
final class HostKeys {
  private final Cli cli;
  private final Path home;
  private final Map<Path, KeyPassphrase.Opened> opened = new HashMap<>();

  HostKeys(Cli cli) {
    this.cli = cli;
    String named = cli.env().get("HOME");
    home = Path.of(named == null ? System.getProperty("user.home") : named);
  }

  Map<String, @Nullable Object> fill(Doc ssh) {
    Map<String, @Nullable Object> filled = holder(ssh);
    List<@Nullable Object> hosts = new ArrayList<>();
    for (Doc host : ssh.get("hosts").items()) {
      hosts.add(host.isObject() ? holder(host) : host.value());
    }
    if (ssh.get("hosts").isList()) {
      filled.put("hosts", hosts);
    }
    return filled;
  }

  private Map<String, @Nullable Object> holder(Doc holder) {
    Map<String, @Nullable Object> filled = new LinkedHashMap<>();
    holder.fields().forEach((field, value) -> filled.put(field, value.value()));
    String file = holder.get("identity_file").text();
    if (file != null) {
      filled.put("ssh_key", key(file));
    }
    Doc jump = holder.get("proxy_jump");
    if (jump.isObject()) {
      filled.put("proxy_jump", holder(jump));
    }
    return filled;
  }

  private Map<String, @Nullable Object> key(String written) {
    Path file =
        written.startsWith("~/") ? home.resolve(written.substring(2)) : cli.cwd().resolve(written);
    Map<String, @Nullable Object> key = new LinkedHashMap<>();
    try {
      if (!Files.exists(file)) {
        throw CliException.failure("identity_file: there is no file " + file + ".");
      }
      String text = Files.readString(file);
      if (PrivateKeys.isProtected(text)) {
        // Hosts mostly share a file; nobody wants to be asked for each.
        KeyPassphrase.Opened open = opened.computeIfAbsent(file, new KeyPassphrase(cli)::open);
        key.put("public", open.publicPart());
        key.put("private", open.privatePart());
        return key;
      }
      key.put("public", publicKey(file));
      key.put("private", text);
    } catch (IOException e) {
      throw CliException.failure("identity_file: " + file + " can't be read: " + e, e);
    }
    return key;
  }

  private String publicKey(Path file) throws IOException {
    Path beside = Path.of(file + ".pub");
    if (Files.exists(beside)) {
      return Files.readString(beside).strip();
    }
    Path program = Programs.find("ssh-keygen", cli.env());
    if (program == null) {
      throw CliException.failure(
          "identity_file: there is no "
              + beside
              + ", and no ssh-keygen in the path that could make the public key of "
              + file
              + ".");
    }
    Process process =
        new ProcessBuilder(program.toString(), "-y", "-P", "", "-f", file.toString())
            .redirectErrorStream(true)
            .start();
    try {
      process.getOutputStream().close();
      String out =
          new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
      if (!process.waitFor(10, TimeUnit.SECONDS) || process.exitValue() != 0) {
        throw CliException.failure(
            "identity_file: "
                + file
                + " is no private key that can be read without a passphrase: "
                + out);
      }
      return out;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw CliException.failure("Interrupted while reading " + file + ".");
    } finally {
      process.destroyForcibly();
    }
  }
}
