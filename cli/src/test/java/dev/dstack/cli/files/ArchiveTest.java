package dev.dstack.cli.files;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ArchiveTest {
  @TempDir Path directory;
  private Path root;

  @BeforeEach
  void tree() throws IOException {
    root = Files.createDirectory(directory.resolve("src"));
    write("a.txt", "alpha");
    write("run.sh", "#!/bin/sh\n");
    Files.setPosixFilePermissions(
        root.resolve("run.sh"), PosixFilePermissions.fromString("rwxr-xr-x"));
    write("sub/b.txt", "beta");
    write("sub/keep.log", "kept");
    write("noise.log", "x");
    write("build/out.o", "x");
    write(".hidden", "h");
    write(".git/config", "x");
    write("secret/key", "x");
    write(".gitignore", "*.log\n/build/\n");
    write("sub/.gitignore", "!keep.log\n");
    write(".dstackignore", "secret\n");
  }

  private void write(String name, String text) throws IOException {
    Path file = root.resolve(name);
    Files.createDirectories(file.getParent());
    Files.writeString(file, text);
  }

  private void sameTimes() throws IOException {
    try (Stream<Path> all = Files.walk(root)) {
      for (Path path : all.toList()) {
        Files.setLastModifiedTime(path, FileTime.from(Instant.ofEpochSecond(1_700_000_000)));
      }
    }
  }

  /** Names with type and mode, read from the headers. */
  private static List<String> entries(Path tar) throws IOException {
    byte[] bytes = Files.readAllBytes(tar);
    List<String> entries = new ArrayList<>();
    for (int at = 0; at < bytes.length && bytes[at] != 0; ) {
      String name = text(bytes, at, 100);
      int size = Integer.parseInt(text(bytes, at + 124, 12).strip(), 8);
      char type = (char) bytes[at + 156];
      String link = text(bytes, at + 157, 100);
      entries.add(type + " " + name + (link.isEmpty() ? "" : " -> " + link));
      at += 512 + (size + 511) / 512 * 512;
    }
    return entries;
  }

  private static String text(byte[] bytes, int at, int length) {
    int end = at;
    while (end < at + length && bytes[end] != 0) {
      end++;
    }
    return new String(bytes, at, end - at, StandardCharsets.UTF_8);
  }

  @Test
  void holdsWhatIgnoreFilesLeave() throws IOException {
    try (Archive archive = Archive.of(root)) {
      assertThat(entries(archive.file()))
          .containsExactly(
              "5 src/",
              "0 src/.dstackignore",
              "0 src/.gitignore",
              "0 src/.hidden",
              "0 src/a.txt",
              "0 src/run.sh",
              "5 src/sub/",
              "0 src/sub/.gitignore",
              "0 src/sub/b.txt",
              "0 src/sub/keep.log");
    }
  }

  @Test
  void isTheSameForTheSameFiles() throws IOException {
    sameTimes();
    String first;
    try (Archive archive = Archive.of(root)) {
      first = archive.hash();
    }
    Path elsewhere = Files.createDirectory(directory.resolve("elsewhere"));
    Files.move(root, elsewhere.resolve("src"));
    root = elsewhere.resolve("src");
    sameTimes();
    try (Archive archive = Archive.of(root)) {
      assertThat(archive.hash()).isEqualTo(first);
    }
    write("a.txt", "changed");
    sameTimes();
    try (Archive archive = Archive.of(root)) {
      assertThat(archive.hash()).isNotEqualTo(first);
    }
  }

  @Test
  void oneFileIsAnArchiveOfOne() throws IOException {
    try (Archive archive = Archive.of(root.resolve("noise.log"))) {
      assertThat(entries(archive.file())).containsExactly("0 noise.log");
    }
  }

  @Test
  void linksInsideStayAndLinksOutsideBecomeFiles() throws IOException {
    Files.writeString(directory.resolve("outside.txt"), "out");
    Files.createSymbolicLink(root.resolve("sub/in"), Path.of("../a.txt"));
    Files.createSymbolicLink(root.resolve("sub/absolute"), root.resolve("a.txt"));
    Files.createSymbolicLink(root.resolve("sub/out"), directory.resolve("outside.txt"));

    try (Archive archive = Archive.of(root)) {
      assertThat(entries(archive.file()))
          .contains("2 src/sub/in -> ../a.txt", "2 src/sub/absolute -> ../a.txt", "0 src/sub/out");
    }

    Files.createSymbolicLink(root.resolve("broken"), directory.resolve("absent"));
    assertThatThrownBy(() -> Archive.of(root)).hasMessageContaining("which does not exist");
  }

  @Test
  void tarReadsItBack() throws Exception {
    String longName = "d".repeat(90) + "/" + "f".repeat(90) + "-ü.txt";
    write(longName, "long");
    try (Archive archive = Archive.of(root)) {
      Path into = Files.createDirectory(directory.resolve("into"));
      Process tar =
          new ProcessBuilder("tar", "-xf", archive.file().toString(), "-C", into.toString())
              .inheritIO()
              .start();
      assertThat(tar.waitFor()).isZero();
      assertThat(into.resolve("src").resolve(longName)).hasContent("long");
      assertThat(into.resolve("src/run.sh")).isExecutable();
      assertThat(into.resolve("src/sub/b.txt")).hasContent("beta");
    }
  }

  @Test
  void rulesAboveCountInsideARepo() throws IOException {
    Path repo = Files.createDirectories(directory.resolve("repo/part"));
    Files.createDirectory(directory.resolve("repo/.git"));
    Files.writeString(directory.resolve("repo/.gitignore"), "part/skip?.txt\n**/cache\n[ab].txt\n");
    for (String name : List.of("skip1.txt", "stay.txt", "x/cache/y", "a.txt", "c.txt")) {
      Path file = repo.resolve(name);
      Files.createDirectories(file.getParent());
      Files.writeString(file, name);
    }

    try (Archive archive = Archive.of(repo)) {
      assertThat(entries(archive.file()))
          .containsExactly("5 part/", "0 part/c.txt", "0 part/stay.txt", "5 part/x/");
    }
  }
}
