package dev.dstack.workflows.catalog;

/**
 * What became of a refresh.
 *
 * @param message in words, for whoever looks at the schedule
 * @param rows of the snapshot that holds now; 0 where that was not looked at
 */
public record CatalogNews(String provider, Outcome outcome, String message, int rows) {
  public enum Outcome {
    REFRESHED,
    /** The list is the one that was read last time. */
    UNCHANGED,
    /** Nobody has this provider. */
    NOT_NEEDED,
    /** What was known before still holds. */
    FAILED
  }
}
