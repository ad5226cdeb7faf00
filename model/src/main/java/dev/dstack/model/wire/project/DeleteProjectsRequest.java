package dev.dstack.model.wire.project;

import dev.dstack.model.json.Frozen;
import java.util.List;

public record DeleteProjectsRequest(List<String> projectsNames) {
  public DeleteProjectsRequest {
    projectsNames = Frozen.list(projectsNames);
  }
}
