package dev.dstack.backends;

import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What a machine is to have beyond its offer.
 *
 * @param authorizedKeys public keys in OpenSSH's form that may log in
 * @param tags shown at the provider beside our own; a tag of the backend's configuration with the
 *     same key yields
 * @param reservation the reservation or capacity block to take the machine from
 * @param placementGroup the name of a group made by {@link WithPlacementGroups}
 * @param zones where it may be; empty: anywhere in the offer's region
 * @param volumes what will be attached, so that it comes where they are
 * @param host the host itself, where the machine is one that somebody has
 */
public record MachineOptions(
    List<String> authorizedKeys,
    Map<String, String> tags,
    @Nullable String reservation,
    @Nullable String placementGroup,
    List<String> zones,
    List<VolumeRef> volumes,
    @Nullable SshHostSpec host) {
  /** In {@link #tags}: the fleet's name. */
  public static final String TAG_FLEET = "dstack_fleet";

  /** In {@link #tags}: who asked for it. */
  public static final String TAG_USER = "dstack_user";

  public static final MachineOptions NONE =
      new MachineOptions(List.of(), Map.of(), null, null, List.of(), List.of(), null);

  public MachineOptions {
    authorizedKeys = List.copyOf(authorizedKeys);
    tags = Map.copyOf(tags);
    zones = List.copyOf(zones);
    volumes = List.copyOf(volumes);
  }

  public MachineOptions withAuthorizedKeys(List<String> keys) {
    return new MachineOptions(keys, tags, reservation, placementGroup, zones, volumes, host);
  }

  public MachineOptions withTags(Map<String, String> more) {
    return new MachineOptions(
        authorizedKeys, more, reservation, placementGroup, zones, volumes, host);
  }

  public MachineOptions withHost(SshHostSpec spec) {
    return new MachineOptions(
        authorizedKeys, tags, reservation, placementGroup, zones, volumes, spec);
  }
}
