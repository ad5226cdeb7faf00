package dev.dstack.activities.worker;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

class WorkerIdentityTest {
  private final WorkerIdentity me = WorkerIdentity.current();

  @Test
  void itIsReadAsItIsWritten() {
    assertThat(WorkerIdentity.parse(me.text())).contains(me);
    assertThat(me.startTicks()).isPositive();
    assertThat(me.hasEnded()).isFalse();
  }

  @Test
  void whatOthersCallThemselvesSaysNothing() {
    assertThat(WorkerIdentity.parse("4711@host")).isEmpty();
    assertThat(WorkerIdentity.parse("dstack-12")).isEmpty();
    assertThat(WorkerIdentity.parse("")).isEmpty();
  }

  @Test
  void anEndedProcessIsKnownAndSoIsAnotherThatGotItsPid() throws Exception {
    long pid = ended();
    assertThat(new WorkerIdentity(pid, 1, me.system()).hasEnded()).isTrue();
    assertThat(new WorkerIdentity(me.pid(), me.startTicks() - 1, me.system()).hasEnded()).isTrue();
  }

  @Test
  void ofAnotherMachineNothingIsKnown() throws Exception {
    assertThat(new WorkerIdentity(ended(), 1, "0badc0de-1").hasEnded()).isFalse();
    assertThat(new WorkerIdentity(ended(), 0, me.system()).hasEnded()).isFalse();
  }

  private static long ended() throws IOException, InterruptedException {
    Process process = new ProcessBuilder("true").start();
    assertThat(process.waitFor(30, TimeUnit.SECONDS)).isTrue();
    return process.pid();
  }
}
