package dev.dstack.cli.attach;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SshConfigFileTest {
  @TempDir Path home;
  private Path file;
  private SshConfigFile config;

  @BeforeEach
  void start() {
    file = home.resolve(".dstack/ssh/config");
    config = new SshConfigFile(file);
  }

  private static Map<String, Map<String, String>> host(String name, String port) {
    Map<String, String> options = new LinkedHashMap<>();
    options.put("HostName", "localhost");
    options.put("Port", port);
    return Map.of(name, options);
  }

  @Test
  void aHostComesChangesAndGoes() throws IOException {
    config.put(host("train", "1"));
    config.put(host("dev", "2"));
    config.put(host("train", "3"));

    assertThat(file)
        .hasContent(
            "Host dev\n    HostName localhost\n    Port 2\nHost train\n    HostName localhost\n    Port 3\n");
    assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(file)))
        .isEqualTo("rw-------");
    config.remove(List.of("dev", "train", "unknown"));
    assertThat(file).isEmptyFile();
  }

  @Test
  void theIncludeComesFirstAndOnce() throws IOException {
    Path user = home.resolve(".ssh/config");
    Files.createDirectories(user.getParent());
    Files.writeString(user, "Host work\n  User me\n\nMatch all\n  Compression yes");
    SshConfigFile theirs = new SshConfigFile(user);

    theirs.include(file, "~/.dstack/ssh/config");
    theirs.include(file, "~/.dstack/ssh/config");

    assertThat(Files.readString(user))
        .isEqualTo("Include " + file + "\nHost work\n  User me\n\nMatch all\n  Compression yes");
  }

  @Test
  void theIncludeOfAnotherClientIsEnough() throws IOException {
    Path user = home.resolve("config");
    Files.writeString(user, "Include ~/.dstack/ssh/config\nHost x\n");

    new SshConfigFile(user).include(file, "~/.dstack/ssh/config");

    assertThat(user).hasContent("Include ~/.dstack/ssh/config\nHost x\n");
  }

  @Test
  void aLinkStaysALinkAndModesStay() throws IOException {
    Path real = home.resolve("dotfiles-config");
    Files.writeString(real, "Host a\n");
    Files.setPosixFilePermissions(real, PosixFilePermissions.fromString("rw-r--r--"));
    Path link = Files.createSymbolicLink(home.resolve("config"), real);

    new SshConfigFile(link).include(file, "~/x");

    assertThat(Files.isSymbolicLink(link)).isTrue();
    assertThat(Files.readString(real)).startsWith("Include ");
    assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(real)))
        .isEqualTo("rw-r--r--");
    assertThat(Files.exists(real, LinkOption.NOFOLLOW_LINKS)).isTrue();
  }

  /** Whatever else is in a file stays byte by byte, wherever our hosts stand in it. */
  @Test
  void othersLinesStayAsTheyAre() throws IOException {
    Random random = new Random(7);
    List<String> pieces =
        List.of(
            "Host other\n    User x\n",
            "# a comment\n\n",
            "Host a b*\n  Port 2\n",
            "Match host x\n\tUser ü\n",
            "Include z\n",
            "Host\tmine2\n    Port 4");
    for (int round = 0; round < 200; round++) {
      StringBuilder foreign = new StringBuilder();
      StringBuilder whole = new StringBuilder();
      // Ours at any place where a section begins; what comes before any section counts as such.
      for (int i = 0; i < 6; i++) {
        String piece = pieces.get(random.nextInt(pieces.size()));
        boolean section = piece.startsWith("Host") || piece.startsWith("Match");
        if (section && random.nextBoolean()) {
          whole.append("Host mine\n    Port 1\n");
        }
        String ended = piece.endsWith("\n") ? piece : piece + "\n";
        boolean inOurs = whole.toString().endsWith("Host mine\n    Port 1\n") && !section;
        if (!inOurs) {
          whole.append(ended);
          foreign.append(ended);
        }
      }
      Files.createDirectories(file.getParent());
      Files.write(file, whole.toString().getBytes(StandardCharsets.UTF_8));

      config.put(host("mine", "9"));
      assertThat(Files.readString(file))
          .isEqualTo(foreign + "Host mine\n    HostName localhost\n    Port 9\n");
      config.remove(List.of("mine"));
      assertThat(Files.readString(file)).isEqualTo(foreign.toString());
    }
  }

  @Test
  void manyMayChangeItAtOnce() throws Exception {
    List<Callable<Void>> all = new ArrayList<>();
    for (int i = 0; i < 16; i++) {
      String name = "run" + i;
      boolean leaves = i % 2 == 0;
      all.add(
          () -> {
            SshConfigFile own = new SshConfigFile(file);
            for (int round = 0; round < 5; round++) {
              own.put(host(name, "1"));
              own.remove(List.of(name));
            }
            if (!leaves) {
              own.put(host(name, "2"));
            }
            return null;
          });
    }
    try (ExecutorService threads = Executors.newFixedThreadPool(8)) {
      for (Future<Void> done : threads.invokeAll(all)) {
        done.get();
      }
    }

    assertThat(Files.readAllLines(file).stream().filter(line -> line.startsWith("Host ")))
        .containsExactlyInAnyOrder(
            "Host run1",
            "Host run3",
            "Host run5",
            "Host run7",
            "Host run9",
            "Host run11",
            "Host run13",
            "Host run15");
  }
}
