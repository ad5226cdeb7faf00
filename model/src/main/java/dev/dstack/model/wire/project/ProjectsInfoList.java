package dev.dstack.model.wire.project;

import dev.dstack.model.json.Frozen;
import java.util.List;
import org.jspecify.annotations.Nullable;

public record ProjectsInfoList(@Nullable Integer totalCount, List<Project> projects) {
  public ProjectsInfoList {
    projects = Frozen.list(projects);
  }
}
