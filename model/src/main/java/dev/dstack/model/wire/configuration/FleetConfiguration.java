package dev.dstack.model.wire.configuration;

import dev.dstack.model.json.Default;
import dev.dstack.model.json.Frozen;
import dev.dstack.model.json.InvalidFieldException;
import dev.dstack.model.json.Literal;
import dev.dstack.model.wire.common.BackendName;
import dev.dstack.model.wire.resources.ResourcesSpec;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

@Literal(property = "type", value = "fleet")
public record FleetConfiguration(
    @Nullable String name,
    @Nullable InstanceGroupPlacement placement,
    @Default("1") Blocks blocks,
    @Nullable FleetNodesSpec nodes,
    @Nullable String reservation,
    @Nullable ResourcesSpec resources,
    @Nullable List<BackendName> backends,
    @Nullable List<String> regions,
    @Nullable List<String> availabilityZones,
    @Nullable List<String> instanceTypes,
    @Nullable SpotPolicy spotPolicy,
    @Nullable RetryOption retry,
    @Nullable Double maxPrice,
    @Nullable IdleDuration idleDuration,
    @Nullable Map<String, String> tags,
    @Nullable List<VastAiProfileOptions> backendOptions,
    @Nullable SshParams sshConfig,
    @Default("{}") Env env)
    implements ApplyConfiguration {
  public FleetConfiguration {
    backends = Frozen.listOrNull(backends);
    regions = Frozen.listOrNull(regions);
    availabilityZones = Frozen.listOrNull(availabilityZones);
    instanceTypes = Frozen.listOrNull(instanceTypes);
    tags = Frozen.mapOrNull(tags);
    Tags.check(tags);
    backendOptions = Frozen.listOrNull(backendOptions);
    if (maxPrice != null && !(maxPrice > 0)) {
      throw new InvalidFieldException("max_price", "it is a price above 0, not " + maxPrice);
    }
  }

  @Override
  public String type() {
    return "fleet";
  }

  @Override
  public FleetConfiguration withName(@Nullable String newName) {
    return new FleetConfiguration(
        newName,
        placement,
        blocks,
        nodes,
        reservation,
        resources,
        backends,
        regions,
        availabilityZones,
        instanceTypes,
        spotPolicy,
        retry,
        maxPrice,
        idleDuration,
        tags,
        backendOptions,
        sshConfig,
        env);
  }

  public FleetConfiguration withResources(@Nullable ResourcesSpec newResources) {
    return new FleetConfiguration(
        name,
        placement,
        blocks,
        nodes,
        reservation,
        newResources,
        backends,
        regions,
        availabilityZones,
        instanceTypes,
        spotPolicy,
        retry,
        maxPrice,
        idleDuration,
        tags,
        backendOptions,
        sshConfig,
        env);
  }

  public FleetConfiguration withSshConfig(@Nullable SshParams newSshConfig) {
    return new FleetConfiguration(
        name,
        placement,
        blocks,
        nodes,
        reservation,
        resources,
        backends,
        regions,
        availabilityZones,
        instanceTypes,
        spotPolicy,
        retry,
        maxPrice,
        idleDuration,
        tags,
        backendOptions,
        newSshConfig,
        env);
  }

  public FleetConfiguration withEnv(Env newEnv) {
    return new FleetConfiguration(
        name,
        placement,
        blocks,
        nodes,
        reservation,
        resources,
        backends,
        regions,
        availabilityZones,
        instanceTypes,
        spotPolicy,
        retry,
        maxPrice,
        idleDuration,
        tags,
        backendOptions,
        sshConfig,
        newEnv);
  }
}
