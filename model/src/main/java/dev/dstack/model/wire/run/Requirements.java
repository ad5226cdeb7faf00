package dev.dstack.model.wire.run;

import dev.dstack.model.json.Frozen;
import dev.dstack.model.wire.configuration.VastAiProfileOptions;
import dev.dstack.model.wire.resources.ResourcesSpec;
import java.util.List;
import org.jspecify.annotations.Nullable;

public record Requirements(
    ResourcesSpec resources,
    @Nullable Double maxPrice,
    @Nullable Boolean spot,
    @Nullable String reservation,
    @Nullable Boolean multinode,
    @Nullable List<VastAiProfileOptions> backendOptions) {
  public Requirements {
    backendOptions = Frozen.listOrNull(backendOptions);
  }
}
