package dev.dstack.agent.ssh;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.StructLayout;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.VarHandle;

/**
 * The few functions of the C library that Java has no equal for. The values of constants are those
 * of Linux, alike on x86-64 and aarch64.
 */
final class LibC {
  static final int EINTR = 4;
  static final int EAGAIN = 11;
  static final int EIO = 5;

  static final short POLLIN = 1;
  static final short POLLOUT = 4;

  private static final int O_RDWR = 2;
  private static final int O_NOCTTY = 0x100;
  private static final int O_NONBLOCK = 0x800;
  private static final int O_CLOEXEC = 0x80000;
  private static final int F_GETFL = 3;
  private static final int F_SETFL = 4;
  private static final int F_SETPIPE_SZ = 1031;
  private static final long TIOCSWINSZ = 0x5414;
  private static final int POLLFD_BYTES = 8;

  private static final Linker LINKER = Linker.nativeLinker();
  private static final SymbolLookup LIBRARY = LINKER.defaultLookup();
  private static final StructLayout STATE = Linker.Option.captureStateLayout();
  private static final VarHandle ERRNO =
      STATE.varHandle(MemoryLayout.PathElement.groupElement("errno"));

  private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT;
  private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG;
  private static final MemoryLayout POINTER = ValueLayout.ADDRESS;

  private static final MethodHandle OPENPT = call("posix_openpt", FunctionDescriptor.of(INT, INT));
  private static final MethodHandle GRANTPT = call("grantpt", FunctionDescriptor.of(INT, INT));
  private static final MethodHandle UNLOCKPT = call("unlockpt", FunctionDescriptor.of(INT, INT));
  private static final MethodHandle PTSNAME =
      call("ptsname_r", FunctionDescriptor.of(INT, INT, POINTER, LONG));
  private static final MethodHandle IOCTL =
      variadic("ioctl", FunctionDescriptor.of(INT, INT, LONG, POINTER), 2);
  private static final MethodHandle TCGETATTR =
      call("tcgetattr", FunctionDescriptor.of(INT, INT, POINTER));
  private static final MethodHandle TCSETATTR =
      call("tcsetattr", FunctionDescriptor.of(INT, INT, INT, POINTER));
  private static final MethodHandle FCNTL =
      variadic("fcntl", FunctionDescriptor.of(INT, INT, INT, INT), 2);
  private static final MethodHandle PIPE = call("pipe2", FunctionDescriptor.of(INT, POINTER, INT));
  private static final MethodHandle EVENTFD = call("eventfd", FunctionDescriptor.of(INT, INT, INT));
  private static final MethodHandle CLOSE = call("close", FunctionDescriptor.of(INT, INT));
  private static final MethodHandle POLL =
      call("poll", FunctionDescriptor.of(INT, POINTER, LONG, INT));
  private static final MethodHandle WAITPID =
      call("waitpid", FunctionDescriptor.of(INT, INT, POINTER, INT));
  private static final MethodHandle KILL = call("kill", FunctionDescriptor.of(INT, INT, INT));

  // Only on descriptors that never block: nothing of the machine can wait for such a call.
  private static final MethodHandle READ =
      quick("read", FunctionDescriptor.of(LONG, INT, POINTER, LONG));
  private static final MethodHandle WRITE =
      quick("write", FunctionDescriptor.of(LONG, INT, POINTER, LONG));

  private LibC() {}

  @SuppressWarnings("restricted") // What this class is for.
  private static MethodHandle call(String name, FunctionDescriptor type) {
    return LINKER.downcallHandle(symbol(name), type, Linker.Option.captureCallState("errno"));
  }

  @SuppressWarnings("restricted") // What this class is for.
  private static MethodHandle quick(String name, FunctionDescriptor type) {
    return LINKER.downcallHandle(
        symbol(name), type, Linker.Option.captureCallState("errno"), Linker.Option.critical(true));
  }

  @SuppressWarnings("restricted") // What this class is for.
  private static MethodHandle variadic(String name, FunctionDescriptor type, int fixed) {
    return LINKER.downcallHandle(
        symbol(name),
        type,
        Linker.Option.captureCallState("errno"),
        Linker.Option.firstVariadicArg(fixed));
  }

