package dev.dstack.activities.agent;

import dev.dstack.db.records.SecretStore;
import dev.dstack.model.error.DstackException;
import dev.dstack.model.error.ErrorKind;
import dev.dstack.model.ids.ProjectId;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** Puts a project's secrets into values that refer to them. */
final class SecretValues {
  private final SecretStore secrets;
  private final ProjectId project;

  SecretValues(SecretStore secrets, ProjectId project) {
    this.secrets = secrets;
    this.project = project;
  }

  /**
   * @param field where the values stand, for the error
   * @throws DstackException SECRET_NOT_FOUND
   */
  Map<String, String> in(String field, Map<String, String> values) {
    Map<String, String> known = new HashMap<>();
    List<String> unknown = new ArrayList<>();
    for (String name : Interpolation.secretNames(values.values())) {
      secrets
          .get(project, name)
          .ifPresentOrElse(secret -> known.put(name, secret.value()), () -> unknown.add(name));
    }
    if (!unknown.isEmpty()) {
      throw new DstackException(
          ErrorKind.SECRET_NOT_FOUND,
          field
              + " refers to secrets that the project does not have: "
              + String.join(", ", unknown)
              + ". Set them with `dstack secret set`.");
    }
    Map<String, String> interpolated = new TreeMap<>();
    values.forEach(
        (name, value) -> interpolated.put(name, Interpolation.interpolate(value, known)));
    return interpolated;
  }
}
