package dev.dstack.agent.files;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.dstack.agent.host.TaskUser;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;
import org.apache.commons.compress.archivers.tar.TarArchiveOutputStream;
import org.apache.commons.compress.archivers.tar.TarConstants;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class UnpackerTest {
  @TempDir Path directory;
  private Path archive;
  private Path destination;
  private TarArchiveOutputStream tar;

  @BeforeEach
  void open() throws IOException {
    archive = directory.resolve("archive.tar");
    destination = directory.resolve("work/destination");
    tar = new TarArchiveOutputStream(Files.newOutputStream(archive));
    tar.setLongFileMode(TarArchiveOutputStream.LONGFILE_POSIX);
  }

  private void file(String name, String content) throws IOException {
    file(name, content, 0644);
  }

  private void file(String name, String content, int mode) throws IOException {
    byte[] bytes = content.getBytes(StandardCharsets.UTF_8);
    TarArchiveEntry entry = new TarArchiveEntry(name, true);
    entry.setSize(bytes.length);
    entry.setMode(mode);
    tar.putArchiveEntry(entry);
    tar.write(bytes);
    tar.closeArchiveEntry();
  }

  private void folder(String name) throws IOException {
    tar.putArchiveEntry(new TarArchiveEntry(name + "/"));
    tar.closeArchiveEntry();
  }

  private void link(String name, String target, byte type) throws IOException {
    TarArchiveEntry entry = new TarArchiveEntry(name, type);
    entry.setLinkName(target);
    tar.putArchiveEntry(entry);
    tar.closeArchiveEntry();
  }

  private void unpack(boolean contents) throws IOException {
    tar.close();
    Unpacker.unpack(archive, destination, contents, TaskUser.ofAgent());
  }

  private void assertRefused(String words) {
    assertThatThrownBy(() -> unpack(false))
        .isInstanceOf(Unpacker.BadArchiveException.class)
        .hasMessageContaining(words);
  }

  @Test
  void oneDirectoryTakesTheDestinationsName() throws IOException {
    folder("project");
    file("project/a", "A");
    file("project/deep/b", "B", 0750);
    unpack(false);

    assertThat(destination.resolve("a")).hasContent("A");
    assertThat(destination.resolve("deep/b")).hasContent("B");
    assertThat(
            PosixFilePermissions.toString(
                Files.getPosixFilePermissions(destination.resolve("deep/b"))))
        .isEqualTo("rwxr-x---");
  }

  @Test
  void severalAreUnpackedInto() throws IOException {
    file("./a", "A");
    file("./b/c", "C");
    unpack(false);

    assertThat(destination.resolve("a")).hasContent("A");
    assertThat(destination.resolve("b/c")).hasContent("C");
  }

  @Test
  void contentsKeepTheirNames() throws IOException {
    file("project/a", "A");
    unpack(true);

    assertThat(destination.resolve("project/a")).hasContent("A");
  }

  @Test
  void anEmptyArchiveIsAnEmptyDirectory() throws IOException {
    unpack(false);

    assertThat(destination).isEmptyDirectory();
  }

  @Test
  void longNamesAndLinksAreKept() throws IOException {
    String name = "d/" + "n".repeat(200);
    file(name, "long");
    link("d/link", "n", TarConstants.LF_SYMLINK);
    link("d/outside", "/etc/passwd", TarConstants.LF_SYMLINK);
    link("d/hard", name, TarConstants.LF_LINK);
    unpack(false);

    assertThat(destination.resolve("n".repeat(200))).hasContent("long");
    assertThat(Files.readSymbolicLink(destination.resolve("link"))).isEqualTo(Path.of("n"));
    assertThat(Files.isSymbolicLink(destination.resolve("outside"))).isTrue();
    assertThat(destination.resolve("hard")).hasContent("long");
  }

  @Test
  void climbingOutIsRefused() throws IOException {
    file("x/../../escaped", "bad");
    assertRefused("leads out");
  }

  @Test
  void absoluteNamesAreRefused() throws IOException {
    file("/tmp/escaped", "bad");
    assertRefused("absolute");
  }

  @Test
  void nothingIsWrittenThroughALinkThatLeadsOut() throws IOException {
    Path outside = Files.createDirectory(directory.resolve("outside"));
    link("d/link", outside.toString(), TarConstants.LF_SYMLINK);
    file("d/link/escaped", "bad");
    assertRefused("leads out");
    assertThat(outside).isEmptyDirectory();
  }

  @Test
  void aFileReplacesALinkInsteadOfFollowingIt() throws IOException {
    Path outside = Files.writeString(directory.resolve("outside"), "untouched");
    link("d/link", outside.toString(), TarConstants.LF_SYMLINK);
    file("d/link", "inside");
    unpack(false);

    assertThat(outside).hasContent("untouched");
    assertThat(destination.resolve("link")).hasContent("inside");
  }

  @Test
  void hardLinksToTheOutsideAreRefused() throws IOException {
    file("d/a", "A");
    link("d/hard", "../../etc/passwd", TarConstants.LF_LINK);
    assertRefused("leads out");
  }

  @Test
  void devicesAreRefused() throws IOException {
    file("d/a", "A");
    link("d/fifo", "", TarConstants.LF_FIFO);
    assertRefused("neither");
  }

  @Test
  void lentRightsAreTakenAway() throws IOException {
    file("d/a", "A", 04755);
    unpack(false);

    assertThat(((Integer) Files.getAttribute(destination.resolve("a"), "unix:mode")) & 07777)
        .isEqualTo(0755);
  }

  @Test
  void whatIsNoArchiveIsRefused() throws IOException {
    tar.close();
    Files.write(
        archive,
        "hello, this is not a tar archive at all".repeat(40).getBytes(StandardCharsets.UTF_8));
    assertThatThrownBy(() -> Unpacker.unpack(archive, destination, false, TaskUser.ofAgent()))
        .isInstanceOf(IOException.class);
  }
}
