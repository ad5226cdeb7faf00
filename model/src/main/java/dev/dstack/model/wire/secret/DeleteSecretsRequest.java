package dev.dstack.model.wire.secret;

import dev.dstack.model.json.Frozen;
import java.util.List;

public record DeleteSecretsRequest(List<String> secretsNames) {
  public DeleteSecretsRequest {
    secretsNames = Frozen.list(secretsNames);
  }
}
