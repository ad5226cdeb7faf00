package dev.dstack.model.agent;

/** Phase of a task on its host. */
public enum TaskStatus {
  /** Accepted; files are being unpacked, an image pulled. */
  PREPARING,
  RUNNING,
  /** The process group is gone and its output is complete. */
  EXITED;

  public boolean isFinal() {
    return this == EXITED;
  }
}
