package dev.dstack.backends.aws;

import java.net.URI;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;
import software.amazon.awssdk.auth.credentials.AwsBasicCredentials;
import software.amazon.awssdk.auth.credentials.AwsCredentialsProvider;
import software.amazon.awssdk.auth.credentials.DefaultCredentialsProvider;
import software.amazon.awssdk.auth.credentials.StaticCredentialsProvider;
import software.amazon.awssdk.awscore.client.builder.AwsClientBuilder;
import software.amazon.awssdk.awscore.client.builder.AwsSyncClientBuilder;
import software.amazon.awssdk.core.client.config.ClientOverrideConfiguration;
import software.amazon.awssdk.http.SdkHttpClient;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.services.ec2.Ec2Client;

/**
 * The clients of one configuration, one for each region, over one pool of connections. All calls
 * that one repeatable operation makes end long before the caller gives up on it, so two attempts
 * never overlap.
 */
public final class AwsClients {
  private static final Duration ATTEMPT = Duration.ofSeconds(20);
  private static final Duration CALL = Duration.ofSeconds(65);

  private final AwsCredentialsProvider credentials;
  private final SdkHttpClient http;
  private final @Nullable URI endpoint;
  private final Map<String, Ec2Client> ec2 = new ConcurrentHashMap<>();

  /**
   * @param endpoint where AWS is to be found; absent: where it is
   */
  AwsClients(AwsConfig.Credentials credentials, SdkHttpClient http, @Nullable URI endpoint) {
    this.credentials =
        switch (credentials) {
          case AwsConfig.DefaultChain _ -> DefaultCredentialsProvider.builder().build();
          case AwsConfig.AccessKey(String key, String secret) ->
              StaticCredentialsProvider.create(AwsBasicCredentials.create(key, secret));
        };
    this.http = http;
    this.endpoint = endpoint;
  }

  public Ec2Client ec2(String region) {
    return ec2.computeIfAbsent(region, name -> configured(Ec2Client.builder(), name).build());
  }

  AwsCredentialsProvider credentials() {
    return credentials;
  }

  SdkHttpClient http() {
    return http;
  }

  @Nullable URI endpoint() {
    return endpoint;
  }

  private <B extends AwsClientBuilder<B, C> & AwsSyncClientBuilder<B, C>, C> B configured(
      B builder, String region) {
    builder
        .region(Region.of(region))
        .credentialsProvider(credentials)
        .httpClient(http)
        .overrideConfiguration(
            ClientOverrideConfiguration.builder()
                .apiCallAttemptTimeout(ATTEMPT)
                .apiCallTimeout(CALL)
                .build());
    if (endpoint != null) {
      builder.endpointOverride(endpoint);
    }
    return builder;
  }
}
