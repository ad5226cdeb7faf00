package dev.dstack.workflows.sweep;

/**
 * What a pass has done in one region.
 *
 * @param left orphans that are still there: for the next pass
 * @param message in words, for whoever looks at the workflow
 */
public record SweepNews(int ended, int left, String message) {
  public static final SweepNews NOTHING = new SweepNews(0, 0, "Nothing is without an owner.");
}
