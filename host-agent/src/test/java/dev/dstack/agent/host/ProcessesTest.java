package dev.dstack.agent.host;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class ProcessesTest {
  @Test
  void aNameMayHoldAnything() {
    String stat = "4242 (a) b (c) S 1 4200 4100 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 987654 1 2 3";

    assertThat(Processes.parse(stat)).contains(new Processes.Proc(4242, 'S', 4200, 4100, 987654));
  }

  @Test
  void nonsenseIsNoProcess() {
    assertThat(Processes.parse("")).isEmpty();
    assertThat(Processes.parse("1 (x) S 1")).isEmpty();
    assertThat(Processes.parse("x (x) S " + "1 ".repeat(30))).isEmpty();
  }

  @Test
  void thisProcessIsAliveAndOneOfAll() {
    Processes.Proc self = Processes.find((int) ProcessHandle.current().pid()).orElseThrow();

    assertThat(Processes.isAlive(self)).isTrue();
    assertThat(Processes.all()).extracting(seen -> seen.proc().pid()).contains(self.pid());
    assertThat(
            Processes.isAlive(
                new Processes.Proc(
                    self.pid(), 'S', self.group(), self.session(), self.start() + 1)))
        .isFalse();
  }
}
