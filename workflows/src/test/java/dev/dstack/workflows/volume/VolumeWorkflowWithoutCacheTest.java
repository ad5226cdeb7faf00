package dev.dstack.workflows.volume;

import dev.dstack.workflows.world.Faults;
import java.util.List;

/** The same with every workflow task replayed from the beginning. */
class VolumeWorkflowWithoutCacheTest extends VolumeWorkflowTest {
  @Override
  int cacheSize() {
    return 0;
  }

  @Override
  List<Faults.Kind> kinds() {
    return List.of(Faults.Kind.RESTART);
  }
}
