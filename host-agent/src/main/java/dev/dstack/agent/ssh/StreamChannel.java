package dev.dstack.agent.ssh;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.time.Duration;
import java.util.function.Consumer;
import org.apache.sshd.client.future.DefaultOpenFuture;
import org.apache.sshd.client.future.OpenFuture;
import org.apache.sshd.common.SshConstants;
import org.apache.sshd.common.channel.exception.SshChannelOpenException;
import org.apache.sshd.common.util.buffer.Buffer;
import org.jspecify.annotations.Nullable;

/** A channel between the client and a connection of this side, whichever of the two was first. */
abstract class StreamChannel extends WireChannel {
  private static final Duration FAREWELL = Duration.ofSeconds(10);

  private volatile @Nullable SocketChannel socket;
  private volatile @Nullable Thread writer;
  private @Nullable OpenFuture opening;

  StreamChannel() {
    super(FORWARD_WINDOW_BYTES);
  }

  // --- opened by the client ----------------------------------------------------------------------

  /** Reads what is asked for. */
  abstract Target target(Buffer buffer);

  /** What a client's channel leads to. */
  sealed interface Target {
    /** Connects; it may take its time. */
    @FunctionalInterface
    non-sealed interface Connect extends Target {
      SocketChannel open() throws IOException;
    }

    /** Something in this process that answers. */
    @FunctionalInterface
    non-sealed interface Serve extends Target {
      void serve(StreamChannel channel) throws IOException, InterruptedException;
    }

    record Refuse(String why) implements Target {}
  }

  @Override
  protected OpenFuture doInit(Buffer buffer) {
    OpenFuture future = new DefaultOpenFuture(this, this);
    Target target = target(buffer);
    switch (target) {
      case Target.Refuse(String why) ->
          fail(future, SshConstants.SSH_OPEN_ADMINISTRATIVELY_PROHIBITED, why);
      case Target.Serve server -> {
        opened(future);
        virtual(() -> serve(server));
      }
      case Target.Connect connect -> virtual(() -> connect(connect, future));
    }
    return future;
  }

  private void serve(Target.Serve server) {
    try {
      server.serve(this);
      sendEndOfData();
      close(false);
    } catch (IOException e) {
      close(true);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      close(true);
    }
  }

  private void connect(Target.Connect connect, OpenFuture future) {
    SocketChannel connected;
    try {
      connected = connect.open();
    } catch (IOException | RuntimeException e) {
      String words = e.getMessage();
      fail(
          future,
          SshConstants.SSH_OPEN_CONNECT_FAILED,
          words == null ? e.getClass().getSimpleName() : words);
      return;
    }
    socket = connected;
    writer = virtual(() -> toPeer(connected));
    opened(future);
    move(connected);
  }

  private void opened(OpenFuture future) {
    signalChannelOpenSuccess();
    future.setOpened();
    notifyStateChanged("opened");
  }

  private void fail(OpenFuture future, int reason, String words) {
    SshChannelOpenException problem = new SshChannelOpenException(getChannelId(), reason, words);
    signalChannelOpenFailure(problem);
    future.setException(problem);
    close(true);
  }

  // --- opened by this side -----------------------------------------------------------------------

  /**
   * Asks the client to take a connection.
   *
   * @param detail writes what belongs to this kind of channel
   */
  void offer(String kind, SocketChannel accepted, Consumer<Buffer> detail) throws IOException {
    socket = accepted;
    OpenFuture future = new DefaultOpenFuture(this, this);
    opening = future;
    configureWindow();
    Buffer buffer = getSession().createBuffer(SshConstants.SSH_MSG_CHANNEL_OPEN, 256);
    buffer.putString(kind);
    buffer.putUInt(getChannelId());
    buffer.putUInt(getLocalWindow().getSize());
    buffer.putUInt(getLocalWindow().getPacketSize());
    detail.accept(buffer);
    writePacket(buffer);
  }

  @Override
  public void handleOpenSuccess(long recipient, long size, long packetSize, Buffer buffer) {
    SocketChannel accepted = socket;
    OpenFuture future = opening;
    if (accepted == null || future == null) {
      return;
    }
    setRecipient(recipient);
    getRemoteWindow().init(size, packetSize, getSession());
    writer = virtual(() -> toPeer(accepted));
    opened(future);
    virtual(() -> move(accepted));
  }

  @Override
  public void handleOpenFailure(Buffer buffer) {
    close(true);
  }

  // --- both --------------------------------------------------------------------------------------

  private void move(SocketChannel peer) {
    try {
      byte[] piece = new byte[PACKET_BYTES];
      ByteBuffer buffer = ByteBuffer.wrap(piece);
      while (peer.read(buffer.clear()) >= 0) {
        send(piece, 0, buffer.position(), false);
      }
      sendEndOfData();
      Thread writing = writer;
      if (writing != null) {
        writing.join();
      }
      close(false);
    } catch (IOException e) {
      close(false);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      close(true);
    }
  }

  private void toPeer(SocketChannel peer) {
    try {
      byte[] piece = take();
      while (piece != null) {
        ByteBuffer buffer = ByteBuffer.wrap(piece);
        while (buffer.hasRemaining()) {
          peer.write(buffer);
        }
        taken(piece.length);
        piece = take();
      }
      peer.shutdownOutput();
    } catch (IOException e) {
      close(false);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** A client closes as soon as it has sent everything; what has arrived of it still goes on. */
  @Override
  void gone() {
    SocketChannel peer = socket;
    if (peer != null) {
      Thread writing = writer;
      virtual(() -> closeAfter(writing, peer));
    }
  }

  private static void closeAfter(@Nullable Thread writing, SocketChannel peer) {
    try (peer) {
      if (writing != null && !writing.join(FAREWELL)) {
        writing.interrupt();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } catch (IOException e) {
      // It is of no use any more, in whatever state it is.
      return;
    }
  }

  private static Thread virtual(Runnable work) {
    return Thread.ofVirtual().name("ssh-forward").start(work);
  }
}
