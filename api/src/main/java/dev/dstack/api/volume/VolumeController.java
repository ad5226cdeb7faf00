package dev.dstack.api.volume;

import dev.dstack.api.auth.Caller;
import dev.dstack.api.auth.ProjectAccess;
import dev.dstack.api.error.ApiException;
import dev.dstack.api.web.Body;
import dev.dstack.api.web.Check;
import dev.dstack.model.wire.volume.CreateVolumeRequest;
import dev.dstack.model.wire.volume.DeleteVolumesRequest;
import dev.dstack.model.wire.volume.GetVolumeRequest;
import dev.dstack.model.wire.volume.ListVolumesRequest;
import dev.dstack.model.wire.volume.Volume;
import java.util.List;
import org.springframework.web.bind.annotation.PostMapping;
import org.springframework.web.bind.annotation.RestController;

@RestController
public final class VolumeController {
  @PostMapping("/api/volumes/list")
  public List<Volume> list(@Body ListVolumesRequest body, Caller caller) {
    Check.within("limit", body.limit(), 0, 100);
    return List.of();
  }

  @PostMapping("/api/project/{project_name}/volumes/list")
  public List<Volume> listOfProject(ProjectAccess access) {
    return List.of();
  }

  @PostMapping("/api/project/{project_name}/volumes/get")
  public Volume get(@Body GetVolumeRequest body, ProjectAccess access) {
    throw ApiException.missing("Volume '" + body.name() + "' not found");
  }

  @PostMapping("/api/project/{project_name}/volumes/create")
  public Volume create(@Body CreateVolumeRequest body, ProjectAccess access) {
    throw ApiException.badRequest("Volumes will come with a later version");
  }

  @PostMapping("/api/project/{project_name}/volumes/delete")
  public void delete(@Body DeleteVolumesRequest body, ProjectAccess access) {
    if (!body.names().isEmpty()) {
      throw ApiException.missing("No such volumes: " + String.join(", ", body.names()));
    }
  }
}
