package dev.dstack.agent.ssh;

import java.io.BufferedInputStream;
import java.io.DataInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.file.AccessDeniedException;
import java.nio.file.AtomicMoveNotSupportedException;
import java.nio.file.CopyOption;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileStore;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * SFTP, version 3 of the protocol as OpenSSH speaks it, with its extensions, over a pair of
 * streams. The rights are those of this process.
 */
final class SftpServer {
  private static final int VERSION = 3;
  private static final int MAX_PACKET_BYTES = 256 * 1024 + 1024;
  private static final int MAX_DATA_BYTES = 255 * 1024;
  private static final int MAX_HANDLES = 1024;
  private static final int NAMES_AT_ONCE = 100;
  private static final int STAT_VFS_NAME_MAX = 255;

  private final Path start;
  private final Path home;
  private final DataInputStream in;
  private final OutputStream out;
  private final Map<Integer, SftpHandle> handles = new HashMap<>();
  private int nextHandle;
  private byte[] packet = new byte[64 * 1024];

  /**
   * @param start what a path without a slash in front is relative to
   */
  SftpServer(Path start, Path home, InputStream in, OutputStream out) {
    this.start = start;
    this.home = home;
    this.in = new DataInputStream(new BufferedInputStream(in, 64 * 1024));
    this.out = out;
  }

  /** Until the client has no more to ask. */
  void serve() throws IOException {
    try {
      while (true) {
        int length;
        try {
          length = in.readInt();
        } catch (EOFException e) {
          return;
        }
        if (length < 1 || length > MAX_PACKET_BYTES) {
          throw new IOException("a packet of " + length + " bytes is none of SFTP");
        }
        if (packet.length < length) {
          packet = new byte[Math.max(length, 2 * packet.length)];
        }
        in.readFully(packet, 0, length);
        answer(new SftpPacket.In(packet, length));
      }
    } finally {
      for (SftpHandle handle : handles.values()) {
        handle.close();
      }
    }
  }

  private void answer(SftpPacket.In request) throws IOException {
    int type = request.type();
    if (type == SftpPacket.INIT) {
      version();
      return;
    }
    int id = request.number();
    try {
      handle(type, id, request);
    } catch (IOException | RuntimeException e) {
      status(id, code(e), words(e));
    }
  }

  private void handle(int type, int id, SftpPacket.In request) throws IOException {
    switch (type) {
      case SftpPacket.OPEN -> {
        Path path = path(request.text());
        int flags = request.number();
        handle(id, SftpHandle.open(path, flags, SftpAttributes.read(request)));
      }
      case SftpPacket.CLOSE -> {
        SftpHandle handle = handles.remove(request.handle());
        if (handle == null) {
          throw new IOException("no such handle");
        }
        handle.close();
        ok(id);
      }
      case SftpPacket.READ -> read(id, request);
      case SftpPacket.WRITE -> {
        SftpHandle.OfFile file = file(request.handle());
        long offset = request.longNumber();
        ByteBuffer data = request.data();
        while (data.hasRemaining()) {
          offset += file.write(data, offset);
        }
        ok(id);
      }
      case SftpPacket.LSTAT -> attributes(id, path(request.text()), false);
      case SftpPacket.STAT -> attributes(id, path(request.text()), true);
      case SftpPacket.FSTAT -> attributes(id, file(request.handle()).path(), true);
      case SftpPacket.SETSTAT -> {
        Path path = path(request.text());
        SftpAttributes.read(request).apply(path, true);
        ok(id);
      }
      case SftpPacket.FSETSTAT -> {
        SftpHandle.OfFile file = file(request.handle());
        SftpAttributes attributes = SftpAttributes.read(request);
        attributes.truncate(file.channel());
        attributes.withoutSize().apply(file.path(), true);
        ok(id);
      }
      case SftpPacket.OPENDIR -> handle(id, new SftpHandle.OfDirectory(path(request.text())));
      case SftpPacket.READDIR -> readDirectory(id, request.handle());
      case SftpPacket.REMOVE -> {
        Path path = path(request.text());
        if (Files.isDirectory(path, LinkOption.NOFOLLOW_LINKS)) {
          throw new FileSystemException(path.toString(), null, "is a directory");
        }
        Files.delete(path);
        ok(id);
      }
      case SftpPacket.MKDIR -> {
        Path path = path(request.text());
        Files.createDirectory(path);
        SftpAttributes.read(request).apply(path, true);
        ok(id);
      }
      case SftpPacket.RMDIR -> {
        Path path = path(request.text());
        if (!Files.isDirectory(path, LinkOption.NOFOLLOW_LINKS)) {
          throw new NotDirectoryException(path.toString());
        }
        Files.delete(path);
        ok(id);
      }
      case SftpPacket.REALPATH -> name(id, real(path(request.text())));
      case SftpPacket.RENAME -> {
        Path from = path(request.text());
        Path to = path(request.text());
        if (Files.exists(to, LinkOption.NOFOLLOW_LINKS)) {
          throw new FileAlreadyExistsException(to.toString());
        }
        move(from, to);
        ok(id);
      }
      case SftpPacket.READLINK -> name(id, Files.readSymbolicLink(path(request.text())).toString());
      case SftpPacket.SYMLINK -> {
        // OpenSSH has the two the other way round than the draft, and so has everybody else.
        String target = request.text();
        Files.createSymbolicLink(path(request.text()), Path.of(target));
        ok(id);
      }
      case SftpPacket.EXTENDED -> extended(id, request.text(), request);
      default -> status(id, SftpPacket.UNSUPPORTED, "not supported");
    }
  }

