package dev.dstack.workflows.world;

import dev.dstack.workflows.world.Faults.Kind;
import java.util.EnumSet;
import java.util.Set;

/** The same with every workflow task replayed from the beginning. */
class HarnessWithoutCacheTest extends HarnessTest {
  @Override
  int cacheSize() {
    return 0;
  }

  @Override
  Set<Kind> kinds() {
    return EnumSet.of(Kind.LOSE_REPLY, Kind.RESTART, Kind.ABORT);
  }
}
