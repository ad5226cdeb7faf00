package dev.dstack.workflows.run;

/** The same with every workflow task replayed from the beginning. */
class NodesWorkflowWithoutCacheTest extends NodesWorkflowTest {
  @Override
  int cacheSize() {
    return 0;
  }
}
