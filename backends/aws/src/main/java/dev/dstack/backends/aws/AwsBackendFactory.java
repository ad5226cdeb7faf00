package dev.dstack.backends.aws;

import dev.dstack.backends.BackendContext;
import dev.dstack.backends.BackendFactory;
import dev.dstack.backends.ComputeBackend;
import dev.dstack.model.offer.BackendType;
import java.net.URI;
import java.time.Duration;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import software.amazon.awssdk.http.SdkHttpClient;
import software.amazon.awssdk.http.apache5.Apache5HttpClient;

/** Found by ServiceLoader. */
public final class AwsBackendFactory implements BackendFactory {
  /** AWS's own names for where its services are to be found instead, as by its other programs. */
  private static final String ENDPOINT = "AWS_ENDPOINT_URL";

  private static final String ENDPOINT_PROPERTY = "aws.endpointUrl";

  private static final int CONNECTIONS = 200;
  private static final Duration CONNECT = Duration.ofSeconds(5);

  private final @Nullable URI endpoint;
  private @Nullable SdkHttpClient http;

  public AwsBackendFactory() {
    this(endpointOf(System.getProperty(ENDPOINT_PROPERTY, System.getenv(ENDPOINT))));
  }

  AwsBackendFactory(@Nullable URI endpoint) {
    this.endpoint = endpoint;
  }

  private static @Nullable URI endpointOf(@Nullable String value) {
    return value == null || value.isBlank() ? null : URI.create(value);
  }

  @Override
  public BackendType type() {
    return AwsBackend.TYPE;
  }

  @Override
  public ComputeBackend create(BackendContext context, Map<String, Object> config) {
    AwsConfig parsed = AwsConfig.parse(config);
    return new AwsBackend(context, parsed, new AwsClients(parsed.credentials(), http(), endpoint));
  }

  /** One pool of connections for all accounts. */
  private synchronized SdkHttpClient http() {
    SdkHttpClient known = http;
    if (known == null) {
      known =
          Apache5HttpClient.builder()
              .maxConnections(CONNECTIONS)
              .connectionTimeout(CONNECT)
              .build();
      http = known;
    }
    return known;
  }
}
