package dev.dstack.agent.ssh;

import java.io.IOException;
import java.io.InputStream;
import java.io.InterruptedIOException;
import java.io.OutputStream;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.concurrent.Semaphore;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.apache.sshd.common.SshConstants;
import org.apache.sshd.common.util.buffer.Buffer;
import org.apache.sshd.core.CoreModuleProperties;
import org.apache.sshd.server.channel.AbstractServerChannel;
import org.jspecify.annotations.Nullable;

/**
 * A channel whose two directions are moved by threads of their own: what arrives is kept until it
 * was taken, and only then the client may send more; what is sent waits for the client's window and
 * for the network, so neither side can fill this process's memory.
 */
abstract class WireChannel extends AbstractServerChannel {
  /** As much as OpenSSH offers; a fast line over a long way needs it. */
  static final long WINDOW_BYTES = 2 * 1024 * 1024;

  /** Forwarded connections may be many. */
  static final long FORWARD_WINDOW_BYTES = 512 * 1024;

  static final int PACKET_BYTES = 32 * 1024;

  /** Packets that are encrypted and wait for the network. */
  private static final int UNDERWAY = 12;

  private static final Duration FOR_EVER = Duration.ofDays(365);

  private final ReentrantLock lock = new ReentrantLock();
  private final Condition arrival = lock.newCondition();
  private final Deque<byte[]> arrived = new ArrayDeque<>();
  private boolean noMore;

  private final ReentrantLock sending = new ReentrantLock();
  private final Semaphore underway = new Semaphore(UNDERWAY);

  WireChannel(long windowBytes) {
    super(null);
    CoreModuleProperties.WINDOW_SIZE.set(this, windowBytes);
    CoreModuleProperties.MAX_PACKET_SIZE.set(this, (long) PACKET_BYTES);
  }

  // --- what arrives ------------------------------------------------------------------------------

  @Override
  protected void doWriteData(byte[] data, int off, long len) {
    byte[] piece = new byte[(int) len];
    System.arraycopy(data, off, piece, 0, piece.length);
    lock.lock();
    try {
      arrived.add(piece);
      arrival.signal();
    } finally {
      lock.unlock();
    }
  }

  @Override
  protected void doWriteExtendedData(byte[] data, int off, long len) throws IOException {
    getLocalWindow().release(len);
  }

  @Override
  public void handleEof() throws IOException {
    super.handleEof();
    noMoreArrives();
  }

  @Override
  protected void preClose() {
    noMoreArrives();
    super.preClose();
    gone();
  }

  /** The channel is being closed, by whom ever. */
  void gone() {}

  private void noMoreArrives() {
    lock.lock();
    try {
      noMore = true;
      arrival.signalAll();
    } finally {
      lock.unlock();
    }
  }

  /** The next piece; null: the client will not send any more. To be {@link #taken}. */
  byte @Nullable [] take() throws InterruptedException {
    lock.lock();
    try {
      while (arrived.isEmpty() && !noMore) {
        arrival.await();
      }
      return arrived.poll();
    } finally {
      lock.unlock();
    }
  }

  void taken(int bytes) throws IOException {
    if (!isClosing()) {
      getLocalWindow().release(bytes);
    }
  }

  InputStream input() {
    return new InputStream() {
      private byte[] piece = {};
      private int at;

      @Override
      public int read() throws IOException {
        byte[] one = new byte[1];
        return read(one, 0, 1) < 0 ? -1 : one[0] & 0xFF;
      }

      @Override
      public int read(byte[] into, int from, int length) throws IOException {
        if (length == 0) {
          return 0;
        }
        while (at == piece.length) {
          byte[] next;
          try {
            next = take();
          } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new InterruptedIOException("interrupted while reading from a client");
          }
          if (next == null) {
            return -1;
          }
          piece = next;
          at = 0;
          taken(piece.length);
        }
        int count = Math.min(length, piece.length - at);
        System.arraycopy(piece, at, into, from, count);
        at += count;
        return count;
      }
    };
  }

  // --- what is sent ------------------------------------------------------------------------------

  /** Returns when it is on its way, which may take as long as the client takes. */
  void send(byte[] bytes, int from, int length, boolean error) throws IOException {
    int at = from;
    int left = length;
    while (left > 0) {
      sending.lock();
      try {
        long space = getRemoteWindow().waitForSpace(FOR_EVER);
        int count = (int) Math.min(left, Math.min(space, packetBytes()));
        getRemoteWindow().consume(count);
        byte kind =
            error ? SshConstants.SSH_MSG_CHANNEL_EXTENDED_DATA : SshConstants.SSH_MSG_CHANNEL_DATA;
        Buffer packet = getSession().createBuffer(kind, count + 12);
        packet.putUInt(getRecipient());
        if (error) {
          packet.putUInt(SshConstants.SSH_EXTENDED_DATA_STDERR);
        }
        packet.putUInt(count);
        packet.putRawBytes(bytes, at, count);
        underway.acquire();
        try {
          writePacket(packet).addListener(_ -> underway.release());
        } catch (IOException | RuntimeException e) {
          underway.release();
          throw e;
        }
        at += count;
        left -= count;
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new InterruptedIOException("interrupted while sending to a client");
      } finally {
        sending.unlock();
      }
    }
  }

  private long packetBytes() {
    return Math.min(getRemoteWindow().getPacketSize(), PACKET_BYTES);
  }

  OutputStream output() {
    return new OutputStream() {
      @Override
      public void write(int one) throws IOException {
        send(new byte[] {(byte) one}, 0, 1, false);
      }

      @Override
      public void write(byte[] bytes, int from, int length) throws IOException {
        send(bytes, from, length, false);
      }
    };
  }

  /** After what was sent before. */
  void sendEndOfData() throws IOException {
    sendEof();
  }
}
