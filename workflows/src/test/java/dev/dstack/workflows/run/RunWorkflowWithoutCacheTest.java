package dev.dstack.workflows.run;

/** The same with every workflow task replayed from the beginning. */
class RunWorkflowWithoutCacheTest extends RunWorkflowTest {
  @Override
  int cacheSize() {
    return 0;
  }
}
