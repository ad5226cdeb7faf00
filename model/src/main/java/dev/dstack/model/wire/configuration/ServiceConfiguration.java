package dev.dstack.model.wire.configuration;

import dev.dstack.model.json.Default;
import dev.dstack.model.json.Flat;
import dev.dstack.model.json.Frozen;
import dev.dstack.model.json.Literal;
import dev.dstack.model.wire.resources.Range;
import java.util.List;
import org.jspecify.annotations.Nullable;

@Literal(property = "type", value = "service", at = 12)
public record ServiceConfiguration(
    PortMapping port,
    @Nullable GatewayOption gateway,
    @Default("true") boolean stripPrefix,
    @Nullable ServiceModel model,
    @Nullable HttpsMode https,
    @Default("true") boolean auth,
    @Nullable ScalingSpec scaling,
    @Default("[]") List<RateLimit> rateLimits,
    @Nullable List<ProbeConfig> probes,
    @Nullable Range<Integer> replicas,
    @Nullable List<ReplicaGroup> groups,
    @Default("[]") List<String> commands,
    @Flat RunBase base,
    @Flat ProfileParams profile) implements RunConfiguration {
  public ServiceConfiguration {
    rateLimits = Frozen.list(rateLimits);
    probes = Frozen.listOrNull(probes);
    groups = Frozen.listOrNull(groups);
    commands = Frozen.list(commands);
  }
}
