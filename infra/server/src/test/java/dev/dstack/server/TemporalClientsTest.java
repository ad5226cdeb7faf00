package dev.dstack.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.grpc.Metadata;
import io.grpc.Server;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerInterceptor;
import io.grpc.StatusRuntimeException;
import io.grpc.netty.shaded.io.grpc.netty.GrpcSslContexts;
import io.grpc.netty.shaded.io.grpc.netty.NettyServerBuilder;
import io.grpc.netty.shaded.io.netty.handler.ssl.ClientAuth;
import io.grpc.stub.StreamObserver;
import io.temporal.api.workflowservice.v1.GetSystemInfoRequest;
import io.temporal.api.workflowservice.v1.GetSystemInfoResponse;
import io.temporal.api.workflowservice.v1.WorkflowServiceGrpc;
import io.temporal.client.WorkflowClient;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.security.cert.Certificate;
import java.util.Base64;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Against a front that asks for TLS, as a Temporal on another machine does. */
class TemporalClientsTest {
  private static final String PASSWORD = "changeit";
  private static final String SERVER_NAME = "temporal.example.org";

  @TempDir private Path directory;
  private final AtomicReference<@Nullable String> authorization = new AtomicReference<>();
  private Server front;

  @BeforeEach
  void start() throws Exception {
    keys("server");
    keys("client");
    front(ClientAuth.NONE);
  }

  private void front(ClientAuth certificates) throws Exception {
    front =
        NettyServerBuilder.forAddress(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0))
            .sslContext(
                GrpcSslContexts.forServer(file("server.crt").toFile(), file("server.key").toFile())
                    .trustManager(file("client.crt").toFile())
                    .clientAuth(certificates)
                    .build())
            .intercept(new Listening())
            .addService(new Temporal())
            .build()
            .start();
  }

  @AfterEach
  void stop() throws InterruptedException {
    front.shutdownNow().awaitTermination(10, TimeUnit.SECONDS);
  }

  @Test
  void withItsAuthorityAndAnApiKey() {
    ask(tls(file("server.crt"), null, null, SERVER_NAME, "planted-key"));
    assertThat(authorization.get()).isEqualTo("Bearer planted-key");
  }

  @Test
  void withACertificateOfItsOwn() throws Exception {
    stop();
    front(ClientAuth.REQUIRE);
    ask(tls(file("server.crt"), file("client.crt"), file("client.key"), SERVER_NAME, null));
    assertThat(authorization.get()).isNull();
  }

  @Test
  void anUnknownAuthorityIsRefused() {
    assertThatThrownBy(() -> ask(tls(file("client.crt"), null, null, SERVER_NAME, null)))
        .isInstanceOf(StatusRuntimeException.class);
    assertThatThrownBy(() -> ask(tls(file("server.crt"), null, null, "other.example.org", null)))
        .isInstanceOf(StatusRuntimeException.class);
  }

  @Test
  void aCertificateNobodyKnowsIsRefused() throws Exception {
    keys("stranger");
    stop();
    front(ClientAuth.REQUIRE);
    assertThatThrownBy(
            () ->
                ask(
                    tls(
                        file("server.crt"),
                        file("stranger.crt"),
                        file("stranger.key"),
                        SERVER_NAME,
                        null)))
        .isInstanceOf(StatusRuntimeException.class);
  }

  @Test
  void filesThatDoNotFitAreNamed() throws Exception {
    assertThatThrownBy(() -> ask(tls(file("absent.crt"), null, null, null, null)))
        .isInstanceOf(StartupException.class)
        .hasMessageContaining("TEMPORAL_TLS_CA names");
    assertThatThrownBy(() -> ask(tls(null, file("client.crt"), null, null, null)))
        .isInstanceOf(StartupException.class)
        .hasMessageContaining("TEMPORAL_TLS_KEY");
    Path broken = Files.writeString(file("broken.crt"), "no certificate");
    assertThatThrownBy(() -> ask(tls(broken, null, null, null, null)))
        .isInstanceOf(StartupException.class)
        .hasMessageContaining("can't be used");
  }

  private void ask(ServerOptions.TemporalTls tls) {
    WorkflowClient client =
        TemporalClients.connect("127.0.0.1:" + front.getPort(), "default", tls, "test");
    try {
      client
          .getWorkflowServiceStubs()
          .blockingStub()
          .withDeadlineAfter(10, TimeUnit.SECONDS)
          .getSystemInfo(GetSystemInfoRequest.getDefaultInstance());
    } finally {
      client.getWorkflowServiceStubs().shutdownNow();
    }
  }

  private static ServerOptions.TemporalTls tls(
      @Nullable Path ca,
      @Nullable Path certificate,
      @Nullable Path key,
      @Nullable String serverName,
      @Nullable String apiKey) {
    return new ServerOptions.TemporalTls(ca, certificate, key, serverName, apiKey);
  }

  private Path file(String name) {
    return directory.resolve(name);
  }

  /** A key with a certificate that it has signed itself, as the files that are configured. */
  private void keys(String name) throws Exception {
    Path store = file(name + ".p12");
    Process keytool =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "keytool").toString(),
                "-genkeypair",
                "-alias",
                name,
                "-keyalg",
                "EC",
                "-groupname",
                "secp256r1",
                "-dname",
                "CN=" + name,
                "-ext",
                "san=dns:" + SERVER_NAME,
                "-ext",
                "bc:c",
                "-validity",
                "2",
                "-storetype",
                "PKCS12",
                "-keystore",
                store.toString(),
                "-storepass",
                PASSWORD)
            .inheritIO()
            .start();
    assertThat(keytool.waitFor(60, TimeUnit.SECONDS)).isTrue();
    KeyStore keys = KeyStore.getInstance("PKCS12");
    try (InputStream in = Files.newInputStream(store)) {
      keys.load(in, PASSWORD.toCharArray());
    }
    Certificate certificate = keys.getCertificate(name);
    pem(file(name + ".crt"), "CERTIFICATE", certificate.getEncoded());
    pem(file(name + ".key"), "PRIVATE KEY", keys.getKey(name, PASSWORD.toCharArray()).getEncoded());
  }

  private static void pem(Path file, String what, byte[] content) throws Exception {
    String text = Base64.getMimeEncoder(64, new byte[] {'\n'}).encodeToString(content);
    Files.writeString(
        file, "-----BEGIN " + what + "-----\n" + text + "\n-----END " + what + "-----\n");
  }

  private final class Listening implements ServerInterceptor {
    @Override
    public <Q, A> ServerCall.Listener<Q> interceptCall(
        ServerCall<Q, A> call, Metadata headers, ServerCallHandler<Q, A> next) {
      authorization.set(
          headers.get(Metadata.Key.of("authorization", Metadata.ASCII_STRING_MARSHALLER)));
      return next.startCall(call, headers);
    }
  }

  private static final class Temporal extends WorkflowServiceGrpc.WorkflowServiceImplBase {
    @Override
    public void getSystemInfo(
        GetSystemInfoRequest request, StreamObserver<GetSystemInfoResponse> observer) {
      observer.onNext(GetSystemInfoResponse.getDefaultInstance());
      observer.onCompleted();
    }
  }
}
