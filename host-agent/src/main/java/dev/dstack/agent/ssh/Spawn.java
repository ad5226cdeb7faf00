package dev.dstack.agent.ssh;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.util.List;
import java.util.Map;

/**
 * Starts a program as the leader of a new session: {@code posix_spawn}, the only way to a child
 * with a controlling terminal that is safe in a process with many threads. The terminal becomes the
 * child's because it is the first one that the new session's leader opens.
 */
final class Spawn {
  private static final short SETSIGDEF = 0x04;
  private static final short SETSIGMASK = 0x08;
  private static final short SETSID = 0x80;
  private static final int O_RDWR = 2;

  /** More than either structure has in any C library for Linux. */
  private static final int STRUCT_BYTES = 512;

  private static final int SIGSET_BYTES = 128;
  private static final int SIGKILL = 9;
  private static final int SIGSTOP = 19;

  private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT;
  private static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT;
  private static final MemoryLayout POINTER = ValueLayout.ADDRESS;

  private static final MethodHandle SPAWN =
      LibC.plain(
          "posix_spawn",
          FunctionDescriptor.of(INT, POINTER, POINTER, POINTER, POINTER, POINTER, POINTER));
  private static final MethodHandle ACTIONS_INIT =
      LibC.plain("posix_spawn_file_actions_init", FunctionDescriptor.of(INT, POINTER));
  private static final MethodHandle ACTIONS_DESTROY =
      LibC.plain("posix_spawn_file_actions_destroy", FunctionDescriptor.of(INT, POINTER));
  private static final MethodHandle ADD_OPEN =
      LibC.plain(
          "posix_spawn_file_actions_addopen",
          FunctionDescriptor.of(INT, POINTER, INT, POINTER, INT, INT));
  private static final MethodHandle ADD_DUP =
      LibC.plain("posix_spawn_file_actions_adddup2", FunctionDescriptor.of(INT, POINTER, INT, INT));
  private static final MethodHandle ADD_CHDIR =
      LibC.plain(
          "posix_spawn_file_actions_addchdir_np", FunctionDescriptor.of(INT, POINTER, POINTER));
  private static final MethodHandle ADD_CLOSE_FROM =
      LibC.plain(
          "posix_spawn_file_actions_addclosefrom_np", FunctionDescriptor.of(INT, POINTER, INT));
  private static final MethodHandle ATTRIBUTES_INIT =
      LibC.plain("posix_spawnattr_init", FunctionDescriptor.of(INT, POINTER));
  private static final MethodHandle ATTRIBUTES_DESTROY =
      LibC.plain("posix_spawnattr_destroy", FunctionDescriptor.of(INT, POINTER));
  private static final MethodHandle SET_FLAGS =
      LibC.plain("posix_spawnattr_setflags", FunctionDescriptor.of(INT, POINTER, SHORT));
  private static final MethodHandle SET_MASK =
      LibC.plain("posix_spawnattr_setsigmask", FunctionDescriptor.of(INT, POINTER, POINTER));
  private static final MethodHandle SET_DEFAULT =
      LibC.plain("posix_spawnattr_setsigdefault", FunctionDescriptor.of(INT, POINTER, POINTER));

  private Spawn() {}

  /** What the child has as its descriptors 0, 1 and 2. */
  sealed interface Streams {
    /** The child's side of a terminal. */
    record Terminal(String name) implements Streams {}

    record Pipes(int in, int out, int error) implements Streams {}
  }

  /**
   * @param command its first element is the path of the program
   * @return the child's process id, also its session and group
   */
  static int start(
      List<String> command, Map<String, String> environment, String directory, Streams streams)
      throws IOException {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment actions = arena.allocate(STRUCT_BYTES, 8);
      MemorySegment attributes = arena.allocate(STRUCT_BYTES, 8);
      done((int) ACTIONS_INIT.invokeExact(actions));
      done((int) ATTRIBUTES_INIT.invokeExact(attributes));
      try {
        switch (streams) {
          case Streams.Terminal(String name) -> {
            MemorySegment path = arena.allocateFrom(name);
            done((int) ADD_OPEN.invokeExact(actions, 0, path, O_RDWR, 0));
            done((int) ADD_DUP.invokeExact(actions, 0, 1));
            done((int) ADD_DUP.invokeExact(actions, 0, 2));
          }
          case Streams.Pipes(int in, int out, int error) -> {
            done((int) ADD_DUP.invokeExact(actions, in, 0));
            done((int) ADD_DUP.invokeExact(actions, out, 1));
            done((int) ADD_DUP.invokeExact(actions, error, 2));
          }
        }
        MemorySegment place = arena.allocateFrom(directory);
        done((int) ADD_CHDIR.invokeExact(actions, place));
        done((int) ADD_CLOSE_FROM.invokeExact(actions, 3));
        MemorySegment none = arena.allocate(SIGSET_BYTES, 8);
        MemorySegment all = arena.allocate(SIGSET_BYTES, 8);
        // Signals 1 to 31; who started the agent may have had it ignore some, such as HUP.
        all.set(INT, 0, 0x7FFF_FFFF & ~(1 << (SIGKILL - 1)) & ~(1 << (SIGSTOP - 1)));
        done((int) SET_MASK.invokeExact(attributes, none));
        done((int) SET_DEFAULT.invokeExact(attributes, all));
        short flags = SETSID | SETSIGMASK | SETSIGDEF;
        done((int) SET_FLAGS.invokeExact(attributes, flags));
        MemorySegment pid = arena.allocate(4, 4);
        MemorySegment program = arena.allocateFrom(command.getFirst());
        MemorySegment arguments = strings(arena, command);
        MemorySegment variables =
            strings(
                arena,
                environment.entrySet().stream()
                    .map(variable -> variable.getKey() + "=" + variable.getValue())
                    .toList());
        int failed =
            (int) SPAWN.invokeExact(pid, program, actions, attributes, arguments, variables);
        if (failed != 0) {
          throw new IOException(
              command.getFirst() + " could not be started in " + directory + ", errno " + failed);
        }
        return pid.get(INT, 0);
      } finally {
        int _ = (int) ACTIONS_DESTROY.invokeExact(actions);
        int _ = (int) ATTRIBUTES_DESTROY.invokeExact(attributes);
      }
    } catch (Throwable e) {
      throw LibC.thrown(e);
    }
  }

  private static void done(int failed) throws IOException {
    if (failed != 0) {
      throw new IOException("a process could not be prepared, errno " + failed);
    }
  }

  private static MemorySegment strings(Arena arena, List<String> texts) {
    MemorySegment array = arena.allocate(ValueLayout.ADDRESS, texts.size() + 1L);
    for (int i = 0; i < texts.size(); i++) {
      array.setAtIndex(ValueLayout.ADDRESS, i, arena.allocateFrom(texts.get(i)));
    }
    array.setAtIndex(ValueLayout.ADDRESS, texts.size(), MemorySegment.NULL);
    return array;
  }
}