  @SuppressWarnings("restricted") // What this class is for.
  static MethodHandle plain(String name, FunctionDescriptor type) {
    return LINKER.downcallHandle(symbol(name), type);
  }

  private static MemorySegment symbol(String name) {
    return LIBRARY
        .find(name)
        .orElseThrow(() -> new UnsupportedOperationException("the C library has no " + name));
  }

  /** What a call answered, and {@code errno} where it failed. */
  record Answer(long value, int errno) {
    boolean failed() {
      return value < 0;
    }

    int orThrow(String what) throws IOException {
      if (failed()) {
        throw new IOException(what + " failed, errno " + errno);
      }
      return (int) value;
    }
  }

  /** Space for one thread's calls. */
  static final class Calls implements AutoCloseable {
    private final Arena arena = Arena.ofConfined();
    private final MemorySegment state = arena.allocate(STATE);
    private final MemorySegment polled = arena.allocate(2L * POLLFD_BYTES, 4);

    private Answer answer(long value) {
      return new Answer(value, value < 0 ? (int) ERRNO.get(state, 0L) : 0);
    }

    /** A new terminal, as its master's descriptor. */
    int openTerminal() throws IOException {
      try {
        int master =
            answer((int) OPENPT.invokeExact(state, O_RDWR | O_NOCTTY | O_CLOEXEC))
                .orThrow("opening a terminal");
        answer((int) GRANTPT.invokeExact(state, master)).orThrow("granting a terminal");
        answer((int) UNLOCKPT.invokeExact(state, master)).orThrow("unlocking a terminal");
        return master;
      } catch (Throwable e) {
        throw thrown(e);
      }
    }

    String terminalName(int master) throws IOException {
      try {
        MemorySegment name = arena.allocate(128);
        int failed = (int) PTSNAME.invokeExact(state, master, name, 128L);
        if (failed != 0) {
          throw new IOException("the name of a terminal can't be found out, errno " + failed);
        }
        return name.getString(0);
      } catch (Throwable e) {
        throw thrown(e);
      }
    }

    void resize(int master, int columns, int rows, int width, int height) throws IOException {
      try {
        MemorySegment size = arena.allocate(8, 2);
        size.setAtIndex(ValueLayout.JAVA_SHORT, 0, (short) rows);
        size.setAtIndex(ValueLayout.JAVA_SHORT, 1, (short) columns);
        size.setAtIndex(ValueLayout.JAVA_SHORT, 2, (short) width);
        size.setAtIndex(ValueLayout.JAVA_SHORT, 3, (short) height);
        answer((int) IOCTL.invokeExact(state, master, TIOCSWINSZ, size))
            .orThrow("resizing a terminal");
      } catch (Throwable e) {
        throw thrown(e);
      }
    }

    /** {@code struct termios}, as the kernel of both architectures has it in the C library. */
    MemorySegment attributes(int master) throws IOException {
      try {
        MemorySegment termios = arena.allocate(128, 4);
        answer((int) TCGETATTR.invokeExact(state, master, termios))
            .orThrow("reading a terminal's modes");
        return termios;
      } catch (Throwable e) {
        throw thrown(e);
      }
    }

    void attributes(int master, MemorySegment termios) throws IOException {
      try {
        answer((int) TCSETATTR.invokeExact(state, master, 0, termios))
            .orThrow("setting a terminal's modes");
      } catch (Throwable e) {
        throw thrown(e);
      }
    }

    /** Reading end, writing end. */
    int[] pipe(int bytes) throws IOException {
      try {
        MemorySegment ends = arena.allocate(8, 4);
        answer((int) PIPE.invokeExact(state, ends, O_CLOEXEC)).orThrow("making a pipe");
        int[] both = {ends.getAtIndex(INT, 0), ends.getAtIndex(INT, 1)};
        // A host may forbid larger pipes; then it stays as it is.
        int _ = (int) FCNTL.invokeExact(state, both[0], F_SETPIPE_SZ, bytes);
        return both;
      } catch (Throwable e) {
        throw thrown(e);
      }
    }

    int event() throws IOException {
      try {
        return answer((int) EVENTFD.invokeExact(state, 0, O_CLOEXEC | O_NONBLOCK))
            .orThrow("making an event");
      } catch (Throwable e) {
        throw thrown(e);
      }
    }

