package dev.dstack.embedded;

import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.CountDownLatch;

/** A server that consists of the embedded parts only, in a process of its own, to be killed. */
final class StackMain {
  private StackMain() {}

  static final Map<String, String> ATTRIBUTES =
      Map.of(
          "project", "keyword",
          "status", "keyword",
          "run", "keyword",
          "fleet", "keyword",
          "backend", "keyword",
          "user", "keyword");

  static EmbeddedStack.Config config(Path directory) {
    return new EmbeddedStack.Config(
        directory,
        EmbeddedPostgres.defaultCacheDirectory(System.getenv()),
        "dstack",
        "dstack",
        ATTRIBUTES,
        Progress.log());
  }

  /** The first argument is the server directory. Says "ready", then waits to be ended. */
  public static void main(String[] arguments) throws InterruptedException {
    long begun = System.nanoTime();
    try {
      EmbeddedStack stack = EmbeddedStack.start(config(Path.of(arguments[0])));
      System.err.println("postgres after " + (System.nanoTime() - begun) / 1_000_000 + " ms");
      Runtime.getRuntime().addShutdownHook(new Thread(stack::close));
      String address = stack.temporalAddress();
      System.err.println("temporal after " + (System.nanoTime() - begun) / 1_000_000 + " ms");
      System.out.println("ready " + address + " " + stack.temporalUiUrl());
      new CountDownLatch(1).await();
    } catch (EmbeddedException e) {
      System.out.println(e.getMessage());
      System.exit(1);
    }
  }
}
