package dev.dstack.backends;

import java.util.List;

/** A backend that can place machines close to each other. Repeatable, as everything here. */
public interface WithPlacementGroups {
  /** Whether machines of this type and region can be in one group. */
  boolean suits(String instanceType, String region);

  /** Finds the group by its name or makes it; the name is ours and unique within the provider. */
  void ensurePlacementGroup(String deployment, String name, String project, String region);

  /**
   * Ends the group; unknown is success.
   *
   * @throws dev.dstack.model.error.DstackException NOT_READY while machines are in it
   */
  void deletePlacementGroup(String name, String region);

  /** The groups in a region that carry this installation's tag. */
  List<String> placementGroups(String deployment, String region);
}