    /** Makes an {@link #event} ready for good. */
    void signal(int event) {
      try {
        MemorySegment one = arena.allocate(8, 8);
        one.set(LONG, 0, 1);
        long _ = (long) WRITE.invokeExact(state, event, one, 8L);
      } catch (Throwable e) {
        throw unexpected(e);
      }
    }

    void nonBlocking(int descriptor) throws IOException {
      try {
        int flags =
            answer((int) FCNTL.invokeExact(state, descriptor, F_GETFL, 0)).orThrow("reading flags");
        answer((int) FCNTL.invokeExact(state, descriptor, F_SETFL, flags | O_NONBLOCK))
            .orThrow("setting flags");
      } catch (Throwable e) {
        throw thrown(e);
      }
    }

    void close(int descriptor) {
      try {
        int _ = (int) CLOSE.invokeExact(state, descriptor);
      } catch (Throwable e) {
        throw unexpected(e);
      }
    }

    /**
     * Waits until one of two descriptors is ready.
     *
     * @param second -1: none
     * @param millis -1: for ever
     * @return bit 0: the first is, bit 1: the second is
     */
    int poll(int first, short firstEvents, int second, int millis) throws IOException {
      try {
        polled.set(INT, 0, first);
        polled.set(ValueLayout.JAVA_SHORT, 4, firstEvents);
        polled.set(ValueLayout.JAVA_SHORT, 6, (short) 0);
        polled.set(INT, 8, second);
        polled.set(ValueLayout.JAVA_SHORT, 12, POLLIN);
        polled.set(ValueLayout.JAVA_SHORT, 14, (short) 0);
        Answer ready = answer((int) POLL.invokeExact(state, polled, 2L, millis));
        if (ready.failed() && ready.errno() != EINTR) {
          ready.orThrow("waiting for a descriptor");
        }
        if (ready.value() <= 0) {
          return 0;
        }
        return (polled.get(ValueLayout.JAVA_SHORT, 6) == 0 ? 0 : 1)
            | (polled.get(ValueLayout.JAVA_SHORT, 14) == 0 ? 0 : 2);
      } catch (Throwable e) {
        throw thrown(e);
      }
    }

    /** On a descriptor that does not block. */
    Answer read(int descriptor, byte[] into, int from, int length) throws IOException {
      try {
        MemorySegment part = MemorySegment.ofArray(into).asSlice(from, length);
        return answer((long) READ.invokeExact(state, descriptor, part, (long) length));
      } catch (Throwable e) {
        throw thrown(e);
      }
    }

    /** On a descriptor that does not block. */
    Answer write(int descriptor, byte[] bytes, int from, int length) throws IOException {
      try {
        MemorySegment part = MemorySegment.ofArray(bytes).asSlice(from, length);
        return answer((long) WRITE.invokeExact(state, descriptor, part, (long) length));
      } catch (Throwable e) {
        throw thrown(e);
      }
    }

    /** Waits for a child of this process; its raw status. */
    int waitFor(int pid) throws IOException {
      try {
        MemorySegment status = arena.allocate(4, 4);
        while (true) {
          Answer ended = answer((int) WAITPID.invokeExact(state, pid, status, 0));
          if (!ended.failed()) {
            return status.get(INT, 0);
          }
          if (ended.errno() != EINTR) {
            ended.orThrow("waiting for process " + pid);
          }
        }
      } catch (Throwable e) {
        throw thrown(e);
      }
    }

    /** A process, or by its negative number a group. One that is gone is no error. */
    void kill(int pid, int signal) {
      try {
        int _ = (int) KILL.invokeExact(state, pid, signal);
      } catch (Throwable e) {
        throw unexpected(e);
      }
    }

    @Override
    public void close() {
      arena.close();
    }
  }

  static IOException thrown(Throwable e) {
    if (e instanceof IOException known) {
      return known;
    }
    throw unexpected(e);
  }

  private static RuntimeException unexpected(Throwable e) {
    if (e instanceof Error error) {
      throw error;
    }
    return e instanceof RuntimeException known ? known : new IllegalStateException(e);
  }
}
