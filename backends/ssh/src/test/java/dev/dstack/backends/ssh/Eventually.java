package dev.dstack.backends.ssh;

import dev.dstack.model.error.DstackException;
import dev.dstack.model.error.ErrorKind;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Supplier;

/** Waits until a host can be reached again. */
final class Eventually {
  private Eventually() {}

  static <T> T get(Supplier<T> call) {
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(90);
    while (true) {
      try {
        return call.get();
      } catch (DstackException e) {
        if (e.kind() != ErrorKind.AGENT_UNREACHABLE || System.nanoTime() > deadline) {
          throw e;
        }
        LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(100));
      }
    }
  }
}
