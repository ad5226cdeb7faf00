package dev.dstack.api.gateway;

import dev.dstack.api.auth.ProjectAccess;
import dev.dstack.api.error.ApiException;
import dev.dstack.api.web.Body;
import dev.dstack.model.wire.gateway.Gateway;
import dev.dstack.model.wire.gateway.GetGatewayRequest;
import dev.dstack.model.wire.gateway.ListGatewaysRequest;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.springframework.web.bind.annotation.PostMapping;
import org.springframework.web.bind.annotation.RestController;

@RestController
public final class GatewayController {
  @PostMapping("/api/project/{project_name}/gateways/list")
  public List<Gateway> list(
      @Body(optional = true) @Nullable ListGatewaysRequest body, ProjectAccess access) {
    return List.of();
  }

  @PostMapping("/api/project/{project_name}/gateways/get")
  public Gateway get(@Body GetGatewayRequest body, ProjectAccess access) {
    throw ApiException.missing("Gateway '" + body.name() + "' not found");
  }
}
