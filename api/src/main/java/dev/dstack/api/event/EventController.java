package dev.dstack.api.event;

import dev.dstack.api.auth.Caller;
import dev.dstack.api.web.Body;
import dev.dstack.api.web.Check;
import dev.dstack.db.records.Page;
import dev.dstack.db.records.ProjectStore;
import dev.dstack.db.views.EventQuery;
import dev.dstack.db.views.EventQuery.Targets;
import dev.dstack.db.views.EventQuery.Within;
import dev.dstack.db.views.EventReader;
import dev.dstack.db.views.EventRow;
import dev.dstack.model.ids.FleetId;
import dev.dstack.model.ids.ProjectId;
import dev.dstack.model.ids.RunId;
import dev.dstack.model.ids.UserId;
import dev.dstack.model.wire.event.Event;
import dev.dstack.model.wire.event.EventTarget;
import dev.dstack.model.wire.event.EventTargetType;
import dev.dstack.model.wire.event.ListEventsRequest;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import org.jspecify.annotations.Nullable;
import org.springframework.web.bind.annotation.PostMapping;
import org.springframework.web.bind.annotation.RestController;

@RestController
public final class EventController {
  private static final int LIMIT_MAX = 100;
  private static final int FILTER_MAX = 16;

  private final EventReader events;
  private final ProjectStore projects;

  public EventController(EventReader events, ProjectStore projects) {
    this.events = events;
    this.projects = projects;
  }

  /** Admins see everything, others what happens in their projects and to themselves. */
  @PostMapping("/api/events/list")
  public List<Event> list(@Body ListEventsRequest body, Caller caller) {
    int limit = Check.within("limit", body.limit(), 1, LIMIT_MAX);
    Targets targets = targets(body);
    Map<String, @Nullable List<UUID>> within = new LinkedHashMap<>();
    within.put("within_projects", body.withinProjects());
    within.put("within_fleets", body.withinFleets());
    within.put("within_runs", body.withinRuns());
    within.put("within_gateways", body.withinGateways());
    Filter chosen = onlyOne("within", within);
    if (chosen != null && chosen.name().equals("within_gateways")) {
      return List.of(); // There are no gateways yet.
    }
    Check.size("include_target_types", body.includeTargetTypes(), FILTER_MAX);
    Check.size("actors", body.actors(), FILTER_MAX);
    EventQuery query =
        new EventQuery(
            caller.isGlobalAdmin()
                ? null
                : new EventQuery.Visible(projects.joined(caller.id()), List.of(caller.id())),
            targets,
            chosen == null ? null : within(chosen),
            body.includeTargetTypes() == null
                ? null
                : body.includeTargetTypes().stream().map(EventTargetType::wire).toList(),
            actors(body.actors()),
            body.prevRecordedAt() == null ? null : Page.clamp(body.prevRecordedAt()),
            body.prevId(),
            limit,
            body.ascending());
    return events.list(query).stream().map(EventController::wire).toList();
  }

  /** An absent actor is the server itself. */
  private static @Nullable List<@Nullable UserId> actors(@Nullable List<Optional<UUID>> ids) {
    if (ids == null) {
      return null;
    }
    List<@Nullable UserId> actors = new ArrayList<>();
    ids.forEach(id -> actors.add(id.map(UserId::new).orElse(null)));
    return actors;
  }

  private record Filter(String name, List<UUID> ids) {}

  private static @Nullable Targets targets(ListEventsRequest body) {
    Map<String, @Nullable List<UUID>> filters = new LinkedHashMap<>();
    filters.put("target_projects", body.targetProjects());
    filters.put("target_users", body.targetUsers());
    filters.put("target_fleets", body.targetFleets());
    filters.put("target_instances", body.targetInstances());
    filters.put("target_runs", body.targetRuns());
    filters.put("target_jobs", body.targetJobs());
    filters.put("target_volumes", body.targetVolumes());
    filters.put("target_gateways", body.targetGateways());
    filters.put("target_gateway_replicas", body.targetGatewayReplicas());
    filters.put("target_secrets", body.targetSecrets());
    filters.put("target_presets", body.targetPresets());
    Filter chosen = onlyOne("target", filters);
    if (chosen == null) {
      return null;
    }
    String plural = chosen.name().substring("target_".length());
    String type = plural.substring(0, plural.length() - 1).replace('_', '-');
    return new Targets(type, chosen.ids());
  }

  private static @Nullable Filter onlyOne(
      String prefix, Map<String, @Nullable List<UUID>> filters) {
    Filter chosen = null;
    for (Map.Entry<String, @Nullable List<UUID>> filter : filters.entrySet()) {
      List<UUID> ids = filter.getValue();
      if (ids != null) {
        Check.size(filter.getKey(), ids, FILTER_MAX);
        if (chosen != null) {
          throw Check.problem(
              "value_error",
              "",
              "Only one "
                  + prefix
                  + "_* filter can be set at a time, not both "
                  + chosen.name()
                  + " and "
                  + filter.getKey(),
              null);
        }
        chosen = new Filter(filter.getKey(), ids);
      }
    }
    return chosen;
  }

  private static Within within(Filter filter) {
    return switch (filter.name()) {
      case "within_projects" ->
          new Within.Projects(filter.ids().stream().map(ProjectId::new).toList());
      case "within_fleets" -> new Within.Fleets(filter.ids().stream().map(FleetId::new).toList());
      case "within_runs" -> new Within.Runs(filter.ids().stream().map(RunId::new).toList());
      default -> throw new IllegalStateException(filter.name());
    };
  }

  private static Event wire(EventRow row) {
    EventRow.Actor actor = row.actor();
    return new Event(
        row.id(),
        row.message(),
        row.recordedAt(),
        actor == null ? null : actor.id().value(),
        actor == null ? null : actor.username(),
        actor == null ? null : Boolean.valueOf(actor.deleted()),
        row.targets().stream().map(EventController::wire).toList());
  }

  private static EventTarget wire(EventRow.Target target) {
    EventRow.Project project = target.project();
    return new EventTarget(
        target.type(),
        project == null ? null : project.id().value(),
        project == null ? null : project.name(),
        project == null ? null : Boolean.valueOf(project.deleted()),
        target.id(),
        target.name());
  }
}
