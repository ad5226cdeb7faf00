package dev.dstack.api.volume;

import dev.dstack.api.auth.Caller;
import dev.dstack.api.auth.ProjectAccess;
import dev.dstack.api.dispatch.RunDispatcher;
import dev.dstack.api.error.ApiException;
import dev.dstack.api.web.Body;
import dev.dstack.api.web.Check;
import dev.dstack.api.web.Now;
import dev.dstack.api.web.Visible;
import dev.dstack.db.records.BackendStore;
import dev.dstack.db.records.Page;
import dev.dstack.db.records.Volumes;
import dev.dstack.db.views.VolumeQuery;
import dev.dstack.db.views.VolumeReader;
import dev.dstack.db.views.VolumeRow;
import dev.dstack.model.config.Names;
import dev.dstack.model.error.DstackException;
import dev.dstack.model.error.ErrorKind;
import dev.dstack.model.ids.VolumeId;
import dev.dstack.model.json.Json;
import dev.dstack.model.wire.configuration.VolumeConfiguration;
import dev.dstack.model.wire.volume.CreateVolumeRequest;
import dev.dstack.model.wire.volume.DeleteVolumesRequest;
import dev.dstack.model.wire.volume.GetVolumeRequest;
import dev.dstack.model.wire.volume.ListVolumesRequest;
import dev.dstack.model.wire.volume.Volume;
import dev.dstack.workflows.view.VolumeView;
import dev.dstack.workflows.volume.VolumePlan;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.UUID;
import org.springframework.web.bind.annotation.PostMapping;
import org.springframework.web.bind.annotation.RestController;

@RestController
public final class VolumeController {
  private static final int LIMIT_MAX = 100;
  private static final int PROJECT_MAX = 1_000;
  private static final int NAME_ATTEMPTS = 10;

  private final VolumeReader volumes;
  private final Volumes wishes;
  private final BackendStore backends;
  private final RunDispatcher dispatcher;
  private final Visible visible;
  private final Now now;
  private final SecureRandom random = new SecureRandom();

  public VolumeController(
      VolumeReader volumes,
      Volumes wishes,
      BackendStore backends,
      RunDispatcher dispatcher,
      Visible visible,
      Now now) {
    this.volumes = volumes;
    this.wishes = wishes;
    this.backends = backends;
    this.dispatcher = dispatcher;
    this.visible = visible;
    this.now = now;
  }

  @PostMapping("/api/volumes/list")
  public List<Volume> list(@Body ListVolumesRequest body, Caller caller) {
    int limit = Check.within("limit", body.limit(), 0, LIMIT_MAX);
    Visible.Projects projects = visible.projects(caller, body.projectName());
    if (projects.none() || limit == 0) {
      return List.of();
    }
    return shown(
        new VolumeQuery(
            projects.ids() == null ? null : List.copyOf(projects.ids()),
            body.onlyActive(),
            body.prevCreatedAt() == null ? null : Page.clamp(body.prevCreatedAt()),
            body.prevId() == null ? null : new VolumeId(body.prevId()),
            limit,
            body.ascending()));
  }

  @PostMapping("/api/project/{project_name}/volumes/list")
  public List<Volume> listOfProject(ProjectAccess access) {
    return shown(new VolumeQuery(List.of(access.id()), true, null, null, PROJECT_MAX, false));
  }

  private List<Volume> shown(VolumeQuery query) {
    return volumes.list(query).stream().map(row -> VolumeMapper.wire(row, now.instant())).toList();
  }

  @PostMapping("/api/project/{project_name}/volumes/get")
  public Volume get(@Body GetVolumeRequest body, ProjectAccess access) {
    return shown(body.name(), access);
  }

  private Volume shown(String name, ProjectAccess access) {
    return volumes
        .get(access.id(), name)
        .map(row -> VolumeMapper.wire(row, now.instant()))
        .orElseThrow(() -> ApiException.missing("Volume '" + name + "' not found"));
  }

  @PostMapping("/api/project/{project_name}/volumes/create")
  public Volume create(@Body CreateVolumeRequest body, ProjectAccess access) {
    VolumeConfiguration configuration = body.configuration();
    Set<String> types = new TreeSet<>();
    backends.list(access.id()).forEach(backend -> types.add(backend.type()));
    VolumePlan plan = VolumePlans.of(configuration, types);
    String name = configuration.name();
    if (name != null) {
      if (!Names.isValid(name)) {
        throw ApiException.badRequest(
            "`name`: a volume's name has 2 to 41 small letters, digits or dashes and begins with a"
                + " letter, '"
                + name
                + "' does not");
      }
      create(name, configuration, plan, access);
      return shown(name, access);
    }
    for (int attempt = 0; ; attempt++) {
      String random =
          Names.random(this.random, taken -> volumes.get(access.id(), taken).isPresent());
      try {
        create(random, configuration, plan, access);
        return shown(random, access);
      } catch (DstackException e) {
        if (e.kind() != ErrorKind.NAME_TAKEN || attempt == NAME_ATTEMPTS) {
          throw e;
        }
      }
    }
  }

  private void create(
      String name, VolumeConfiguration configuration, VolumePlan plan, ProjectAccess access) {
    wishes.create(
        new VolumeId(UUID.randomUUID()),
        access.id(),
        access.caller().id(),
        name,
        Json.lenient().writeValueAsString(configuration.withName(name)),
        Json.lenient().writeValueAsString(plan));
    dispatcher.volumeChanged();
  }

  /** All of them or none; one that is in use is not deleted, and its workflow has the last word. */
  @PostMapping("/api/project/{project_name}/volumes/delete")
  public void delete(@Body DeleteVolumesRequest body, ProjectAccess access) {
    Check.atMost("names", body.names(), PROJECT_MAX);
    List<VolumeRow> found = new ArrayList<>();
    for (String name : new TreeSet<>(body.names())) {
      found.add(
          volumes
              .get(access.id(), name)
              .orElseThrow(() -> ApiException.missing("Volume '" + name + "' not found")));
    }
    for (VolumeRow volume : found) {
      List<VolumeView.Attachment> attachments = VolumeMapper.attachments(volume);
      if (!attachments.isEmpty()) {
        throw ApiException.badRequest(
            "Failed to delete volume "
                + volume.name()
                + ". Volume is in use: "
                + String.join(", ", attachments.stream().map(VolumeController::user).toList()));
      }
    }
    found.forEach(volume -> wishes.requestDelete(volume.id(), access.caller().id()));
    dispatcher.volumeChanged();
  }

  private static String user(VolumeView.Attachment attachment) {
    return attachment.instanceName()
        + (attachment.runs().isEmpty()
            ? ""
            : " (run " + String.join(", ", attachment.runs()) + ")");
  }
}
