package dev.dstack.api.secret;

import dev.dstack.api.auth.ProjectAccess;
import dev.dstack.api.error.ApiException;
import dev.dstack.api.web.Body;
import dev.dstack.api.web.Check;
import dev.dstack.api.web.Now;
import dev.dstack.db.records.SecretStore;
import dev.dstack.model.wire.secret.CreateOrUpdateSecretRequest;
import dev.dstack.model.wire.secret.DeleteSecretsRequest;
import dev.dstack.model.wire.secret.GetSecretRequest;
import dev.dstack.model.wire.secret.Secret;
import java.util.List;
import java.util.UUID;
import java.util.regex.Pattern;
import org.springframework.web.bind.annotation.PostMapping;
import org.springframework.web.bind.annotation.RestController;

@RestController
public final class SecretController {
  private static final Pattern NAME = Pattern.compile("[A-Za-z0-9_-]{1,200}");
  private static final int VALUE_MAX = 5_000;

  private final SecretStore secrets;
  private final Now now;

  public SecretController(SecretStore secrets, Now now) {
    this.secrets = secrets;
    this.now = now;
  }

  @PostMapping("/api/project/{project_name}/secrets/list")
  public List<Secret> list(ProjectAccess access) {
    return secrets.list(access.id()).stream()
        .map(secret -> new Secret(secret.id(), secret.name(), null))
        .toList();
  }

  @PostMapping("/api/project/{project_name}/secrets/get")
  public Secret get(@Body GetSecretRequest body, ProjectAccess access) {
    return secrets
        .get(access.id(), body.name())
        .map(secret -> new Secret(secret.id(), secret.name(), secret.value()))
        .orElseThrow(
            () -> ApiException.missing("There is no secret '" + body.name() + "' in this project"));
  }

  @PostMapping("/api/project/{project_name}/secrets/create_or_update")
  public Secret save(@Body CreateOrUpdateSecretRequest body, ProjectAccess access) {
    if (!NAME.matcher(body.name()).matches()) {
      throw ApiException.badRequest(
          "The name of a secret has 1 to 200 letters, digits, '-' or '_' (" + NAME.pattern() + ")");
    }
    if (body.value().codePointCount(0, body.value().length()) > VALUE_MAX) {
      throw ApiException.badRequest("A secret has at most " + VALUE_MAX + " characters");
    }
    UUID id =
        secrets.save(access.id(), body.name(), body.value(), now.instant(), access.caller().id());
    return new Secret(id, body.name(), body.value());
  }

  @PostMapping("/api/project/{project_name}/secrets/delete")
  public void delete(@Body DeleteSecretsRequest body, ProjectAccess access) {
    Check.atMost("secrets_names", body.secretsNames(), 1_000);
    secrets.delete(access.id(), body.secretsNames(), now.instant(), access.caller().id());
  }
}
