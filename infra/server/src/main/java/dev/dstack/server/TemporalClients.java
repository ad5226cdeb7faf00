package dev.dstack.server;

import dev.dstack.activities.worker.TemporalMetrics;
import dev.dstack.workflows.support.DataConverters;
import io.grpc.netty.shaded.io.grpc.netty.GrpcSslContexts;
import io.grpc.netty.shaded.io.netty.handler.ssl.SslContextBuilder;
import io.prometheus.client.CollectorRegistry;
import io.temporal.client.WorkflowClient;
import io.temporal.client.WorkflowClientOptions;
import io.temporal.serviceclient.WorkflowServiceStubs;
import io.temporal.serviceclient.WorkflowServiceStubsOptions;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import javax.net.ssl.SSLException;
import org.jspecify.annotations.Nullable;

/** Connects to Temporal. */
final class TemporalClients {
  private static final Duration RPC_TIMEOUT = Duration.ofSeconds(10);

  private TemporalClients() {}

  /** Without counting. */
  static WorkflowClient connect(
      String address, String namespace, ServerOptions.TemporalTls tls, String identity) {
    return connect(address, namespace, tls, identity, null);
  }

  /**
   * Connects when it is first used.
   *
   * @param metrics where the SDK counts; absent: nowhere
   */
  static WorkflowClient connect(
      String address,
      String namespace,
      ServerOptions.TemporalTls tls,
      String identity,
      @Nullable CollectorRegistry metrics) {
    WorkflowServiceStubsOptions.Builder stubs =
        WorkflowServiceStubsOptions.newBuilder().setTarget(address).setRpcTimeout(RPC_TIMEOUT);
    if (metrics != null) {
      stubs.setMetricsScope(TemporalMetrics.scope(metrics));
    }
    if (tls.secured()) {
      stubs.setSslContext(sslContext(tls));
      String serverName = tls.serverName();
      if (serverName != null) {
        stubs.setChannelInitializer(channel -> channel.overrideAuthority(serverName));
      }
      String apiKey = tls.apiKey();
      if (apiKey != null) {
        stubs.addApiKey(() -> apiKey);
      }
    }
    return WorkflowClient.newInstance(
        WorkflowServiceStubs.newServiceStubs(stubs.validateAndBuildWithDefaults()),
        WorkflowClientOptions.newBuilder()
            .setNamespace(namespace)
            .setIdentity(identity)
            .setDataConverter(DataConverters.create())
            .build());
  }

  private static io.grpc.netty.shaded.io.netty.handler.ssl.SslContext sslContext(
      ServerOptions.TemporalTls tls) {
    try {
      SslContextBuilder builder = GrpcSslContexts.forClient();
      Path ca = readable(tls.caFile(), "TEMPORAL_TLS_CA");
      if (ca != null) {
        builder.trustManager(ca.toFile());
      }
      Path certificate = readable(tls.certificateFile(), "TEMPORAL_TLS_CERT");
      Path key = readable(tls.keyFile(), "TEMPORAL_TLS_KEY");
      if (certificate == null != (key == null)) {
        throw new StartupException(
            "TEMPORAL_TLS_CERT and TEMPORAL_TLS_KEY go together; one of them is missing.");
      }
      if (certificate != null && key != null) {
        builder.keyManager(certificate.toFile(), key.toFile());
      }
      return builder.build();
    } catch (SSLException | IllegalArgumentException e) {
      throw new StartupException(
          "The certificate files for Temporal can't be used: " + e.getMessage());
    }
  }

  private static @Nullable Path readable(@Nullable Path file, String variable) {
    if (file != null && !Files.isReadable(file)) {
      throw new StartupException(variable + " names " + file + ", which can't be read.");
    }
    return file;
  }
}
