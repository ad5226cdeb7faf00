package dev.dstack.backends;

/**
 * A backend that has volumes and attaches them to its machines. Repeatable, as everything here:
 * whoever calls has written down before what it is about to do.
 */
public interface WithVolumes {
  /**
   * Finds the volume by its token or creates it with that; never two for one token. An order for an
   * existing volume finds that one.
   *
   * @throws dev.dstack.model.error.DstackException NOT_READY while it is being made, NOT_FOUND when
   *     the existing one does not exist, INVALID_SPEC when it can't be made as ordered
   */
  VolumeInfo ensureVolume(VolumeOrder order);

  /**
   * Ends the volume that was made by this order; an existing one is left alone. Unknown is success.
   */
  void deleteVolume(VolumeOrder order);

  /**
   * Attached already is success.
   *
   * @throws dev.dstack.model.error.DstackException NOT_READY while it is under way, HOST_LOST when
   *     there is no such machine
   */
  VolumeAttachment attachVolume(VolumeRef volume, InstanceTag machine);

  /**
   * What is not attached, and what is not there, is success.
   *
   * @param force even if the machine does not let go of it
   * @throws dev.dstack.model.error.DstackException NOT_READY while it is under way
   */
  void detachVolume(VolumeRef volume, InstanceTag machine, boolean force);
}