  private void extended(int id, String name, SftpPacket.In request) throws IOException {
    switch (name) {
      case "posix-rename@openssh.com" -> {
        Path from = path(request.text());
        move(from, path(request.text()), StandardCopyOption.REPLACE_EXISTING);
        ok(id);
      }
      case "hardlink@openssh.com" -> {
        Path existing = path(request.text());
        Files.createLink(path(request.text()), existing);
        ok(id);
      }
      case "fsync@openssh.com" -> {
        file(request.handle()).channel().force(true);
        ok(id);
      }
      case "lsetstat@openssh.com" -> {
        Path path = path(request.text());
        SftpAttributes.read(request).apply(path, false);
        ok(id);
      }
      case "expand-path@openssh.com" -> name(id, real(path(request.text())));
      case "limits@openssh.com" ->
          send(
              SftpPacket.out(SftpPacket.EXTENDED_REPLY, 64)
                  .number(id)
                  .longNumber(MAX_PACKET_BYTES)
                  .longNumber(MAX_DATA_BYTES)
                  .longNumber(MAX_DATA_BYTES)
                  .longNumber(MAX_HANDLES));
      case "statvfs@openssh.com" -> statVfs(id, path(request.text()));
      case "fstatvfs@openssh.com" -> statVfs(id, file(request.handle()).path());
      default -> status(id, SftpPacket.UNSUPPORTED, "not supported: " + name);
    }
  }

  private void version() throws IOException {
    SftpPacket.Out reply = SftpPacket.out(SftpPacket.VERSION, 512).number(VERSION);
    reply.text("posix-rename@openssh.com").text("1");
    reply.text("statvfs@openssh.com").text("2");
    reply.text("fstatvfs@openssh.com").text("2");
    reply.text("hardlink@openssh.com").text("1");
    reply.text("fsync@openssh.com").text("1");
    reply.text("lsetstat@openssh.com").text("1");
    reply.text("limits@openssh.com").text("1");
    reply.text("expand-path@openssh.com").text("1");
    send(reply);
  }

  private void read(int id, SftpPacket.In request) throws IOException {
    SftpHandle.OfFile file = file(request.handle());
    long offset = request.longNumber();
    int length = Math.clamp(Integer.toUnsignedLong(request.number()), 0, MAX_DATA_BYTES);
    SftpPacket.Out reply = SftpPacket.out(SftpPacket.DATA, length + 16).number(id);
    ByteBuffer data = reply.room(length);
    int start = data.position();
    while (data.hasRemaining()) {
      int count = file.channel().read(data, offset + data.position() - start);
      if (count < 0) {
        break;
      }
    }
    int count = data.position() - start;
    if (count == 0 && length > 0) {
      status(id, SftpPacket.EOF, "end of file");
    } else {
      send(reply.filled(count));
    }
  }

