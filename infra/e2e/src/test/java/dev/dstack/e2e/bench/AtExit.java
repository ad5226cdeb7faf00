package dev.dstack.e2e.bench;

/** Closes something also when the bench is ended by a signal: it leaves no server behind. */
final class AtExit implements AutoCloseable {
  private final Thread hook;

  private AtExit(Thread hook) {
    this.hook = hook;
  }

  static AtExit of(AutoCloseable closed) {
    Thread hook =
        new Thread(
            () -> {
              try {
                closed.close();
              } catch (Exception e) {
                System.err.println("bench: could not close " + closed + ": " + e);
              }
            });
    Runtime.getRuntime().addShutdownHook(hook);
    return new AtExit(hook);
  }

  /** From here on its owner closes it. */
  @Override
  public void close() {
    try {
      Runtime.getRuntime().removeShutdownHook(hook);
    } catch (IllegalStateException e) {
      // It is being closed.
    }
  }
}
