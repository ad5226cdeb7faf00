package dev.dstack.agent.ssh;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributeView;
import java.nio.file.attribute.FileTime;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** What SFTP says of a file; each part may be absent. */
record SftpAttributes(
    @Nullable Long size,
    @Nullable Integer uid,
    @Nullable Integer gid,
    @Nullable Integer mode,
    @Nullable Integer accessed,
    @Nullable Integer modified) {
  private static final int SIZE = 1;
  private static final int OWNER = 2;
  private static final int MODE = 4;
  private static final int TIMES = 8;
  private static final int EXTENDED = 0x8000_0000;

  private static final int KIND = 0xF000;
  private static final int DIRECTORY = 0x4000;
  private static final int LINK = 0xA000;
  private static final int PERMISSIONS = 07777;
  private static final LinkOption[] FOLLOW = {};
  private static final LinkOption[] STAY = {LinkOption.NOFOLLOW_LINKS};
  private static final DateTimeFormatter DATE =
      DateTimeFormatter.ofPattern("MMM dd HH:mm", Locale.ROOT).withZone(ZoneOffset.UTC);

  static SftpAttributes read(SftpPacket.In packet) throws IOException {
    int flags = packet.number();
    Long size = (flags & SIZE) == 0 ? null : packet.longNumber();
    boolean owner = (flags & OWNER) != 0;
    Integer uid = owner ? packet.number() : null;
    Integer gid = owner ? packet.number() : null;
    Integer mode = (flags & MODE) == 0 ? null : packet.number();
    boolean times = (flags & TIMES) != 0;
    Integer accessed = times ? packet.number() : null;
    Integer modified = times ? packet.number() : null;
    if ((flags & EXTENDED) != 0) {
      int pairs = packet.number();
      for (int i = 0; i < 2L * pairs; i++) {
        packet.data();
      }
    }
    return new SftpAttributes(size, uid, gid, mode, accessed, modified);
  }

  static SftpAttributes of(Path path, boolean follow) throws IOException {
    Map<String, Object> found =
        Files.readAttributes(
            path, "unix:size,uid,gid,mode,lastAccessTime,lastModifiedTime", options(follow));
    return new SftpAttributes(
        (Long) found.get("size"),
        (Integer) found.get("uid"),
        (Integer) found.get("gid"),
        (Integer) found.get("mode"),
        seconds(found.get("lastAccessTime")),
        seconds(found.get("lastModifiedTime")));
  }

  private static @Nullable Integer seconds(@Nullable Object time) {
    return time instanceof FileTime known ? (int) known.to(TimeUnit.SECONDS) : null;
  }

  private static LinkOption[] options(boolean follow) {
    return follow ? FOLLOW : STAY;
  }

  SftpAttributes withoutSize() {
    return new SftpAttributes(null, uid, gid, mode, accessed, modified);
  }

  void truncate(FileChannel channel) throws IOException {
    Long wanted = size;
    if (wanted != null) {
      if (wanted < channel.size()) {
        channel.truncate(wanted);
      } else if (wanted > channel.size()) {
        channel.write(ByteBuffer.wrap(new byte[1]), wanted - 1);
      }
    }
  }

  void apply(Path path, boolean follow) throws IOException {
    if (size != null) {
      try (FileChannel channel = FileChannel.open(path, StandardOpenOption.WRITE)) {
        truncate(channel);
      }
    }
    if (uid != null) {
      Files.setAttribute(path, "unix:uid", uid, options(follow));
    }
    if (gid != null) {
      Files.setAttribute(path, "unix:gid", gid, options(follow));
    }
    // A link has no permissions of its own.
    if (mode != null && (follow || !Files.isSymbolicLink(path))) {
      Files.setAttribute(path, "unix:mode", mode & PERMISSIONS);
    }
    if (accessed != null && modified != null) {
      Files.getFileAttributeView(path, BasicFileAttributeView.class, options(follow))
          .setTimes(time(modified), time(accessed), null);
    }
  }

  private static FileTime time(int seconds) {
    return FileTime.from(Integer.toUnsignedLong(seconds), TimeUnit.SECONDS);
  }

  void write(SftpPacket.Out packet) {
    boolean owner = uid != null && gid != null;
    boolean times = accessed != null && modified != null;
    packet.number(
        (size == null ? 0 : SIZE)
            | (owner ? OWNER : 0)
            | (mode == null ? 0 : MODE)
            | (times ? TIMES : 0));
    if (size != null) {
      packet.longNumber(size);
    }
    if (uid != null && gid != null) {
      packet.number(uid).number(gid);
    }
    if (mode != null) {
      packet.number(mode);
    }
    if (accessed != null && modified != null) {
      packet.number(accessed).number(modified);
    }
  }

  /** As {@code ls -l} would show it. */
  String line(String name) {
    int bits = mode == null ? 0 : mode;
    StringBuilder line = new StringBuilder();
    line.append(
        switch (bits & KIND) {
          case DIRECTORY -> 'd';
          case LINK -> 'l';
          case 0x2000 -> 'c';
          case 0x6000 -> 'b';
          case 0x1000 -> 'p';
          case 0xC000 -> 's';
          default -> '-';
        });
    for (int shift = 8; shift >= 0; shift--) {
      line.append((bits >> shift & 1) == 0 ? '-' : "xwr".charAt(shift % 3));
    }
    return String.format(
        Locale.ROOT,
        "%s    1 %-8d %-8d %8d %s %s",
        line,
        uid == null ? 0 : uid,
        gid == null ? 0 : gid,
        size == null ? 0 : size,
        DATE.format(Instant.ofEpochSecond(modified == null ? 0 : Integer.toUnsignedLong(modified))),
        name);
  }
}
