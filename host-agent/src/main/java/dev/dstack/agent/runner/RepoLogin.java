package dev.dstack.agent.runner;

import dev.dstack.agent.AgentLog;
import dev.dstack.model.agent.RepoRequest;
import java.io.IOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;

/**
 * The credentials of the repository where its user's own tools look for them, so that one can push
 * from the task. What the image has there already stays.
 */
final class RepoLogin {
  private RepoLogin() {}

  static void offer(RepoRequest request, Account account, AgentLog log) {
    RepoRequest.Credentials credentials = request.credentials();
    String url = request.url();
    if (credentials == null || url == null) {
      return;
    }
    Path home = Path.of(account.home());
    try {
      String key = credentials.privateKey();
      String token = credentials.token();
      if (key != null) {
        write(home.resolve(".ssh/id_rsa"), key.endsWith("\n") ? key : key + "\n");
      } else if (token != null) {
        String host = URI.create(url).getHost();
        if (host != null) {
          write(
              home.resolve(".config/gh/hosts.yml"), host + ":\n  oauth_token: \"" + token + "\"\n");
        }
      }
    } catch (FileAlreadyExistsException e) {
      log.info("the credentials of the repository are not offered: there is " + e.getMessage());
    } catch (IOException | IllegalArgumentException e) {
      log.warn("the credentials of the repository could not be offered", e);
    }
  }

  private static void write(Path file, String content) throws IOException {
    Path directory = file.getParent();
    if (directory != null && !Files.isDirectory(directory)) {
      Files.createDirectories(
          directory,
          PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
    }
    Files.createFile(
        file, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
    Files.writeString(file, content, StandardCharsets.UTF_8, StandardOpenOption.WRITE);
  }
}
