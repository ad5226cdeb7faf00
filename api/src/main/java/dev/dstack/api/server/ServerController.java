package dev.dstack.api.server;

import dev.dstack.api.auth.ClientVersion;
import dev.dstack.model.wire.server.OAuthProviderInfo;
import dev.dstack.model.wire.server.ServerInfo;
import java.util.List;
import java.util.Map;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.PostMapping;
import org.springframework.web.bind.annotation.RestController;

@RestController
public final class ServerController {
  @PostMapping("/api/server/get_info")
  public ServerInfo info() {
    return new ServerInfo(ClientVersion.API_VERSION);
  }

  /** Answers as long as the process does; whether its parts do is on the front page. */
  @GetMapping("/healthcheck")
  public Map<String, String> health() {
    return Map.of("status", "running");
  }

  @PostMapping("/api/auth/list_providers")
  public List<OAuthProviderInfo> providers() {
    return List.of();
  }
}
