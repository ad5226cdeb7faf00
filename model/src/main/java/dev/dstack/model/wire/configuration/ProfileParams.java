package dev.dstack.model.wire.configuration;

import dev.dstack.model.json.Frozen;
import dev.dstack.model.wire.common.BackendName;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

public record ProfileParams(
    @Nullable List<BackendName> backends,
    @Nullable List<String> regions,
    @Nullable List<String> availabilityZones,
    @Nullable List<String> instanceTypes,
    @Nullable String reservation,
    @Nullable SpotPolicy spotPolicy,
    @Nullable RetryOption retry,
    @Nullable OffableDuration maxDuration,
    @Nullable OffableDuration stopDuration,
    @Nullable Double maxPrice,
    @Nullable CreationPolicy creationPolicy,
    @Nullable IdleDuration idleDuration,
    @Nullable UtilizationPolicy utilizationPolicy,
    @Nullable StartupOrder startupOrder,
    @Nullable StopCriteria stopCriteria,
    @Nullable Schedule schedule,
    @Nullable List<EntityReference> fleets,
    @Nullable List<InstanceSelector> instances,
    @Nullable Map<String, String> tags,
    @Nullable List<VastAiProfileOptions> backendOptions) {
  public ProfileParams {
    backends = Frozen.listOrNull(backends);
    regions = Frozen.listOrNull(regions);
    availabilityZones = Frozen.listOrNull(availabilityZones);
    instanceTypes = Frozen.listOrNull(instanceTypes);
    fleets = Frozen.listOrNull(fleets);
    instances = Frozen.listOrNull(instances);
    tags = Frozen.mapOrNull(tags);
    backendOptions = Frozen.listOrNull(backendOptions);
  }
}
