package dev.dstack.model.wire.configuration;

import dev.dstack.model.json.Frozen;
import dev.dstack.model.json.InvalidFieldException;
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
    if (maxPrice != null && !(maxPrice > 0)) {
      throw new InvalidFieldException("max_price", "it is a price above 0, not " + maxPrice);
    }
    if (instances != null && instances.isEmpty()) {
      throw new InvalidFieldException("instances", "name at least one instance");
    }
    Tags.check(tags);
    if (backendOptions != null && backendOptions.size() > 1) {
      throw new InvalidFieldException("backend_options", "a backend has its options once");
    }
  }

  public ProfileParams withBackends(@Nullable List<BackendName> newBackends) {
    return new ProfileParams(
        newBackends,
        regions,
        availabilityZones,
        instanceTypes,
        reservation,
        spotPolicy,
        retry,
        maxDuration,
        stopDuration,
        maxPrice,
        creationPolicy,
        idleDuration,
        utilizationPolicy,
        startupOrder,
        stopCriteria,
        schedule,
        fleets,
        instances,
        tags,
        backendOptions);
  }

  public ProfileParams withRegions(@Nullable List<String> newRegions) {
    return new ProfileParams(
        backends,
        newRegions,
        availabilityZones,
        instanceTypes,
        reservation,
        spotPolicy,
        retry,
        maxDuration,
        stopDuration,
        maxPrice,
        creationPolicy,
        idleDuration,
        utilizationPolicy,
        startupOrder,
        stopCriteria,
        schedule,
        fleets,
        instances,
        tags,
        backendOptions);
  }

  public ProfileParams withInstanceTypes(@Nullable List<String> newInstanceTypes) {
    return new ProfileParams(
        backends,
        regions,
        availabilityZones,
        newInstanceTypes,
        reservation,
        spotPolicy,
        retry,
        maxDuration,
        stopDuration,
        maxPrice,
        creationPolicy,
        idleDuration,
        utilizationPolicy,
        startupOrder,
        stopCriteria,
        schedule,
        fleets,
        instances,
        tags,
        backendOptions);
  }

  public ProfileParams withReservation(@Nullable String newReservation) {
    return new ProfileParams(
        backends,
        regions,
        availabilityZones,
        instanceTypes,
        newReservation,
        spotPolicy,
        retry,
        maxDuration,
        stopDuration,
        maxPrice,
        creationPolicy,
        idleDuration,
        utilizationPolicy,
        startupOrder,
        stopCriteria,
        schedule,
        fleets,
        instances,
        tags,
        backendOptions);
  }

  public ProfileParams withSpotPolicy(@Nullable SpotPolicy newSpotPolicy) {
    return new ProfileParams(
        backends,
        regions,
        availabilityZones,
        instanceTypes,
        reservation,
        newSpotPolicy,
        retry,
        maxDuration,
        stopDuration,
        maxPrice,
        creationPolicy,
        idleDuration,
        utilizationPolicy,
        startupOrder,
        stopCriteria,
        schedule,
        fleets,
        instances,
        tags,
        backendOptions);
  }

  public ProfileParams withRetry(@Nullable RetryOption newRetry) {
    return new ProfileParams(
        backends,
        regions,
        availabilityZones,
        instanceTypes,
        reservation,
        spotPolicy,
        newRetry,
        maxDuration,
        stopDuration,
        maxPrice,
        creationPolicy,
        idleDuration,
        utilizationPolicy,
        startupOrder,
        stopCriteria,
        schedule,
        fleets,
        instances,
        tags,
        backendOptions);
  }

  public ProfileParams withMaxDuration(@Nullable OffableDuration newMaxDuration) {
    return new ProfileParams(
        backends,
        regions,
        availabilityZones,
        instanceTypes,
        reservation,
        spotPolicy,
        retry,
        newMaxDuration,
        stopDuration,
        maxPrice,
        creationPolicy,
        idleDuration,
        utilizationPolicy,
        startupOrder,
        stopCriteria,
        schedule,
        fleets,
        instances,
        tags,
        backendOptions);
  }

  public ProfileParams withStopDuration(@Nullable OffableDuration newStopDuration) {
    return new ProfileParams(
        backends,
        regions,
        availabilityZones,
        instanceTypes,
        reservation,
        spotPolicy,
        retry,
        maxDuration,
        newStopDuration,
        maxPrice,
        creationPolicy,
        idleDuration,
        utilizationPolicy,
        startupOrder,
        stopCriteria,
        schedule,
        fleets,
        instances,
        tags,
        backendOptions);
  }

  public ProfileParams withMaxPrice(@Nullable Double newMaxPrice) {
    return new ProfileParams(
        backends,
        regions,
        availabilityZones,
        instanceTypes,
        reservation,
        spotPolicy,
        retry,
        maxDuration,
        stopDuration,
        newMaxPrice,
        creationPolicy,
        idleDuration,
        utilizationPolicy,
        startupOrder,
        stopCriteria,
        schedule,
        fleets,
        instances,
        tags,
        backendOptions);
  }

  public ProfileParams withCreationPolicy(@Nullable CreationPolicy newCreationPolicy) {
    return new ProfileParams(
        backends,
        regions,
        availabilityZones,
        instanceTypes,
        reservation,
        spotPolicy,
        retry,
        maxDuration,
        stopDuration,
        maxPrice,
        newCreationPolicy,
        idleDuration,
        utilizationPolicy,
        startupOrder,
        stopCriteria,
        schedule,
        fleets,
        instances,
        tags,
        backendOptions);
  }

  public ProfileParams withIdleDuration(@Nullable IdleDuration newIdleDuration) {
    return new ProfileParams(
        backends,
        regions,
        availabilityZones,
        instanceTypes,
        reservation,
        spotPolicy,
        retry,
        maxDuration,
        stopDuration,
        maxPrice,
        creationPolicy,
        newIdleDuration,
        utilizationPolicy,
        startupOrder,
        stopCriteria,
        schedule,
        fleets,
        instances,
        tags,
        backendOptions);
  }

  public ProfileParams withSchedule(@Nullable Schedule newSchedule) {
    return new ProfileParams(
        backends,
        regions,
        availabilityZones,
        instanceTypes,
        reservation,
        spotPolicy,
        retry,
        maxDuration,
        stopDuration,
        maxPrice,
        creationPolicy,
        idleDuration,
        utilizationPolicy,
        startupOrder,
        stopCriteria,
        newSchedule,
        fleets,
        instances,
        tags,
        backendOptions);
  }

  public ProfileParams withFleets(@Nullable List<EntityReference> newFleets) {
    return new ProfileParams(
        backends,
        regions,
        availabilityZones,
        instanceTypes,
        reservation,
        spotPolicy,
        retry,
        maxDuration,
        stopDuration,
        maxPrice,
        creationPolicy,
        idleDuration,
        utilizationPolicy,
        startupOrder,
        stopCriteria,
        schedule,
        newFleets,
        instances,
        tags,
        backendOptions);
  }

  public ProfileParams withInstances(@Nullable List<InstanceSelector> newInstances) {
    return new ProfileParams(
        backends,
        regions,
        availabilityZones,
        instanceTypes,
        reservation,
        spotPolicy,
        retry,
        maxDuration,
        stopDuration,
        maxPrice,
        creationPolicy,
        idleDuration,
        utilizationPolicy,
        startupOrder,
        stopCriteria,
        schedule,
        fleets,
        newInstances,
        tags,
        backendOptions);
  }

  public ProfileParams withTags(@Nullable Map<String, String> newTags) {
    return new ProfileParams(
        backends,
        regions,
        availabilityZones,
        instanceTypes,
        reservation,
        spotPolicy,
        retry,
        maxDuration,
        stopDuration,
        maxPrice,
        creationPolicy,
        idleDuration,
        utilizationPolicy,
        startupOrder,
        stopCriteria,
        schedule,
        fleets,
        instances,
        newTags,
        backendOptions);
  }

  public static ProfileParams empty() {
    return new ProfileParams(
        null, null, null, null, null, null, null, null, null, null, null, null, null, null, null,
        null, null, null, null, null);
  }

  /** Field by field: what is said here wins over what {@code base} says. */
  public ProfileParams over(ProfileParams base) {
    return new ProfileParams(
        backends != null ? backends : base.backends,
        regions != null ? regions : base.regions,
        availabilityZones != null ? availabilityZones : base.availabilityZones,
        instanceTypes != null ? instanceTypes : base.instanceTypes,
        reservation != null ? reservation : base.reservation,
        spotPolicy != null ? spotPolicy : base.spotPolicy,
        retry != null ? retry : base.retry,
        maxDuration != null ? maxDuration : base.maxDuration,
        stopDuration != null ? stopDuration : base.stopDuration,
        maxPrice != null ? maxPrice : base.maxPrice,
        creationPolicy != null ? creationPolicy : base.creationPolicy,
        idleDuration != null ? idleDuration : base.idleDuration,
        utilizationPolicy != null ? utilizationPolicy : base.utilizationPolicy,
        startupOrder != null ? startupOrder : base.startupOrder,
        stopCriteria != null ? stopCriteria : base.stopCriteria,
        schedule != null ? schedule : base.schedule,
        fleets != null ? fleets : base.fleets,
        instances != null ? instances : base.instances,
        tags != null ? tags : base.tags,
        backendOptions != null ? backendOptions : base.backendOptions);
  }
}
