package dev.dstack.cli.http;

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
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.Channels;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.SSLSocketFactory;
import org.jspecify.annotations.Nullable;

/**
 * One connection of HTTP/1.1, kept open as long as the server agrees. Not for several threads at
 * once.
 */
final class HttpConnection implements Closeable {
  private static final Duration CONNECT = Duration.ofSeconds(10);
  private static final int MAX_HEADER_LINE = 64 * 1024;

  record Answer(int status, Map<String, String> headers, byte[] body) {}

  /** What is sent after the head; its length is known. */
  interface Body {
    long length();

    void writeTo(OutputStream out) throws IOException;
  }

  private final Closeable socket;
  private final @Nullable Socket timed;
  private final InputStream in;
  private final OutputStream out;
  private boolean reusable = true;
  private volatile boolean closed;

  private HttpConnection(
      Closeable socket, @Nullable Socket timed, InputStream in, OutputStream out) {
    this.socket = socket;
    this.timed = timed;
    this.in = new BufferedInputStream(in, 32 * 1024);
    this.out = out;
  }

  static HttpConnection open(ServerAddress address) throws IOException {
    Path path = address.socket();
    if (path != null) {
      SocketChannel channel = SocketChannel.open(StandardProtocolFamily.UNIX);
      channel.connect(UnixDomainSocketAddress.of(path));
      return new HttpConnection(
          channel, null, Channels.newInputStream(channel), Channels.newOutputStream(channel));
    }
    Socket socket = connect(address);
    if (!address.tls()) {
      return new HttpConnection(socket, socket, socket.getInputStream(), socket.getOutputStream());
    }
    SSLSocketFactory factory = (SSLSocketFactory) SSLSocketFactory.getDefault();
    SSLSocket tls = (SSLSocket) factory.createSocket(socket, address.host(), address.port(), true);
    SSLParameters parameters = tls.getSSLParameters();
    parameters.setEndpointIdentificationAlgorithm("HTTPS");
    tls.setSSLParameters(parameters);
    tls.startHandshake();
    return new HttpConnection(tls, tls, tls.getInputStream(), tls.getOutputStream());
  }

  /**
   * Every address of the name is tried: {@code localhost} may be ::1 first where the server has
   * 127.0.0.1 only.
   */
  private static Socket connect(ServerAddress address) throws IOException {
    IOException failure = null;
    for (InetAddress candidate : InetAddress.getAllByName(address.host())) {
      Socket socket = new Socket();
      try {
        socket.setTcpNoDelay(true);
        socket.connect(new InetSocketAddress(candidate, address.port()), (int) CONNECT.toMillis());
        return socket;
      } catch (IOException e) {
        socket.close();
        failure = failure == null ? e : failure;
      }
    }
    throw failure == null ? new IOException("no address") : failure;
  }

  boolean reusable() {
    return reusable && !closed;
  }

  /** One whole exchange. */
  Answer exchange(String head, Body body, Duration timeout) throws IOException {
    if (timed != null) {
      timed.setSoTimeout((int) timeout.toMillis());
    }
    boolean whole = false;
    try {
      byte[] headBytes = head.getBytes(StandardCharsets.UTF_8);
      if (body.length() < 16 * 1024) {
        ByteArrayOutputStream together =
            new ByteArrayOutputStream(headBytes.length + (int) body.length());
        together.write(headBytes);
        body.writeTo(together);
        out.write(together.toByteArray());
      } else {
        out.write(headBytes);
        body.writeTo(out);
      }
      out.flush();
      Answer answer = read();
      whole = true;
      return answer;
    } finally {
      reusable &= whole;
    }
  }

  private Answer read() throws IOException {
    int status;
    Map<String, String> headers = new HashMap<>();
    do {
      String line = line();
      if (!line.startsWith("HTTP/1.") || line.length() < 12) {
        throw new IOException("the answer is no HTTP");
      }
      status = digits(line, 9, 12);
      headers.clear();
      for (String header = line(); !header.isEmpty(); header = line()) {
        int colon = header.indexOf(':');
        if (colon > 0) {
          headers.put(
              header.substring(0, colon).toLowerCase(Locale.ROOT),
              header.substring(colon + 1).strip());
        }
      }
    } while (status >= 100 && status < 200);
    if ("close".equalsIgnoreCase(headers.get("connection"))) {
      reusable = false;
    }
    return new Answer(status, headers, body(status, headers));
  }

  private byte[] body(int status, Map<String, String> headers) throws IOException {
    if (status == 204 || status == 304) {
      return new byte[0];
    }
    if ("chunked".equalsIgnoreCase(headers.get("transfer-encoding"))) {
      return chunks();
    }
    String length = headers.get("content-length");
    if (length == null) {
      reusable = false;
      return in.readAllBytes();
    }
    int expected = digits(length, 0, length.length());
    byte[] body = in.readNBytes(expected);
    if (body.length < expected) {
      throw new EOFException("the answer ended early");
    }
    return body;
  }

  private byte[] chunks() throws IOException {
    ByteArrayOutputStream body = new ByteArrayOutputStream();
    while (true) {
      String size = line();
      int semicolon = size.indexOf(';');
      int length;
      try {
        length =
            Integer.parseInt((semicolon < 0 ? size : size.substring(0, semicolon)).strip(), 16);
      } catch (NumberFormatException e) {
        throw new IOException("the answer is no HTTP", e);
      }
      if (length == 0) {
        while (!line().isEmpty()) {
          // trailers mean nothing to us
        }
        return body.toByteArray();
      }
      byte[] chunk = in.readNBytes(length);
      if (chunk.length < length) {
        throw new EOFException("the answer ended early");
      }
      body.write(chunk);
      line();
    }
  }

  private String line() throws IOException {
    StringBuilder line = new StringBuilder();
    while (true) {
      int c = in.read();
      if (c < 0) {
        throw new EOFException("the server closed the connection");
      }
      if (c == '\n') {
        int length = line.length();
        if (length > 0 && line.charAt(length - 1) == '\r') {
          line.setLength(length - 1);
        }
        return line.toString();
      }
      if (line.length() > MAX_HEADER_LINE) {
        throw new IOException("the answer is no HTTP");
      }
      line.append((char) c);
    }
  }

  private static int digits(String text, int from, int to) throws IOException {
    try {
      return Integer.parseInt(text, from, to, 10);
    } catch (NumberFormatException e) {
      throw new IOException("the answer is no HTTP", e);
    }
  }

  boolean closed() {
    return closed;
  }

  /** Also from another thread, to end an exchange that waits. */
  @Override
  public void close() {
    closed = true;
    try {
      socket.close();
    } catch (IOException e) {
      // it is gone either way
    }
  }
}
