package dev.dstack.model.agent;

/** Phase of a task on its host. */
public enum TaskStatus {
  /** Accepted; files are being unpacked. */
  PREPARING,
  /** The image is on its way to the host. */
  PULLING,
  RUNNING,
  /** The process group is gone and its output is complete. */
  EXITED;

  public boolean isBeforeStart() {
    return this == PREPARING || this == PULLING;
  }

  public boolean isFinal() {
    return this == EXITED;
  }
}
