package dev.dstack.workflows.fleet;

import com.fasterxml.jackson.annotation.JsonInclude;
import org.jspecify.annotations.Nullable;

/**
 * A certain instance, by whatever is given: all of it must be true.
 *
 * @param fleet name of its fleet
 */
@JsonInclude(JsonInclude.Include.NON_NULL)
public record InstancePin(
    @Nullable String fleet,
    @Nullable String name,
    @Nullable String hostname,
    @Nullable Integer number) {
  public boolean matches(String ofFleet, String ofName, @Nullable String ofHostname, int ofNumber) {
    return (fleet == null || fleet.equals(ofFleet))
        && (name == null || name.equals(ofName))
        && (hostname == null || hostname.equals(ofHostname))
        && (number == null || number == ofNumber);
  }
}
