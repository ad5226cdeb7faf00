package dev.dstack.embedded;

import java.nio.file.Path;

/** A second server, as far as the lock is concerned. */
final class LockTaker {
  private LockTaker() {}

  public static void main(String[] arguments) {
    try (ServerLock lock = ServerLock.take(Path.of(arguments[0]))) {
      System.out.println("taken " + lock);
    } catch (EmbeddedException e) {
      System.out.println(e.getMessage());
      System.exit(1);
    }
  }
}
