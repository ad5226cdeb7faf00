package dev.dstack.activities.worker;

import static org.assertj.core.api.Assertions.assertThat;

import io.temporal.api.enums.v1.TaskQueueKind;
import io.temporal.api.taskqueue.v1.TaskQueue;
import org.junit.jupiter.api.Test;

class LeftQueuesTest {
  private final WorkerIdentity me = WorkerIdentity.current();
  private final WorkerIdentity before =
      new WorkerIdentity(me.pid(), me.startTicks() - 1, me.system());

  @Test
  void theQueueOfAnEndedProcessIsLeft() {
    assertThat(LeftQueues.isLeft(sticky(before.text() + ":6b7f6d0e-9a39"))).isTrue();
  }

  @Test
  void whatALivingProcessOrAnotherMachineHasIsNot() {
    assertThat(LeftQueues.isLeft(sticky(me.text() + ":6b7f6d0e-9a39"))).isFalse();
    assertThat(
            LeftQueues.isLeft(
                sticky(new WorkerIdentity(me.pid(), 1, "0badc0de-1").text() + ":6b7f6d0e")))
        .isFalse();
  }

  @Test
  void queuesThatAllShareAreNobodys() {
    assertThat(
            LeftQueues.isLeft(
                sticky(before.text() + ":6b7f6d0e").toBuilder()
                    .setKind(TaskQueueKind.TASK_QUEUE_KIND_NORMAL)
                    .build()))
        .isFalse();
    assertThat(LeftQueues.isLeft(sticky("dstack-control"))).isFalse();
    assertThat(LeftQueues.isLeft(sticky("someone@host:1"))).isFalse();
  }

  private static TaskQueue sticky(String name) {
    return TaskQueue.newBuilder()
        .setName(name)
        .setKind(TaskQueueKind.TASK_QUEUE_KIND_STICKY)
        .build();
  }
}
