package dev.dstack.agent.ssh;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.OpenOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashSet;
import java.util.Iterator;
import java.util.List;
import java.util.Set;

/** What an SFTP client has open. */
sealed interface SftpHandle {
  int READ = 1;
  int WRITE = 2;
  int APPEND = 4;
  int CREATE = 8;
  int TRUNCATE = 16;
  int EXCLUSIVE = 32;

  void close() throws IOException;

  /**
   * @param append the offset of a write means nothing
   */
  record OfFile(Path path, FileChannel channel, boolean append) implements SftpHandle {
    int write(ByteBuffer data, long offset) throws IOException {
      return append ? channel.write(data) : channel.write(data, offset);
    }

    @Override
    public void close() throws IOException {
      channel.close();
    }
  }

  /** A directory being listed. */
  final class OfDirectory implements SftpHandle {
    private final Path path;
    private final DirectoryStream<Path> stream;
    private final Iterator<Path> children;
    private final Deque<String> first = new ArrayDeque<>(List.of(".", ".."));

    @SuppressWarnings("StreamResourceLeak") // Closed with the handle.
    OfDirectory(Path path) throws IOException {
      this.path = path;
      this.stream = Files.newDirectoryStream(path);
      this.children = stream.iterator();
    }

    Path path() {
      return path;
    }

    boolean hasNext() throws IOException {
      try {
        return !first.isEmpty() || children.hasNext();
      } catch (DirectoryIteratorException e) {
        throw e.getCause();
      }
    }

    String next() {
      return first.isEmpty() ? String.valueOf(children.next().getFileName()) : first.pop();
    }

    @Override
    public void close() throws IOException {
      stream.close();
    }
  }

  static SftpHandle open(Path path, int flags, SftpAttributes attributes) throws IOException {
    if (Files.isDirectory(path)) {
      throw new FileSystemException(path.toString(), null, "Is a directory");
    }
    Set<OpenOption> options = new HashSet<>();
    if ((flags & READ) != 0) {
      options.add(StandardOpenOption.READ);
    }
    boolean append = (flags & APPEND) != 0;
    if (append && (flags & READ) == 0) {
      options.add(StandardOpenOption.APPEND);
    } else if ((flags & WRITE) != 0) {
      options.add(StandardOpenOption.WRITE);
    }
    boolean create = (flags & CREATE) != 0;
    if (create) {
      options.add(
          (flags & EXCLUSIVE) != 0 ? StandardOpenOption.CREATE_NEW : StandardOpenOption.CREATE);
    }
    if ((flags & TRUNCATE) != 0 && !append) {
      options.add(StandardOpenOption.TRUNCATE_EXISTING);
    }
    Integer mode = attributes.mode();
    if (!create || mode == null) {
      return new OfFile(path, FileChannel.open(path, options), append);
    }
    return new OfFile(
        path,
        FileChannel.open(path, options, PosixFilePermissions.asFileAttribute(permissions(mode))),
        append);
  }

  private static Set<PosixFilePermission> permissions(int mode) {
    // In the order of the bits, from "read for the owner" down.
    PosixFilePermission[] all = {
      PosixFilePermission.OWNER_READ,
      PosixFilePermission.OWNER_WRITE,
      PosixFilePermission.OWNER_EXECUTE,
      PosixFilePermission.GROUP_READ,
      PosixFilePermission.GROUP_WRITE,
      PosixFilePermission.GROUP_EXECUTE,
      PosixFilePermission.OTHERS_READ,
      PosixFilePermission.OTHERS_WRITE,
      PosixFilePermission.OTHERS_EXECUTE
    };
    Set<PosixFilePermission> set = new HashSet<>();
    for (int i = 0; i < all.length; i++) {
      if ((mode >> (8 - i) & 1) != 0) {
        set.add(all[i]);
      }
    }
    return set;
  }
}
