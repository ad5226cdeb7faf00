package dev.dstack.agent.live;

import java.io.BufferedInputStream;
import java.io.DataInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.URI;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.time.format.DateTimeParseException;
import java.util.Base64;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * The server's side of one WebSocket (RFC 6455) at {@code /logs_ws}: binary messages with the raw
 * output from the start, or from {@code start_time} (RFC 3339), then what comes; when the task's
 * output is complete it says goodbye with status 1000.
 */
public final class LogSocket {
  private static final String KEY_SUFFIX = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
  private static final int MESSAGE_BYTES = 32 * 1024;
  private static final int MAX_HEAD_BYTES = 16 * 1024;
  private static final int MAX_CLIENT_FRAME_BYTES = 64 * 1024;
  private static final Duration LOOK = Duration.ofSeconds(20);

  private static final int BINARY = 0x2;
  private static final int CLOSE = 0x8;
  private static final int PING = 0x9;
  private static final int PONG = 0xA;

  private static final int NORMAL = 1000;
  private static final int PROTOCOL_ERROR = 1002;
  private static final int UNSUPPORTED_DATA = 1003;

  private final LiveLog log;
  private final DataInputStream in;
  private final OutputStream out;
  private final ReentrantLock sending = new ReentrantLock();
  private boolean closeSent;
  private volatile boolean clientGone;

  private LogSocket(LiveLog log, InputStream in, OutputStream out) {
    this.log = log;
    this.in = new DataInputStream(new BufferedInputStream(in));
    this.out = out;
  }

  /** Answers one connection until its end. Closing the streams is the caller's. */
  public static void serve(LiveLog log, InputStream in, OutputStream out)
      throws IOException, InterruptedException {
    new LogSocket(log, in, out).run();
  }

  private void run() throws IOException, InterruptedException {
    Head head = readHead();
    if (head == null) {
      return;
    }
    URI target;
    try {
      target = URI.create(head.target());
    } catch (IllegalArgumentException e) {
      refuse("400 Bad Request", "the path can't be read");
      return;
    }
    if (!"/logs_ws".equals(target.getPath())) {
      refuse("404 Not Found", "there is only /logs_ws here");
      return;
    }
    String key = head.fields().get("sec-websocket-key");
    String upgrade = head.fields().getOrDefault("upgrade", "");
    if (!head.method().equals("GET") || key == null || !upgrade.equalsIgnoreCase("websocket")) {
      refuse("426 Upgrade Required", "/logs_ws is a WebSocket");
      return;
    }
    write(
        ("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                + "Sec-WebSocket-Accept: "
                + accept(key)
                + "\r\n\r\n")
            .getBytes(StandardCharsets.ISO_8859_1));
    long offset;
    try {
      offset = start(target.getRawQuery());
    } catch (DateTimeParseException e) {
      close(UNSUPPORTED_DATA, "start_time is not a time in RFC 3339");
      return;
    }
    Thread sender = Thread.currentThread();
    Thread listener =
        Thread.ofVirtual()
            .name("logs-ws-client")
            .start(
                () -> {
                  listen();
                  clientGone = true;
                  sender.interrupt();
                });
    try {
      send(offset);
    } catch (InterruptedException e) {
      if (!clientGone) {
        throw e;
      }
    } finally {
      listener.interrupt();
    }
  }

  private void send(long start) throws IOException, InterruptedException {
    long offset = start;
    byte[] bytes = new byte[MESSAGE_BYTES];
    while (!clientGone) {
      int length = log.read(offset, bytes);
      if (length > 0) {
        frame(BINARY, bytes, length);
        offset += length;
      } else if (!log.await(offset, LOOK)) {
        close(NORMAL, "");
        return;
      }
    }
  }

  private long start(@Nullable String query) throws IOException {
    if (query != null) {
      for (String part : query.split("&")) {
        if (part.startsWith("start_time=")) {
          String text =
              URLDecoder.decode(part.substring("start_time=".length()), StandardCharsets.UTF_8);
          if (!text.isEmpty()) {
            // A plus sign that was not encoded has become a space.
            return log.offsetAt(time(text.replace(' ', '+')));
          }
        }
      }
    }
    return 0;
  }

  private static Instant time(String text) {
    return OffsetDateTime.parse(text).toInstant();
  }

