package dev.dstack.api.gpu;

import dev.dstack.api.auth.ProjectAccess;
import dev.dstack.api.error.ApiException;
import dev.dstack.api.fleet.Capacity.Shown;
import dev.dstack.api.run.RunService;
import dev.dstack.api.web.Body;
import dev.dstack.model.wire.gpu.GpuGroupBy;
import dev.dstack.model.wire.gpu.ListGpusRequest;
import dev.dstack.model.wire.gpu.ListGpusResponse;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import org.springframework.web.bind.annotation.PostMapping;
import org.springframework.web.bind.annotation.RestController;

@RestController
public final class GpuController {
  private final RunService runs;

  public GpuController(RunService runs) {
    this.runs = runs;
  }

  @PostMapping("/api/project/{project_name}/gpus/list")
  public ListGpusResponse list(@Body ListGpusRequest body, ProjectAccess access) {
    List<GpuGroupBy> groups = body.groupBy() == null ? List.of() : body.groupBy();
    Set<GpuGroupBy> by = new TreeSet<>(groups);
    if (by.contains(GpuGroupBy.REGION) && !by.contains(GpuGroupBy.BACKEND)) {
      throw ApiException.badRequest(
          "`group_by` by region needs backend too: regions belong to backends");
    }
    List<Shown> offers = runs.offersOnly(body.runSpec(), access, body.reverse());
    return new ListGpusResponse(
        GpuGroups.gpus(offers, by, body.reverse()), GpuGroups.cpus(offers, by));
  }
}
