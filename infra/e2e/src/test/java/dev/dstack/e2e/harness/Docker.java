package dev.dstack.e2e.harness;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;

/** The Docker Engine of the tests, the one of DOCKER_HOST, and images made on the spot. */
public final class Docker {
  /** Set by whoever starts an engine for the tests. */
  public static final String WANTED = "DSTACK_TEST_DOCKER";

  private Docker() {}

  public static Command.Result run(String... arguments) {
    List<String> command = new ArrayList<>(List.of("docker"));
    command.addAll(List.of(arguments));
    return new Command(command).run();
  }

  /**
   * An image of a static busybox and nothing else.
   *
   * @param changes as of a Dockerfile, such as {@code CMD ["/bin/true"]}
   */
  public static String busybox(Path directory, String name, String... changes) {
    try {
      Path root = Files.createDirectories(directory.resolve("image-" + name));
      Path bin = Files.createDirectories(root.resolve("bin"));
      Files.createDirectories(root.resolve("etc"));
      Files.setPosixFilePermissions(
          Files.createDirectories(root.resolve("tmp")),
          PosixFilePermissions.fromString("rwxrwxrwx"));
      Files.writeString(root.resolve("etc/marker"), "inside " + name + "\n");
      Files.writeString(root.resolve("etc/os-release"), "PRETTY_NAME=\"Box " + name + "\"\n");
      Files.writeString(
          root.resolve("etc/passwd"), "root:x:0:0::/:/bin/sh\nann:x:1000:1000::/tmp:/bin/sh\n");
      Path program = bin.resolve("busybox");
      if (!Files.exists(program)) {
        Files.copy(Path.of("/bin/busybox"), program);
        for (String tool : "sh cat echo id sleep ls env tail wc seq true pwd httpd".split(" ")) {
          Files.createSymbolicLink(bin.resolve(tool), Path.of("busybox"));
        }
      }
      Path tar = directory.resolve(name + ".tar");
      new Command(List.of("tar", "-C", root.toString(), "-cf", tar.toString(), ".")).run().ok();
      List<String> imported = new ArrayList<>(List.of("import"));
      for (String change : changes) {
        imported.addAll(List.of("--change", change));
      }
      imported.addAll(List.of(tar.toString(), name));
      run(imported.toArray(String[]::new)).ok();
      return name;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