  /** Pings are answered; everything else a client says but goodbye has no meaning here. */
  private void listen() {
    try {
      while (true) {
        int first = in.readUnsignedByte();
        int second = in.readUnsignedByte();
        long length = second & 0x7F;
        if (length == 126) {
          length = in.readUnsignedShort();
        } else if (length == 127) {
          length = in.readLong();
        }
        boolean masked = (second & 0x80) != 0;
        if (!masked || length < 0 || length > MAX_CLIENT_FRAME_BYTES || (first & 0x70) != 0) {
          close(PROTOCOL_ERROR, "");
          return;
        }
        byte[] mask = in.readNBytes(4);
        byte[] payload = in.readNBytes((int) length);
        if (mask.length < 4 || payload.length < length) {
          return;
        }
        for (int i = 0; i < payload.length; i++) {
          payload[i] ^= mask[i % 4];
        }
        switch (first & 0xF) {
          case PING -> frame(PONG, payload, payload.length);
          case CLOSE -> {
            close(NORMAL, "");
            return;
          }
          default -> {}
        }
      }
    } catch (IOException e) {
      // The client is gone; that ends the sender, too.
      return;
    }
  }

  private void close(int status, String reason) throws IOException {
    byte[] words = reason.getBytes(StandardCharsets.UTF_8);
    byte[] payload = new byte[2 + words.length];
    payload[0] = (byte) (status >> 8);
    payload[1] = (byte) status;
    System.arraycopy(words, 0, payload, 2, words.length);
    frame(CLOSE, payload, payload.length);
  }

  private void frame(int opcode, byte[] payload, int length) throws IOException {
    byte[] whole = new byte[(length < 126 ? 2 : length < 65_536 ? 4 : 10) + length];
    whole[0] = (byte) (0x80 | opcode);
    int at;
    if (length < 126) {
      whole[1] = (byte) length;
      at = 2;
    } else if (length < 65_536) {
      whole[1] = 126;
      whole[2] = (byte) (length >> 8);
      whole[3] = (byte) length;
      at = 4;
    } else {
      whole[1] = 127;
      for (int i = 0; i < 4; i++) {
        whole[6 + i] = (byte) (length >> (24 - 8 * i));
      }
      at = 10;
    }
    System.arraycopy(payload, 0, whole, at, length);
    sending.lock();
    try {
      if (closeSent) {
        return;
      }
      closeSent = opcode == CLOSE;
      out.write(whole);
      out.flush();
    } finally {
      sending.unlock();
    }
  }

  private void refuse(String status, String words) throws IOException {
    byte[] body = (words + "\n").getBytes(StandardCharsets.UTF_8);
    write(
        ("HTTP/1.1 "
                + status
                + "\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n"
                + "Content-Length: "
                + body.length
                + "\r\n\r\n"
                + words
                + "\n")
            .getBytes(StandardCharsets.UTF_8));
  }

  private void write(byte[] bytes) throws IOException {
    out.write(bytes);
    out.flush();
  }

  private record Head(String method, String target, Map<String, String> fields) {}

  /** Null: the client said nothing, or nothing that is HTTP. */
  private @Nullable Head readHead() throws IOException {
    StringBuilder text = new StringBuilder();
    while (text.indexOf("\r\n\r\n") < 0) {
      int one = in.read();
      if (one < 0) {
        return null;
      }
      text.append((char) one);
      if (text.length() > MAX_HEAD_BYTES) {
        refuse("431 Request Header Fields Too Large", "the request is too long");
        return null;
      }
    }
    String[] lines = text.toString().split("\r\n");
    String[] words = lines[0].split(" ");
    if (words.length != 3) {
      refuse("400 Bad Request", "this is not HTTP");
      return null;
    }
    Map<String, String> fields = new HashMap<>();
    for (int i = 1; i < lines.length; i++) {
      int colon = lines[i].indexOf(':');
      if (colon > 0) {
        fields.put(
            lines[i].substring(0, colon).strip().toLowerCase(Locale.ROOT),
            lines[i].substring(colon + 1).strip());
      }
    }
    return new Head(words[0], words[1], fields);
  }

  private static String accept(String key) {
    try {
      byte[] digest =
          MessageDigest.getInstance("SHA-1")
              .digest((key + KEY_SUFFIX).getBytes(StandardCharsets.ISO_8859_1));
      return Base64.getEncoder().encodeToString(digest);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java has SHA-1", e);
    }
  }
}
