package dev.dstack.agent.runner;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

final class FootprintTest {
  private static final String MAPS =
      """
      800000000-800c00000 rw-p 00001000 fe:01 77 /.dstack/rt/cache/runner.aot
      800c00000-801e00000 r--p 00c01000 fe:01 77 /.dstack/rt/cache/runner.aot
      fd800000-fde00000 rw-p 00000000 00:00 0
      7f1000000000-7f1000100000 r--p 00000000 fe:01 78 /.dstack/rt/jre/lib/server/libjvm.so
      7f1000100000-7f1000e00000 r-xp 00100000 fe:01 78 /.dstack/rt/jre/lib/server/libjvm.so
      7f1000e00000-7f1000f00000 r--p 00e00000 fe:01 78 /.dstack/rt/jre/lib/server/libjvm.so
      7f1000f00000-7f1000f10000 rw-p 00f00000 fe:01 78 /.dstack/rt/jre/lib/server/libjvm.so
      7f1000f20000-7f1000f80000 r--s 00000000 fe:01 76 /.dstack/rt/jre/lib/modules
      7f1000f80000-7f1001000000 r--p 00000000 fe:01 79 /.dstack/rt/glibc/libc.so.6
      7f1001000000-7f1001100000 r-xp 00000000 fe:01 79 /.dstack/rt/glibc/libc.so.6
      7ffd00000000-7ffd00021000 rw-p 00000000 00:00 0 [stack]
      ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0 [vsyscall]
      """;

  @Test
  void onlyWhatIsNeverChangedIsDropped() {
    assertThat(Footprint.unchanged(MAPS))
        .containsExactly(
            new Footprint.Pages(0x800c00000L, 0x1200000L),
            new Footprint.Pages(0x7f1000000000L, 0x100000L),
            new Footprint.Pages(0x7f1000100000L, 0xd00000L),
            new Footprint.Pages(0x7f1000f20000L, 0x60000L),
            new Footprint.Pages(0x7f1001000000L, 0x100000L));
  }
}
