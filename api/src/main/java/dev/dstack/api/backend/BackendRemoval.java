package dev.dstack.api.backend;

import dev.dstack.db.Database;
import dev.dstack.db.views.BackendUse;
import dev.dstack.model.ids.ProjectId;
import dev.dstack.model.offer.BackendType;
import java.util.List;
import java.util.Set;

/** With a backend go the credentials that its machines are ended with, so these must go first. */
public final class BackendRemoval {
  /** Their fleets are made and ended with them, and nothing of theirs needs credentials. */
  private static final Set<String> FREE =
      Set.of(BackendType.LOCAL.name(), BackendType.SCRIPTED.name());

  private final Database database;

  public BackendRemoval(Database database) {
    this.database = database;
  }

  /** Empty: it may go. Otherwise what has to end before. */
  public List<String> uses(ProjectId project, String type) {
    return FREE.contains(type) ? List.of() : BackendUse.of(database, project, type);
  }

  public static String refusal(String project, String type, List<String> uses) {
    return "Backend '"
        + type
        + "' of project '"
        + project
        + "' can't be removed while it is used by "
        + String.join(", ", uses)
        + ". Delete these first; without the backend nobody could end them";
  }
}
