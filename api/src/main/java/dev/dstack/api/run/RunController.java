package dev.dstack.api.run;

import dev.dstack.api.auth.Caller;
import dev.dstack.api.auth.ProjectAccess;
import dev.dstack.api.dispatch.RunDispatcher;
import dev.dstack.api.error.ApiException;
import dev.dstack.api.run.RunMapper.Detail;
import dev.dstack.api.web.Body;
import dev.dstack.api.web.Check;
import dev.dstack.api.web.Visible;
import dev.dstack.db.records.Page;
import dev.dstack.db.records.RunSubmissions;
import dev.dstack.db.records.UserStore;
import dev.dstack.db.records.UserStore.StoredUser;
import dev.dstack.db.views.RunQuery;
import dev.dstack.db.views.RunReader;
import dev.dstack.model.ids.ProjectId;
import dev.dstack.model.ids.RunId;
import dev.dstack.model.ids.UserId;
import dev.dstack.model.wire.run.ApplyRunPlanRequest;
import dev.dstack.model.wire.run.DeleteRunsRequest;
import dev.dstack.model.wire.run.GetRunPlanRequest;
import dev.dstack.model.wire.run.GetRunRequest;
import dev.dstack.model.wire.run.ListRunsRequest;
import dev.dstack.model.wire.run.PlanRefusals;
import dev.dstack.model.wire.run.Run;
import dev.dstack.model.wire.run.RunPlan;
import dev.dstack.model.wire.run.StopRunsRequest;
import java.util.Collection;
import java.util.List;
import java.util.Optional;
import org.springframework.web.bind.annotation.PostMapping;
import org.springframework.web.bind.annotation.RestController;

@RestController
public final class RunController {
  private static final int LIMIT_MAX = 100;
  private static final int SUBMISSIONS_MAX = 10;
  private static final int OFFERS_MAX = 10_000;
  private static final int NAMES_MAX = 1_000;

  private final RunService runs;
  private final RunReader reader;
  private final RunSubmissions submissions;
  private final RunDispatcher dispatcher;
  private final UserStore users;
  private final Visible visible;

  public RunController(
      RunService runs,
      RunReader reader,
      RunSubmissions submissions,
      RunDispatcher dispatcher,
      UserStore users,
      Visible visible) {
    this.runs = runs;
    this.reader = reader;
    this.submissions = submissions;
    this.dispatcher = dispatcher;
    this.users = users;
    this.visible = visible;
  }

  /** What the caller may not see is not in the list; it is no error to ask. */
  @PostMapping("/api/runs/list")
  public List<Run> list(@Body ListRunsRequest body, Caller caller) {
    int limit = Check.within("limit", body.limit(), 0, LIMIT_MAX);
    Integer submissionsLimit =
        Check.withinOrNull("job_submissions_limit", body.jobSubmissionsLimit(), 0, SUBMISSIONS_MAX);
    if (body.repoId() != null && body.projectName() == null) {
      throw ApiException.badRequest("`repo_id` needs `project_name`: repos belong to projects");
    }
    UserId user = null;
    if (body.username() != null) {
      Optional<StoredUser> found = users.byName(body.username());
      if (found.isEmpty()) {
        return List.of();
      }
      user = found.get().id();
    }
    Visible.Projects projects = visible.projects(caller, body.projectName());
    if (projects.none() || limit == 0) {
      return List.of();
    }
    Collection<ProjectId> ids = projects.ids();
    boolean withoutSubmissions = submissionsLimit != null && submissionsLimit == 0;
    RunQuery query =
        new RunQuery(
            ids,
            user,
            body.repoId(),
            body.onlyActive(),
            body.includeJobs(),
            withoutSubmissions ? Integer.valueOf(1) : submissionsLimit,
            body.prevSubmittedAt() == null ? null : Page.clamp(body.prevSubmittedAt()),
            body.prevRunId() == null ? null : new RunId(body.prevRunId()),
            limit,
            body.ascending());
    Detail detail = new Detail(body.includeJobs(), !withoutSubmissions, false);
    return runs.shown(reader.list(query), detail);
  }

  @PostMapping("/api/project/{project_name}/runs/get")
  public Run get(@Body GetRunRequest body, ProjectAccess access) {
    Optional<Run> run;
    if (body.id() != null) {
      run = runs.get(access.id(), new RunId(body.id()));
    } else if (body.runName() != null) {
      run = runs.get(access.id(), body.runName());
    } else {
      throw ApiException.badRequest("Give `run_name` or `id`");
    }
    return run.orElseThrow(() -> ApiException.missing("Run not found"));
  }

  @PostMapping("/api/project/{project_name}/runs/get_plan")
  public RunPlan plan(@Body GetRunPlanRequest body, ProjectAccess access) {
    Check.withinOrNull("max_offers", body.maxOffers(), 1, OFFERS_MAX);
    return runs.plan(body, access);
  }

  @PostMapping("/api/project/{project_name}/runs/get_plan_refusals")
  public PlanRefusals planRefusals(@Body GetRunPlanRequest body, ProjectAccess access) {
    return new PlanRefusals(runs.refusals(body.runSpec(), access));
  }

  @PostMapping("/api/project/{project_name}/runs/apply")
  public Run apply(@Body ApplyRunPlanRequest body, ProjectAccess access) {
    return runs.apply(body.plan(), body.force(), access);
  }

  /** Unknown and finished runs are passed over. */
  @PostMapping("/api/project/{project_name}/runs/stop")
  public void stop(@Body StopRunsRequest body, ProjectAccess access) {
    Check.atMost("runs_names", body.runsNames(), NAMES_MAX);
    List<RunId> stopped =
        submissions.requestStop(access.id(), body.runsNames(), body.abort(), access.caller().id());
    if (!stopped.isEmpty()) {
      dispatcher.runChanged();
    }
  }

  @PostMapping("/api/project/{project_name}/runs/delete")
  public void delete(@Body DeleteRunsRequest body, ProjectAccess access) {
    Check.atMost("runs_names", body.runsNames(), NAMES_MAX);
    submissions.delete(access.id(), body.runsNames(), access.caller().id());
  }
}
