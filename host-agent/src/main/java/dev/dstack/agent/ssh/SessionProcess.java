package dev.dstack.agent.ssh;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * A program that somebody who logged in has started, with this side's ends of its streams. Every
 * stream is moved by one thread that alone reads or writes its descriptor; descriptors are closed
 * when the last of them has let go.
 */
final class SessionProcess {
  private static final int PIPE_BYTES = 256 * 1024;

  /** A program that still holds a pipe after its parent's end is looked after this often. */
  private static final int LOOK_MILLIS = 500;

  private final int pid;
  private final boolean terminal;
  private final int in;
  private final int out;
  private final int error;
  private final int wake;
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition released = lock.newCondition();
  private int users;
  private boolean inClosed;
  private volatile boolean ended;
  private volatile boolean abandoned;

  /** How it ended. */
  record Exit(int status, int signal) {}

  private SessionProcess(int pid, boolean terminal, int in, int out, int error, int wake) {
    this.pid = pid;
    this.terminal = terminal;
    this.in = in;
    this.out = out;
    this.error = error;
    this.wake = wake;
  }

  /**
   * @param terminal absent: pipes
   * @param owner of the terminal; -1: whoever this process is
   */
  static SessionProcess start(
      List<String> command,
      Map<String, String> environment,
      Path directory,
      @Nullable TerminalRequest terminal,
      int owner)
      throws IOException {
    List<Integer> opened = new ArrayList<>();
    try (LibC.Calls calls = new LibC.Calls()) {
      try {
        if (terminal != null) {
          int master = calls.openTerminal();
          opened.add(master);
          String name = calls.terminalName(master);
          calls.resize(
              master, terminal.columns(), terminal.rows(), terminal.width(), terminal.height());
          terminal.applyModes(calls, master);
          if (owner >= 0) {
            Files.setAttribute(Path.of(name), "unix:uid", owner);
          }
          int wake = calls.event();
          opened.add(wake);
          calls.nonBlocking(master);
          environment.put("SSH_TTY", name);
          int pid =
              Spawn.start(
                  command, environment, directory.toString(), new Spawn.Streams.Terminal(name));
          return new SessionProcess(pid, true, master, master, -1, wake);
        }
        int[] in = calls.pipe(PIPE_BYTES);
        opened.add(in[0]);
        opened.add(in[1]);
        int[] out = calls.pipe(PIPE_BYTES);
        opened.add(out[0]);
        opened.add(out[1]);
        int[] error = calls.pipe(PIPE_BYTES);
        opened.add(error[0]);
        opened.add(error[1]);
        int wake = calls.event();
        opened.add(wake);
        calls.nonBlocking(in[1]);
        calls.nonBlocking(out[0]);
        calls.nonBlocking(error[0]);
        int pid =
            Spawn.start(
                command,
                environment,
                directory.toString(),
                new Spawn.Streams.Pipes(in[0], out[1], error[1]));
        calls.close(in[0]);
        calls.close(out[1]);
        calls.close(error[1]);
        return new SessionProcess(pid, false, in[1], out[0], error[0], wake);
      } catch (IOException | RuntimeException e) {
        opened.forEach(calls::close);
        throw e;
      }
    }
  }

  boolean isTerminal() {
    return terminal;
  }

  /** What takes a piece of output. */
  @FunctionalInterface
  interface Sink {
    void write(byte[] bytes, int length) throws IOException;
  }

  /** Moves the output, or the errors, until there are none any more. */
  void pump(boolean errors, int pieceBytes, Sink sink) throws IOException {
    use();
    try (LibC.Calls calls = new LibC.Calls()) {
      int descriptor = errors ? error : out;
      byte[] piece = new byte[pieceBytes];
      while (!abandoned) {
        LibC.Answer read = calls.read(descriptor, piece, 0, piece.length);
        if (read.value() > 0) {
          sink.write(piece, (int) read.value());
        } else if (read.value() == 0 || read.errno() == LibC.EIO) {
          return;
        } else if (read.errno() != LibC.EAGAIN && read.errno() != LibC.EINTR) {
          read.orThrow("reading a session's output");
        } else if (ended && terminal) {
          // Whoever still holds the terminal is no part of the session any more.
          return;
        } else if (ended) {
          calls.poll(descriptor, LibC.POLLIN, -1, LOOK_MILLIS);
        } else {
          calls.poll(descriptor, LibC.POLLIN, wake, -1);
        }
      }
    } finally {
      letGo();
    }
  }

  /** Gives input to the program; false: it does not want any more. */
  boolean feed(LibC.Calls calls, byte[] bytes, int length) throws IOException {
    int at = 0;
    while (at < length) {
      if (abandoned || ended) {
        return false;
      }
      LibC.Answer written = calls.write(in, bytes, at, length - at);
      if (written.value() > 0) {
        at += (int) written.value();
      } else if (written.errno() == LibC.EAGAIN || written.errno() == LibC.EINTR) {
        calls.poll(in, LibC.POLLOUT, wake, -1);
      } else {
        return false;
      }
    }
    return true;
  }

  /** The one thread that feeds says that it is going to. */
  void startFeeding() {
    use();
  }

  /** There is no more input. */
  void stopFeeding(LibC.Calls calls) throws IOException {
    if (terminal) {
      byte[] endOfFile = {4};
      feed(calls, endOfFile, 1);
    }
    lock.lock();
    try {
      if (!terminal && !inClosed) {
        inClosed = true;
        calls.close(in);
      }
    } finally {
      lock.unlock();
    }
    letGo();
  }

  /** Waits for the end of the program; call it once. */
  Exit waitFor() throws IOException {
    try (LibC.Calls calls = new LibC.Calls()) {
      int status = calls.waitFor(pid);
      ended = true;
      calls.signal(wake);
      int signal = status & 0x7F;
      return new Exit(signal == 0 ? (status >> 8) & 0xFF : 128 + signal, signal);
    }
  }

  void resize(int columns, int rows, int width, int height) throws IOException {
    lock.lock();
    try (LibC.Calls calls = new LibC.Calls()) {
      if (terminal && users > 0 && !ended) {
        calls.resize(out, columns, rows, width, height);
      }
    } finally {
      lock.unlock();
    }
  }

  /** To the whole group. */
  void signal(int number) {
    if (!ended) {
      try (LibC.Calls calls = new LibC.Calls()) {
        calls.kill(-pid, number);
      }
    }
  }

  /**
   * The client is gone. With a terminal the session hears so, as when a line is cut; without one a
   * program only notices when it reads or writes.
   */
  void abandon() {
    abandoned = true;
    lock.lock();
    try (LibC.Calls calls = new LibC.Calls()) {
      if (terminal && !ended) {
        calls.kill(-pid, 1);
      }
      if (users > 0) {
        calls.signal(wake);
      }
    } finally {
      lock.unlock();
    }
  }

  /** Closes what is still open when all threads have let go of it. */
  void close() throws InterruptedException {
    lock.lock();
    try (LibC.Calls calls = new LibC.Calls()) {
      while (users > 0) {
        if (!released.await(1, TimeUnit.SECONDS) && abandoned) {
          calls.signal(wake);
        }
      }
      if (terminal || !inClosed) {
        inClosed = true;
        calls.close(in);
      }
      if (!terminal) {
        calls.close(out);
        calls.close(error);
      }
      calls.close(wake);
    } finally {
      lock.unlock();
    }
  }

  private void use() {
    lock.lock();
    try {
      users++;
    } finally {
      lock.unlock();
    }
  }

  private void letGo() {
    lock.lock();
    try {
      users--;
      released.signalAll();
    } finally {
      lock.unlock();
    }
  }
}
