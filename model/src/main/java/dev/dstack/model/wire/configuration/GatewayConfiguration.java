package dev.dstack.model.wire.configuration;

import com.fasterxml.jackson.annotation.JsonProperty;
import dev.dstack.model.json.Checks;
import dev.dstack.model.json.Default;
import dev.dstack.model.json.Frozen;
import dev.dstack.model.json.Literal;
import dev.dstack.model.wire.common.BackendName;
import java.util.Map;
import org.jspecify.annotations.Nullable;

@Literal(property = "type", value = "gateway")
public record GatewayConfiguration(
    @Nullable String name,
    @JsonProperty("default") @Nullable Boolean isDefault,
    BackendName backend,
    String region,
    @Nullable String instanceType,
    @Nullable String domain,
    @Default("true") boolean publicIp,
    @Nullable AlbGatewayLoadBalancer loadBalancer,
    @Default("{'type': 'lets-encrypt'}") @Nullable GatewayCertificate certificate,
    @Nullable Integer replicas,
    @Nullable Map<String, String> tags)
    implements ApplyConfiguration {
  public GatewayConfiguration {
    tags = Frozen.mapOrNull(tags);
    Tags.check(tags);
    Checks.length("instance_type", instanceType, 1, 256);
    Checks.atLeast("replicas", replicas, 1);
  }

  @Override
  public String type() {
    return "gateway";
  }

  @Override
  public GatewayConfiguration withName(@Nullable String newName) {
    return new GatewayConfiguration(
        newName,
        isDefault,
        backend,
        region,
        instanceType,
        domain,
        publicIp,
        loadBalancer,
        certificate,
        replicas,
        tags);
  }
}
