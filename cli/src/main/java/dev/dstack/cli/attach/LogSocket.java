package dev.dstack.cli.attach;

import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.Closeable;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.Locale;
import java.util.concurrent.ThreadLocalRandom;
import org.jspecify.annotations.Nullable;

/**
 * The reading half of a WebSocket (RFC 6455) over a plain socket, for the same reason as the HTTP
 * client is one: the JDK's takes longer to load than a job's first line to come. What is read is
 * pulled, so a slow terminal slows the sender down instead of filling memory.
 */
public final class LogSocket implements Closeable {
  private static final String ACCEPT = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
  private static final int CONNECT_MILLIS = 5_000;
  private static final int GREETING_MILLIS = 10_000;
  private static final int PIECE = 64 * 1024;
  private static final int NORMAL_END = 1000;

  private final Socket socket;
  private final InputStream in;
  private final OutputStream out;
  private long left;

  private LogSocket(Socket socket) throws IOException {
    this.socket = socket;
    this.in = new BufferedInputStream(socket.getInputStream(), PIECE);
    this.out = socket.getOutputStream();
  }

  static LogSocket open(String host, int port, String path) throws IOException {
    IOException failure = null;
    for (InetAddress address : InetAddress.getAllByName(host)) {
      Socket socket = new Socket();
      try {
        socket.setTcpNoDelay(true);
        socket.connect(new InetSocketAddress(address, port), CONNECT_MILLIS);
        LogSocket opened = new LogSocket(socket);
        opened.greet(host + ":" + port, path);
        return opened;
      } catch (IOException e) {
        socket.close();
        failure = failure == null ? e : failure;
      }
    }
    throw failure == null ? new IOException("no address") : failure;
  }

  private void greet(String host, String path) throws IOException {
    byte[] nonce = new byte[16];
    ThreadLocalRandom.current().nextBytes(nonce);
    String key = Base64.getEncoder().encodeToString(nonce);
    socket.setSoTimeout(GREETING_MILLIS);
    out.write(
        ("GET "
                + path
                + " HTTP/1.1\r\nHost: "
                + host
                + "\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: "
                + key
                + "\r\nSec-WebSocket-Version: 13\r\n\r\n")
            .getBytes(StandardCharsets.US_ASCII));
    out.flush();
    String status = line();
    boolean accepted = false;
    for (String header = line(); !header.isEmpty(); header = line()) {
      int colon = header.indexOf(':');
      accepted |=
          colon > 0
              && header.substring(0, colon).toLowerCase(Locale.ROOT).equals("sec-websocket-accept")
              && header.substring(colon + 1).strip().equals(answer(key));
    }
    if (!status.startsWith("HTTP/1.1 101") || !accepted) {
      throw new IOException("what answers there is no log: " + status);
    }
    socket.setSoTimeout(0);
  }

  private static String answer(String key) throws IOException {
    try {
      // What the protocol asks for; nothing depends on its strength.
      byte[] hash =
          java.security.MessageDigest.getInstance("SHA-1")
              .digest((key + ACCEPT).getBytes(StandardCharsets.US_ASCII));
      return Base64.getEncoder().encodeToString(hash);
    } catch (java.security.NoSuchAlgorithmException e) {
      throw new IOException(e);
    }
  }

  /**
   * The next bytes, as soon as there are some.
   *
   * @return null when the other side has said that this is the end
   * @throws EOFException when the connection ended without that
   */
  public byte @Nullable [] next() throws IOException {
    while (left == 0) {
      int head = in.read();
      int second = in.read();
      if (head < 0 || second < 0) {
        throw new EOFException("the connection ended");
      }
      if ((second & 0x80) != 0) {
        throw new IOException("a server does not mask");
      }
      long length = length(second & 0x7f);
      switch (head & 0x0f) {
        case 0, 1, 2 -> left = length;
        case 8 -> {
          byte[] reason = payload(length);
          frame(8, reason);
          int code = reason.length < 2 ? NORMAL_END : (reason[0] & 0xff) << 8 | (reason[1] & 0xff);
          if (code != NORMAL_END) {
            throw new EOFException("the other side ended with " + code);
          }
          return null;
        }
        case 9 -> frame(10, payload(length));
        case 10 -> payload(length);
        default -> throw new IOException("no frame of a WebSocket");
      }
    }
    byte[] piece = new byte[(int) Math.min(PIECE, left)];
    int read = in.read(piece);
    if (read < 0) {
      throw new EOFException("the connection ended");
    }
    left -= read;
    return read == piece.length ? piece : java.util.Arrays.copyOf(piece, read);
  }

  private long length(int first) throws IOException {
    if (first < 126) {
      return first;
    }
    byte[] bytes = payload(first == 126 ? 2 : 8);
    long length = 0;
    for (byte b : bytes) {
      length = length << 8 | (b & 0xff);
    }
    if (length < 0) {
      throw new IOException("no frame of a WebSocket");
    }
    return length;
  }

  private byte[] payload(long length) throws IOException {
    if (length > PIECE) {
      throw new IOException("no frame of a WebSocket");
    }
    byte[] bytes = in.readNBytes((int) length);
    if (bytes.length < length) {
      throw new EOFException("the connection ended");
    }
    return bytes;
  }

  /** With a mask, as a client's frames must have; of zeros, it changes nothing. */
  private void frame(int kind, byte[] payload) throws IOException {
    int length = Math.min(payload.length, 125);
    ByteArrayOutputStream frame = new ByteArrayOutputStream(length + 6);
    frame.write(0x80 | kind);
    frame.write(0x80 | length);
    frame.write(new byte[4]);
    frame.write(payload, 0, length);
    out.write(frame.toByteArray());
    out.flush();
  }

  private String line() throws IOException {
    StringBuilder line = new StringBuilder();
    for (int c = in.read(); c != '\n'; c = in.read()) {
      if (c < 0 || line.length() > 8192) {
        throw new EOFException("no answer");
      }
      if (c != '\r') {
        line.append((char) c);
      }
    }
    return line.toString();
  }

  /** Also from another thread, to end {@link #next}. */
  @Override
  public void close() {
    try {
      socket.close();
    } catch (IOException e) {
      // it is gone either way
    }
  }
}
