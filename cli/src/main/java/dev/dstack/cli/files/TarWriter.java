package dev.dstack.cli.files;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;

/**
 * A tar archive in the POSIX format, long names and large files as pax headers. Owners are left
 * out: the same files make the same bytes on every machine.
 */
final class TarWriter {
  private static final int BLOCK = 512;
  private static final int NAME = 100;
  private static final long MAX_OCTAL_SIZE = 0_77777777777L;

  private final OutputStream out;

  TarWriter(OutputStream out) {
    this.out = out;
  }

  void directory(String name, int mode, long modifiedSeconds) throws IOException {
    header(name + "/", '5', mode, modifiedSeconds, 0, "");
  }

  void link(String name, String target, long modifiedSeconds) throws IOException {
    header(name, '2', 0777, modifiedSeconds, 0, target);
  }

  void file(String name, Path file, int mode, long modifiedSeconds) throws IOException {
    long size = Files.size(file);
    header(name, '0', mode, modifiedSeconds, size, "");
    long copied = Files.copy(file, out);
    if (copied != size) {
      throw new IOException(file + " changed while it was read");
    }
    pad(size);
  }

  /** The two empty blocks at the end. */
  void finish() throws IOException {
    out.write(new byte[2 * BLOCK]);
  }

  private void header(String name, char type, int mode, long modified, long size, String link)
      throws IOException {
    StringBuilder extended = new StringBuilder();
    if (!fits(name)) {
      extended.append(pax("path", name));
    }
    if (!fits(link)) {
      extended.append(pax("linkpath", link));
    }
    if (size > MAX_OCTAL_SIZE) {
      extended.append(pax("size", String.valueOf(size)));
    }
    if (!extended.isEmpty()) {
      byte[] records = extended.toString().getBytes(StandardCharsets.UTF_8);
      block("././@PaxHeader", 'x', 0644, 0, records.length, "");
      out.write(records);
      pad(records.length);
    }
    block(name, type, mode, modified, size > MAX_OCTAL_SIZE ? 0 : size, link);
  }

  private void block(String name, char type, int mode, long modified, long size, String link)
      throws IOException {
    byte[] block = new byte[BLOCK];
    text(block, 0, NAME, name);
    octal(block, 100, 8, mode);
    octal(block, 108, 8, 0);
    octal(block, 116, 8, 0);
    octal(block, 124, 12, size);
    octal(block, 136, 12, Math.max(0, modified));
    Arrays.fill(block, 148, 156, (byte) ' ');
    block[156] = (byte) type;
    text(block, 157, NAME, link);
    text(block, 257, 8, "ustar\u000000");
    int sum = 0;
    for (byte b : block) {
      sum += b & 0xff;
    }
    octal(block, 148, 7, sum);
    out.write(block);
  }

  private void pad(long size) throws IOException {
    int rest = (int) (size % BLOCK);
    if (rest > 0) {
      out.write(new byte[BLOCK - rest]);
    }
  }

  private static boolean fits(String name) {
    byte[] bytes = name.getBytes(StandardCharsets.UTF_8);
    return bytes.length <= NAME && bytes.length == name.length();
  }

  /** {@code LENGTH KEY=VALUE\n}, where the length counts itself. */
  private static String pax(String key, String value) {
    String record = " " + key + "=" + value + "\n";
    int length = record.getBytes(StandardCharsets.UTF_8).length;
    int total = length + String.valueOf(length).length();
    total = length + String.valueOf(total).length();
    return total + record;
  }

  private static void text(byte[] block, int at, int length, String text) {
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    System.arraycopy(bytes, 0, block, at, Math.min(bytes.length, length));
  }

  private static void octal(byte[] block, int at, int length, long number) {
    String digits = Long.toOctalString(number);
    text(block, at, length, "0".repeat(length - 1 - digits.length()) + digits);
  }
}
