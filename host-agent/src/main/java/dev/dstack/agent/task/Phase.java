package dev.dstack.agent.task;

import dev.dstack.model.agent.TaskStatus;

/** Where the agent stands with a task; written down before the next thing is done. */
enum Phase {
  /** Taken, nothing has been started. */
  ACCEPTED(TaskStatus.PREPARING),
  /** Its image is on its way. */
  PULLING(TaskStatus.PULLING),
  /** It may have been started: from here on only its own marker tells. */
  STARTING(TaskStatus.PREPARING),
  RUNNING(TaskStatus.RUNNING),
  /** How it ended is known and written down; what it leaves on the host is being removed. */
  CLEARING(TaskStatus.RUNNING),
  EXITED(TaskStatus.EXITED);

  private final TaskStatus status;

  Phase(TaskStatus status) {
    this.status = status;
  }

  TaskStatus status() {
    return status;
  }
}
