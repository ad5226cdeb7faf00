package dev.dstack.model.wire.gpu;

import dev.dstack.model.json.Frozen;
import dev.dstack.model.wire.common.BackendName;
import java.util.List;

public record BackendGpus(BackendName backendType, List<BackendGpu> gpus, List<String> regions) {
  public BackendGpus {
    gpus = Frozen.list(gpus);
    regions = Frozen.list(regions);
  }
}
