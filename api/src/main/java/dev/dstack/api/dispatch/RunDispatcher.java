package dev.dstack.api.dispatch;

/**
 * Told of wishes that have just been stored, so that nobody waits for the next look at the table.
 */
public interface RunDispatcher {
  /** A run has been accepted. */
  void runAccepted();

  /** A stop or an update of a run has been stored. */
  void runChanged();

  /** A fleet has been made, changed or marked for deletion. */
  void fleetChanged();

  /** A volume has been made or marked for deletion. */
  void volumeChanged();
}
