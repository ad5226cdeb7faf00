package dev.dstack.cli.apply;

import dev.dstack.cli.Cli;
import dev.dstack.cli.CliException;
import dev.dstack.cli.Session;
import dev.dstack.cli.data.Doc;
import dev.dstack.cli.files.Archive;
import dev.dstack.cli.http.ApiException;
import dev.dstack.cli.term.StatusLine;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * Brings the {@code files} of a configuration to the server, each as an archive it is asked for
 * first.
 */
final class FileUploads {
  private static final long WORTH_A_WORD = 1 << 20;

  private FileUploads() {}

  private record Mapping(String local, String target) {}

  /** The {@code file_archives} of a run spec. */
  static List<Map<String, String>> upload(ConfigurationFile file, Session session, Cli cli) {
    List<Map<String, String>> archives = new ArrayList<>();
    int index = 0;
    for (Doc item : file.root().get("files").items()) {
      List<Object> place = List.of("files", index++);
      Mapping mapping = mapping(file, place, item);
      Path path = local(file, place, mapping.local(), cli);
      try (Archive archive = Archive.of(path)) {
        archives.add(Map.of("id", id(archive, path, session, cli), "path", mapping.target()));
      } catch (IOException e) {
        throw CliException.failure(
            file.place(place) + "files: can't read " + path + ": " + e.getMessage(), e);
      }
    }
    return archives;
  }

  private static Mapping mapping(ConfigurationFile file, List<Object> place, Doc item) {
    String text = item.text();
    if (text == null) {
      String local = item.get("local_path").text();
      String target = item.get("path").text();
      if (local == null || target == null) {
        throw CliException.failure(
            file.place(place) + "files: expected LOCAL, LOCAL:PATH, or local_path and path");
      }
      return new Mapping(local, target);
    }
    int colon = text.indexOf(':');
    if (colon < 0) {
      return new Mapping(text, text);
    }
    if (text.indexOf(':', colon + 1) >= 0) {
      throw CliException.failure(
          file.place(place) + "files: `" + text + "` has more than one colon; expected LOCAL:PATH");
    }
    return new Mapping(text.substring(0, colon), text.substring(colon + 1));
  }

  private static Path local(ConfigurationFile file, List<Object> place, String local, Cli cli) {
    Path path =
        local.equals("~")
            ? cli.home()
            : local.startsWith("~/")
                ? cli.home().resolve(local.substring(2))
                : file.directory().resolve(local);
    path = path.toAbsolutePath().normalize();
    if (!Files.exists(path)) {
      throw CliException.failure(file.place(place) + "files: there is no " + path);
    }
    return path;
  }

  private static String id(Archive archive, Path path, Session session, Cli cli)
      throws IOException {
    try {
      Doc known =
          session.api().post("/api/files/get_archive_by_hash", Map.of("hash", archive.hash()));
      return known.get("id").text("");
    } catch (ApiException e) {
      if (!e.isNotFound()) {
        throw e;
      }
    }
    long size = Files.size(archive.file());
    try (StatusLine status = new StatusLine(cli.terminal())) {
      if (size > WORTH_A_WORD) {
        status.show("Uploading " + path + " (" + (size >> 20) + " MB)");
      }
      return session
          .api()
          .upload("/api/files/upload_archive", archive.hash(), archive.file())
          .get("id")
          .text("");
    }
  }
}
