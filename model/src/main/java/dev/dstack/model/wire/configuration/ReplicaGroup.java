package dev.dstack.model.wire.configuration;

import dev.dstack.model.json.Default;
import dev.dstack.model.json.Frozen;
import dev.dstack.model.wire.resources.Range;
import dev.dstack.model.wire.resources.ResourcesSpec;
import java.util.List;
import org.jspecify.annotations.Nullable;

public record ReplicaGroup(
    @Nullable String name,
    Range<Integer> replicas,
    @Nullable ScalingSpec scaling,
    @Default("{}") ResourcesSpec resources,
    @Nullable SpotPolicy spotPolicy,
    @Nullable String reservation,
    @Default("[]") List<String> commands,
    @Nullable String image,
    @Nullable PythonVersion python,
    @Nullable Boolean nvcc,
    @Nullable Boolean docker,
    @Nullable Boolean privileged,
    @Nullable ReplicaGroupRouterConfig router) {
  public ReplicaGroup {
    commands = Frozen.list(commands);
  }
}
