package dev.dstack.cli.apply;

import dev.dstack.cli.Cli;
import dev.dstack.cli.CliException;
import dev.dstack.cli.Programs;
import dev.dstack.cli.attach.Attachment;
import dev.dstack.cli.attach.PortMapping;
import dev.dstack.cli.spec.Args;
import java.io.File;
import java.io.IOException;
import java.lang.ProcessBuilder.Redirect;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** What {@code apply} and {@code attach} are told of the connection. */
public record AttachOptions(Attachment.Options attachment) {

  public static AttachOptions of(Args args, Cli cli, List<PortMapping> overrides) {
    String identity = args.text("--ssh-identity");
    return new AttachOptions(
        new Attachment.Options(
            identity == null ? null : privateKey(expanded(identity, cli)),
            args.text("--host", "localhost"),
            overrides));
  }

  /** The public key to submit a run with; null for the one the server keeps. */
  @Nullable String publicKey(Cli cli) {
    Path identity = attachment.identity();
    if (identity == null) {
      return null;
    }
    Path beside = identity.resolveSibling(identity.getFileName() + ".pub");
    try {
      return Files.isRegularFile(beside)
          ? Files.readString(beside).strip()
          : derived(identity, cli);
    } catch (IOException e) {
      throw CliException.failure("Can't read the key " + beside + ": " + e.getMessage(), e);
    }
  }

  private static String derived(Path identity, Cli cli) throws IOException {
    Path tool = Programs.find("ssh-keygen", cli.env());
    if (tool == null) {
      throw CliException.failure(
          "There is no " + identity + ".pub, and no `ssh-keygen` here to make it.");
    }
    Process process =
        new ProcessBuilder(tool.toString(), "-y", "-P", "", "-f", identity.toString())
            .redirectInput(Redirect.from(new File("/dev/null")))
            .redirectError(Redirect.DISCARD)
            .start();
    String key = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    try {
      if (process.waitFor() == 0 && !key.isBlank()) {
        return key.strip();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    throw CliException.failure(
        identity
            + " is no private key that can be read without a passphrase, and there is no "
            + identity
            + ".pub.");
  }

  private static Path privateKey(Path file) {
    String text;
    try {
      text = Files.readString(file, StandardCharsets.ISO_8859_1);
    } catch (IOException e) {
      throw CliException.failure("Can't read the key " + file + ": " + e.getMessage(), e);
    }
    if (!text.contains("PRIVATE KEY-----")) {
      throw CliException.failure(file + " is no private key.");
    }
    return file;
  }

  private static Path expanded(String file, Cli cli) {
    return file.startsWith("~/") ? cli.home().resolve(file.substring(2)) : cli.cwd().resolve(file);
  }
}
