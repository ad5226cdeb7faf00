package dev.dstack.model.wire.gpu;

import dev.dstack.model.json.Frozen;
import java.util.List;
import org.jspecify.annotations.Nullable;

public record ListGpusResponse(List<GpuGroup> gpus, @Nullable List<CpuGroup> cpus) {
  public ListGpusResponse {
    gpus = Frozen.list(gpus);
    cpus = Frozen.listOrNull(cpus);
  }
}
