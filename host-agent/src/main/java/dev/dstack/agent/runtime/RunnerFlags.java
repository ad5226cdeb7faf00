package dev.dstack.agent.runtime;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** How the Java virtual machine of a runner is set up: small, and with nothing of the image. */
final class RunnerFlags {
  /** Also what the cache of classes is made with; it fits no other garbage collector. */
  private static final List<String> MACHINE =
      List.of(
          // The objects in the cache of classes must fit into the old part of the first heap: Java
          // does not start with a cache that it can't load whole.
          "-Xms11m",
          "-Xmn5m",
          "-Xmx40m",
          "-Xss512k",
          "-XX:+UseSerialGC",
          // What is on its way in a transfer dies young when it has room to; and what a transfer
          // has
          // made the heap grow by is given back.
          "-XX:SurvivorRatio=1",
          "-XX:MinHeapFreeRatio=10",
          "-XX:MaxHeapFreeRatio=25",
          "-XX:-ShrinkHeapInSteps",
          "-XX:ReservedCodeCacheSize=16m",
          "-XX:CICompilerCount=2",
          // A method whose compiling would take more stays as it is.
          "-XX:CompileCommand=quiet",
          "-XX:CompileCommand=MemLimit,*.*,6m~stop",
          // What compiling has used is given back.
          "-XX:TrimNativeHeapInterval=5000",
          // Mapped where it was made for, the cache of classes stays a file that runners share.
          "-XX:+UnlockDiagnosticVMOptions",
          "-XX:ArchiveRelocationMode=0",
          "-XX:-UsePerfData",
          "-XX:-MaxFDLimit",
          "-XX:+DisableAttachMechanism",
          "-XX:-CreateCoredumpOnCrash",
          "-XX:+ExitOnOutOfMemoryError",
          "--enable-native-access=ALL-UNNAMED",
          "--sun-misc-unsafe-memory-access=allow",
          // A child is started by the process itself: the helper program has no loader.
          "-Djdk.lang.Process.launchMechanism=FORK");

  private RunnerFlags() {}

  static List<String> of(Path root, String io) {
    List<String> flags = new ArrayList<>(MACHINE);
    flags.add("-Xlog:disable");
    flags.add("-Xlog:all=off");
    flags.add("-XX:ErrorFile=" + io + "/runner-crash.log");
    flags.add("-XX:AOTCache=" + root.resolve(RuntimeCache.FILE));
    flags.add("-Dslf4j.internal.verbosity=ERROR");
    flags.add("-Djava.io.tmpdir=" + io);
    return flags;
  }
}
