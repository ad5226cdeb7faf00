package dev.dstack.workflows.fleet;

import java.util.List;

/**
 * A person wants instances gone.
 *
 * @param numbers of the instances; empty: all of them
 * @param forget the machines are gone already, or somebody else's care: nobody is asked to end them
 */
public record InstanceRemoval(List<Integer> numbers, boolean forget, String by) {
  public InstanceRemoval {
    numbers = List.copyOf(numbers);
  }
}
