package dev.dstack.agent.ssh;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/** Packets of SFTP, draft-ietf-secsh-filexfer-02. */
final class SftpPacket {
  static final int INIT = 1;
  static final int VERSION = 2;
  static final int OPEN = 3;
  static final int CLOSE = 4;
  static final int READ = 5;
  static final int WRITE = 6;
  static final int LSTAT = 7;
  static final int FSTAT = 8;
  static final int SETSTAT = 9;
  static final int FSETSTAT = 10;
  static final int OPENDIR = 11;
  static final int READDIR = 12;
  static final int REMOVE = 13;
  static final int MKDIR = 14;
  static final int RMDIR = 15;
  static final int REALPATH = 16;
  static final int STAT = 17;
  static final int RENAME = 18;
  static final int READLINK = 19;
  static final int SYMLINK = 20;
  static final int STATUS = 101;
  static final int HANDLE = 102;
  static final int DATA = 103;
  static final int NAME = 104;
  static final int ATTRIBUTES = 105;
  static final int EXTENDED = 200;
  static final int EXTENDED_REPLY = 201;

  static final int OK = 0;
  static final int EOF = 1;
  static final int NO_SUCH_FILE = 2;
  static final int PERMISSION_DENIED = 3;
  static final int FAILURE = 4;
  static final int UNSUPPORTED = 8;

  private SftpPacket() {}

  static Out out(int type, int bytes) {
    return new Out(type, bytes);
  }

  /** What a client asks. */
  static final class In {
    private final ByteBuffer bytes;
    private final int type;

    In(byte[] packet, int length) {
      bytes = ByteBuffer.wrap(packet, 0, length);
      type = bytes.get() & 0xFF;
    }

    int type() {
      return type;
    }

    int number() throws IOException {
      need(4);
      return bytes.getInt();
    }

    long longNumber() throws IOException {
      need(8);
      return bytes.getLong();
    }

    String text() throws IOException {
      ByteBuffer part = data();
      byte[] raw = new byte[part.remaining()];
      part.get(raw);
      return new String(raw, StandardCharsets.UTF_8);
    }

    /** Lies in the packet itself. */
    ByteBuffer data() throws IOException {
      int length = number();
      need(length);
      ByteBuffer part = bytes.slice(bytes.position(), length);
      bytes.position(bytes.position() + length);
      return part;
    }

    int handle() throws IOException {
      ByteBuffer part = data();
      if (part.remaining() != 4) {
        throw new IOException("no such handle");
      }
      return part.getInt();
    }

    private void need(int length) throws IOException {
      if (length < 0 || bytes.remaining() < length) {
        throw new IOException("the packet is too short");
      }
    }
  }

  /** What it is answered. */
  static final class Out {
    private byte[] bytes;
    private int length = 5;

    private Out(int type, int room) {
      bytes = new byte[5 + room];
      bytes[4] = (byte) type;
    }

    Out number(int value) {
      make(4);
      number(length, value);
      length += 4;
      return this;
    }

    Out number(int at, int value) {
      bytes[at] = (byte) (value >> 24);
      bytes[at + 1] = (byte) (value >> 16);
      bytes[at + 2] = (byte) (value >> 8);
      bytes[at + 3] = (byte) value;
      return this;
    }

    int placeholder() {
      number(0);
      return length - 4;
    }

    Out longNumber(long value) {
      return number((int) (value >> 32)).number((int) value);
    }

    Out text(String value) {
      byte[] raw = value.getBytes(StandardCharsets.UTF_8);
      number(raw.length);
      make(raw.length);
      System.arraycopy(raw, 0, bytes, length, raw.length);
      length += raw.length;
      return this;
    }

    /** Room for data after its length, to be {@link #filled}. */
    ByteBuffer room(int size) {
      make(4 + size);
      return ByteBuffer.wrap(bytes, length + 4, size);
    }

    Out filled(int count) {
      number(count);
      length += count;
      return this;
    }

    void writeTo(OutputStream out) throws IOException {
      number(0, length - 4);
      out.write(bytes, 0, length);
      out.flush();
    }

    private void make(int more) {
      if (bytes.length < length + more) {
        bytes = Arrays.copyOf(bytes, Math.max(length + more, 2 * bytes.length));
      }
    }
  }
}
