package dev.dstack.agent.runner;

import dev.dstack.agent.Durable;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/** Images made on the spot of what this machine has; empty where it has not. */
final class TestImages {
  static final String BUSYBOX = "dstack-runner-test/busybox";
  static final String DISTROLESS = "dstack-runner-test/distroless";
  static final String MUSL = "dstack-runner-test/musl";
  static final String DEBIAN = "dstack-runner-test/bookworm";

  private static final Pattern LIBRARY = Pattern.compile("(/\\S+)");

  private TestImages() {}

  static void busybox() throws Exception {
    Path root = Files.createTempDirectory("image");
    shell(root);
    take(root, BUSYBOX);
  }

  private static void shell(Path root) throws IOException {
    Path bin = Files.createDirectories(root.resolve("bin"));
    Files.copy(Path.of("/bin/busybox"), bin.resolve("busybox"));
    for (String applet :
        List.of(
            "sh", "cat", "dd", "echo", "env", "id", "kill", "ps", "pwd", "sleep", "yes", "head")) {
      Files.createSymbolicLink(bin.resolve(applet), Path.of("busybox"));
    }
  }

  /** glibc and two programs for it, no shell. */
  static void distroless() throws Exception {
    Path root = Files.createTempDirectory("image");
    for (String program : List.of("/usr/bin/env", "/usr/bin/sleep")) {
      copy(root, Path.of(program));
      Matcher library = LIBRARY.matcher(RunnerContainer.tool(List.of("ldd", program)));
      while (library.find()) {
        copy(root, Path.of(library.group(1)));
      }
    }
    take(root, DISTROLESS);
  }

  private static void copy(Path root, Path file) throws IOException {
    Path target = root.resolve(file.toString().substring(1));
    if (!Files.exists(target)) {
      Files.createDirectories(target.getParent());
      Files.copy(file.toRealPath(), target);
    }
  }

  /** musl and a program that needs it; its shell needs nothing. */
  static boolean musl() throws Exception {
    Path loader = Path.of("/lib/ld-musl-x86_64.so.1");
    if (!Files.exists(loader) || !Files.exists(Path.of("/usr/bin/musl-gcc"))) {
      return false;
    }
    Path root = Files.createTempDirectory("image");
    shell(root);
    Files.createDirectories(root.resolve("lib"));
    Files.copy(loader.toRealPath(), root.resolve("lib/ld-musl-x86_64.so.1"));
    Path source = Files.createTempFile("hello", ".c");
    Files.writeString(
        source, "#include <stdio.h>\nint main(void) { puts(\"hello from musl\"); return 9; }\n");
    RunnerContainer.tool(
        List.of("musl-gcc", "-o", root.resolve("bin/hello").toString(), source.toString()));
    Files.delete(source);
    take(root, MUSL);
    return true;
  }

  /** A whole distribution; kept, because it takes minutes to make. */
  static boolean debian() throws Exception {
    String cache = System.getenv("DSTACK_CACHE_DIR");
    Path packed =
        (cache == null || cache.isEmpty()
                ? Path.of(System.getProperty("user.home"), ".dstack/cache")
                : Path.of(cache))
            .resolve("test-images/bookworm.tar");
    if (!Files.exists(packed)) {
      if (!Files.exists(Path.of("/usr/sbin/debootstrap"))) {
        return false;
      }
      Path root = Files.createTempDirectory("bookworm");
      RunnerContainer.tool(
          List.of("debootstrap", "--variant=minbase", "bookworm", root.toString()));
      Files.createDirectories(packed.getParent());
      Path half = packed.resolveSibling("bookworm.tmp");
      RunnerContainer.tool(List.of("tar", "-C", root.toString(), "-cf", half.toString(), "."));
      Files.move(half, packed);
      Durable.removeTree(root);
    }
    RunnerContainer.tool(List.of("docker", "import", packed.toString(), DEBIAN));
    return true;
  }

  private static void take(Path root, String name) throws Exception {
    Path tar = Files.createTempFile("image", ".tar");
    try {
      List<String> pack =
          new ArrayList<>(List.of("tar", "-C", root.toString(), "--owner=0", "--group=0"));
      pack.addAll(List.of("-cf", tar.toString(), "."));
      RunnerContainer.tool(pack);
      RunnerContainer.tool(List.of("docker", "import", tar.toString(), name));
    } finally {
      Files.delete(tar);
      Durable.removeTree(root);
    }
  }

  /** Arguments for a command, one that prints each byte there is. */
  static String everyByte() {
    StringBuilder script = new StringBuilder("printf '");
    Stream.iterate(0, at -> at < 256, at -> at + 1)
        .forEach(at -> script.append(String.format("\\%03o", at)));
    return script.append('\'').toString();
  }

  static byte[] everyByteExpected() {
    byte[] bytes = new byte[256];
    for (int at = 0; at < 256; at++) {
      bytes[at] = (byte) at;
    }
    return bytes;
  }
}
