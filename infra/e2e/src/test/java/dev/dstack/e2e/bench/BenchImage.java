package dev.dstack.e2e.bench;

import dev.dstack.e2e.harness.Command;
import dev.dstack.e2e.harness.Docker;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** A static busybox with some programs of this machine, made on the spot. */
final class BenchImage {
  private static final String NAME = "bench-box";
  private static final Pattern LIBRARY = Pattern.compile("(/[^ ]+) \\(0x");

  private BenchImage() {}

  /** The name of the image. */
  static String make(Path directory) {
    try {
      Path root = Files.createDirectories(directory.resolve("image-" + NAME));
      for (String program : List.of("/usr/bin/date", "/usr/bin/rsync")) {
        if (Files.exists(Path.of(program))) {
          add(root, Path.of(program));
        }
      }
      return Docker.busybox(directory, NAME);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static void add(Path root, Path program) throws IOException {
    copy(root, program);
    String said = new Command(List.of("ldd", program.toString())).run().ok().out();
    Matcher library = LIBRARY.matcher(said);
    while (library.find()) {
      copy(root, Path.of(library.group(1)));
    }
  }

  private static void copy(Path root, Path file) throws IOException {
    Path target = root.resolve(file.toString().substring(1));
    Files.createDirectories(target.getParent());
    Files.copy(
        file.toRealPath(),
        target,
        StandardCopyOption.REPLACE_EXISTING,
        StandardCopyOption.COPY_ATTRIBUTES);
  }
}
