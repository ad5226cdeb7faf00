package dev.dstack.server;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

final class HeapTrimTest {
  private static final long MB = 1024 * 1024;

  @Test
  void onlyWhenMuchCanGoAndNothingIsGoingOn() {
    assertThat(HeapTrim.worthwhile(300 * MB, 60 * MB, 0.1)).isTrue();
    assertThat(HeapTrim.worthwhile(300 * MB, 60 * MB, 1.5)).isFalse();
    assertThat(HeapTrim.worthwhile(80 * MB, 60 * MB, 0.1)).isFalse();
    assertThat(HeapTrim.worthwhile(700 * MB, 600 * MB, 0.1)).isFalse();
    assertThat(HeapTrim.worthwhile(60 * MB, 0, 0.1)).isTrue();
  }
}
