package dev.dstack.backends;

import java.util.List;

/** A backend that can attach volumes to its machines. Repeatable, as everything here. */
public interface WithVolumes {
  void attach(InstanceTag tag, List<String> volumes);

  /** What is not attached is success. */
  void detach(InstanceTag tag, List<String> volumes);
}