  private void readDirectory(int id, int handle) throws IOException {
    if (!(handles.get(handle) instanceof SftpHandle.OfDirectory directory)) {
      throw new IOException("no such handle");
    }
    SftpPacket.Out reply = SftpPacket.out(SftpPacket.NAME, 16 * 1024).number(id);
    int count = 0;
    int countAt = reply.placeholder();
    while (count < NAMES_AT_ONCE && directory.hasNext()) {
      String name = directory.next();
      Path path =
          name.equals("..")
              ? directory.path().resolve("..").normalize()
              : name.equals(".") ? directory.path() : directory.path().resolve(name);
      SftpAttributes attributes;
      try {
        attributes = SftpAttributes.of(path, false);
      } catch (IOException e) {
        // Removed since.
        continue;
      }
      reply.text(name).text(attributes.line(name));
      attributes.write(reply);
      count++;
    }
    if (count == 0) {
      status(id, SftpPacket.EOF, "end of directory");
    } else {
      send(reply.number(countAt, count));
    }
  }

  private void statVfs(int id, Path path) throws IOException {
    FileStore store = Files.getFileStore(path);
    long block = store.getBlockSize();
    send(
        SftpPacket.out(SftpPacket.EXTENDED_REPLY, 128)
            .number(id)
            .longNumber(block)
            .longNumber(block)
            .longNumber(store.getTotalSpace() / block)
            .longNumber(store.getUnallocatedSpace() / block)
            .longNumber(store.getUsableSpace() / block)
            .longNumber(0)
            .longNumber(0)
            .longNumber(0)
            .longNumber(0)
            .longNumber(0)
            .longNumber(STAT_VFS_NAME_MAX));
  }

  private void attributes(int id, Path path, boolean follow) throws IOException {
    SftpPacket.Out reply = SftpPacket.out(SftpPacket.ATTRIBUTES, 64).number(id);
    SftpAttributes.of(path, follow).write(reply);
    send(reply);
  }

  private void name(int id, String name) throws IOException {
    SftpPacket.Out reply =
        SftpPacket.out(SftpPacket.NAME, 64 + 2 * name.length())
            .number(id)
            .number(1)
            .text(name)
            .text(name)
            .number(0);
    send(reply);
  }

  private void handle(int id, SftpHandle opened) throws IOException {
    if (handles.size() >= MAX_HANDLES) {
      opened.close();
      throw new IOException("more than " + MAX_HANDLES + " files are open");
    }
    nextHandle++;
    handles.put(nextHandle, opened);
    send(SftpPacket.out(SftpPacket.HANDLE, 32).number(id).number(4).number(nextHandle));
  }

  private SftpHandle.OfFile file(int handle) throws IOException {
    if (handles.get(handle) instanceof SftpHandle.OfFile file) {
      return file;
    }
    throw new IOException("no such handle");
  }

  private static void move(Path from, Path to, CopyOption... options) throws IOException {
    try {
      Files.move(from, to, StandardCopyOption.ATOMIC_MOVE);
    } catch (AtomicMoveNotSupportedException e) {
      Files.move(from, to, options);
    }
  }

  private Path path(String text) {
    return text.equals("~") || text.startsWith("~/")
        ? home.resolve(text.substring(Math.min(2, text.length())))
        : start.resolve(text);
  }

  private static String real(Path path) {
    try {
      return path.toRealPath().toString();
    } catch (IOException e) {
      return path.toAbsolutePath().normalize().toString();
    }
  }

  private void ok(int id) throws IOException {
    status(id, SftpPacket.OK, "");
  }

  private void status(int id, int code, String words) throws IOException {
    send(
        SftpPacket.out(SftpPacket.STATUS, 64 + words.length())
            .number(id)
            .number(code)
            .text(words)
            .text(""));
  }

  private void send(SftpPacket.Out reply) throws IOException {
    reply.writeTo(out);
  }

  private static int code(Exception e) {
    return switch (e) {
      case NoSuchFileException _ -> SftpPacket.NO_SUCH_FILE;
      case AccessDeniedException _ -> SftpPacket.PERMISSION_DENIED;
      case InvalidPathException _ -> SftpPacket.NO_SUCH_FILE;
      case FileSystemException known
          when String.valueOf(known.getReason()).contains("not permitted") ->
          SftpPacket.PERMISSION_DENIED;
      default -> SftpPacket.FAILURE;
    };
  }

  private static String words(Exception e) {
    @Nullable String reason =
        switch (e) {
          case NoSuchFileException _ -> "No such file or directory";
          case AccessDeniedException _ -> "Permission denied";
          case FileAlreadyExistsException _ -> "File exists";
          case FileSystemException known -> known.getReason();
          default -> e.getMessage();
        };
    return reason == null ? "Failure" : reason;
  }
}
