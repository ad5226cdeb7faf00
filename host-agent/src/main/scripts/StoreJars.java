import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDateTime;
import java.util.Collections;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import java.util.zip.CRC32;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;
import java.util.zip.ZipOutputStream;

/**
 * Copies the jars of one directory to another without compression: packed together they become
 * smaller and they are opened faster. Leaves out what no host of the agent can use.
 */
public final class StoreJars {
  private static final LocalDateTime TIME = LocalDateTime.of(2026, 11, 1, 0, 0, 0);

  /** Native libraries of other systems, and signatures, which no longer fit. */
  private static final Pattern LEFT_OUT =
      Pattern.compile(
          "com/sun/jna/(?!linux-x86-64/|linux-aarch64/)[a-z]+[0-9]*-[^/]*/.*"
              + "|META-INF/[^/]*\\.(SF|RSA|DSA|EC)"
              + "|META-INF/maven/.*");

  public static void main(String[] args) throws IOException {
    try (Stream<Path> jars = Files.list(Path.of(args[0]))) {
      for (Path jar : jars.filter(one -> one.toString().endsWith(".jar")).sorted().toList()) {
        copy(jar, Path.of(args[1]).resolve(jar.getFileName()));
      }
    }
  }

  private static void copy(Path from, Path to) throws IOException {
    try (ZipFile in = new ZipFile(from.toFile());
        OutputStream file = Files.newOutputStream(to);
        ZipOutputStream out = new ZipOutputStream(file)) {
      List<? extends ZipEntry> entries = Collections.list(in.entries());
      for (ZipEntry entry : entries) {
        if (entry.isDirectory() || LEFT_OUT.matcher(entry.getName()).matches()) {
          continue;
        }
        byte[] content = in.getInputStream(entry).readAllBytes();
        CRC32 sum = new CRC32();
        sum.update(content);
        ZipEntry stored = new ZipEntry(entry.getName());
        stored.setMethod(ZipEntry.STORED);
        stored.setSize(content.length);
        stored.setCrc(sum.getValue());
        stored.setTimeLocal(TIME);
        out.putNextEntry(stored);
        out.write(content);
        out.closeEntry();
      }
    }
  }
}
