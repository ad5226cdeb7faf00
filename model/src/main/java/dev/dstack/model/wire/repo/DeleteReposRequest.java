package dev.dstack.model.wire.repo;

import dev.dstack.model.json.Frozen;
import java.util.List;

public record DeleteReposRequest(List<String> reposIds) {
  public DeleteReposRequest {
    reposIds = Frozen.list(reposIds);
  }
}
