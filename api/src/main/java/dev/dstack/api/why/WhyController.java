package dev.dstack.api.why;

import dev.dstack.api.auth.ProjectAccess;
import dev.dstack.api.error.ApiException;
import dev.dstack.api.web.Body;
import dev.dstack.db.views.RunReader;
import dev.dstack.db.views.RunRow;
import dev.dstack.model.ids.RunId;
import dev.dstack.model.wire.run.GetRunRequest;
import dev.dstack.model.wire.run.RunWhy;
import java.util.Optional;
import org.springframework.web.bind.annotation.PostMapping;
import org.springframework.web.bind.annotation.RestController;

@RestController
public final class WhyController {
  private final RunReader runs;
  private final Explainer explainer;

  public WhyController(RunReader runs, Explainer explainer) {
    this.runs = runs;
    this.explainer = explainer;
  }

  @PostMapping("/api/project/{project_name}/runs/why")
  public RunWhy why(@Body GetRunRequest body, ProjectAccess access) {
    Optional<RunRow> run;
    if (body.id() != null) {
      run = runs.get(new RunId(body.id())).filter(row -> row.projectId().equals(access.id()));
    } else if (body.runName() != null) {
      run = runs.get(access.id(), body.runName());
    } else {
      throw ApiException.badRequest("Give `run_name` or `id`");
    }
    return explainer.explain(run.orElseThrow(() -> ApiException.missing("Run not found")));
  }
}
