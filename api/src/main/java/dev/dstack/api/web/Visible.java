package dev.dstack.api.web;

import dev.dstack.api.auth.Caller;
import dev.dstack.db.records.ProjectStore;
import dev.dstack.model.ids.ProjectId;
import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Which projects the lists across projects may show a caller. */
public record Visible(ProjectStore store) {
  /**
   * @param ids absent: all projects
   */
  public record Projects(@Nullable Collection<ProjectId> ids) {
    public boolean none() {
      return ids != null && ids.isEmpty();
    }
  }

  /**
   * @param name absent: every project that the caller may see
   */
  public Projects projects(Caller caller, @Nullable String name) {
    if (name != null) {
      return projects(caller, List.of(name));
    }
    return new Projects(caller.isGlobalAdmin() ? null : store.joined(caller.id()));
  }

  /** Those of the named projects that the caller may see. */
  public Projects projects(Caller caller, List<String> names) {
    if (names.size() == 1 && !caller.isGlobalAdmin()) {
      return new Projects(
          store
              .membership(names.getFirst(), caller.id())
              .filter(found -> found.role() != null)
              .map(found -> List.of(found.id()))
              .orElse(List.of()));
    }
    Set<ProjectId> ids = new HashSet<>(store.ids(names).values());
    if (!caller.isGlobalAdmin()) {
      ids.retainAll(store.joined(caller.id()));
    }
    return new Projects(ids);
  }
}
