package dev.dstack.backends;

import java.util.List;

/**
 * A backend that can tell all volumes that this installation has made, in the regions of its {@link
 * WithSweep}.
 */
public interface WithVolumeSweep extends WithSweep, WithVolumes {
  /**
   * Everything in the region that was made as a volume, carries this installation's tag and is not
   * deleted. Never one with another installation's tag, or without one, and never a machine's own
   * disk.
   */
  List<FoundVolume> volumes(String deployment, String region);

  /**
   * Deletes this one volume by the provider's id; unknown is success.
   *
   * @throws dev.dstack.model.error.DstackException NOT_READY while it is attached
   */
  void endVolume(String region, String providerId);
}
