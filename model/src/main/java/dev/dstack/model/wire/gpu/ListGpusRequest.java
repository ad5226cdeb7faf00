package dev.dstack.model.wire.gpu;

import dev.dstack.model.json.Default;
import dev.dstack.model.json.Frozen;
import dev.dstack.model.wire.run.RunSpec;
import java.util.List;
import org.jspecify.annotations.Nullable;

public record ListGpusRequest(
    RunSpec runSpec,
    @Nullable List<GpuGroupBy> groupBy,
    @Default("false") boolean reverse,
    @Default("false") boolean fullOffers,
    @Default("false") boolean unallocatedResources) {
  public ListGpusRequest {
    groupBy = Frozen.listOrNull(groupBy);
  }
}
