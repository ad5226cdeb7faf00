package dev.dstack.workflows.fleet;

/** The same with every workflow task replayed from the beginning. */
class FleetWorkflowWithoutCacheTest extends FleetWorkflowTest {
  @Override
  int cacheSize() {
    return 0;
  }
}
