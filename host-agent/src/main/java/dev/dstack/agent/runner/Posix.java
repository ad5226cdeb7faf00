package dev.dstack.agent.runner;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;

/**
 * The system calls that Java has no words for. Loaded at first use, which is never before the
 * command runs, because that takes a while.
 */
final class Posix {
  static final int SIGTERM = 15;

  private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT;
  private static final int P_ALL = 0;
  private static final int WNOHANG = 1;
  private static final int WEXITED = 4;
  private static final int WNOWAIT = 0x0100_0000;
  private static final int SIGINFO_BYTES = 128;
  private static final int MADV_DONTNEED = 4;

  private static final MethodHandle KILL = handle("kill", FunctionDescriptor.of(INT, INT, INT));
  private static final MethodHandle WAITID =
      handle("waitid", FunctionDescriptor.of(INT, INT, INT, ValueLayout.ADDRESS, INT));
  private static final MethodHandle MADVISE =
      handle(
          "madvise", FunctionDescriptor.of(INT, ValueLayout.JAVA_LONG, ValueLayout.JAVA_LONG, INT));
  private static final MethodHandle WAITPID =
      handle("waitpid", FunctionDescriptor.of(INT, INT, ValueLayout.ADDRESS, INT));

  private Posix() {}

  @SuppressWarnings("restricted") // What this class is for.
  private static MethodHandle handle(String name, FunctionDescriptor type) {
    Linker linker = Linker.nativeLinker();
    return linker.downcallHandle(linker.defaultLookup().findOrThrow(name), type);
  }

  /** To a whole group when the number is negative; false: there is none. */
  static boolean kill(int pid, int signal) {
    try {
      return (int) KILL.invokeExact(pid, signal) == 0;
    } catch (Throwable e) {
      throw new IllegalStateException(e);
    }
  }

  /** Waits until some child has ended and leaves it as it is; false: there is no child. */
  static boolean awaitAnyChild() {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment info = arena.allocate(SIGINFO_BYTES, 8);
      return (int) WAITID.invokeExact(P_ALL, 0, info, WEXITED | WNOWAIT) == 0;
    } catch (Throwable e) {
      throw new IllegalStateException(e);
    }
  }

  /** Takes an ended child off the process table. */
  static void reap(int pid) {
    try {
      int gone = (int) WAITPID.invokeExact(pid, MemorySegment.NULL, WNOHANG);
      assert gone <= pid;
    } catch (Throwable e) {
      throw new IllegalStateException(e);
    }
  }

  /**
   * Takes pages out of this process's memory. For pages of files that have not been changed only:
   * they are read again when they are wanted.
   */
  static void dropPages(long address, long length) {
    try {
      int failed = (int) MADVISE.invokeExact(address, length, MADV_DONTNEED);
      assert failed <= 0;
    } catch (Throwable e) {
      throw new IllegalStateException(e);
    }
  }
}
