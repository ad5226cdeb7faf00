package dev.dstack.api;

import dev.dstack.api.auth.DefaultPermissions;
import dev.dstack.api.backend.BackendTypes;
import dev.dstack.api.bootstrap.Bootstrap;
import dev.dstack.api.config.Limits;
import dev.dstack.api.config.ServerConfig;
import dev.dstack.api.log.LogReader;
import dev.dstack.db.Database;
import dev.dstack.db.DatabaseRole;
import dev.dstack.db.DatabaseUrl;
import dev.dstack.db.crypto.Encryption;
import dev.dstack.db.crypto.EncryptionKey;
import dev.dstack.embedded.EmbeddedPostgres;
import dev.dstack.model.json.Json;
import dev.dstack.workflows.support.DataConverters;
import io.temporal.client.WorkflowClient;
import io.temporal.client.WorkflowClientOptions;
import io.temporal.serviceclient.WorkflowServiceStubs;
import io.temporal.serviceclient.WorkflowServiceStubsOptions;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.InstantSource;
import java.util.Map;
import java.util.Optional;
import java.util.SortedSet;
import java.util.TreeSet;
import java.util.concurrent.atomic.AtomicInteger;
import org.jooq.ExecuteListener;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.WebApplicationType;
import org.springframework.boot.web.server.servlet.context.ServletWebServerApplicationContext;
import org.springframework.context.support.GenericApplicationContext;
import tools.jackson.databind.JsonNode;

/**
 * One PostgreSQL and one server for all tests of this module; each test makes projects of its own.
 */
public final class ApiServer {
  static final String ADMIN_TOKEN = "test-admin-token";
  private static final AtomicInteger NAMES = new AtomicInteger();
  private static volatile ApiServer shared;

  final EmbeddedPostgres postgres;
  final Database owner;
  final Database database;
  final Encryption encryption;
  final FakeLogs logs = new FakeLogs();

  /** Statements of requests; what the dispatcher does beside them doesn't count. */
  final AtomicInteger statements = new AtomicInteger();

  final ServletWebServerApplicationContext context;
  final URI base;
  private final HttpClient http = HttpClient.newHttpClient();

  record Answer(int status, String body, HttpResponse<String> raw) {
    JsonNode json() {
      return Json.lenient().readTree(body);
    }

    String message() {
      JsonNode detail = json().get("detail");
      JsonNode item = detail.isArray() ? detail.get(0) : detail;
      return item.isString() ? item.stringValue() : item.get("msg").stringValue();
    }
  }

  static ApiServer shared() {
    if (shared == null) {
      synchronized (ApiServer.class) {
        if (shared == null) {
          shared = start();
        }
      }
    }
    return shared;
  }

  private static ApiServer start() {
    try {
      Path directory = Files.createTempDirectory("dstack-api-test");
      EmbeddedPostgres postgres = EmbeddedPostgres.startTemporary(directory);
      postgres.createDatabase("api");
      return new ApiServer(postgres, "api", deadTemporal());
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }

  /** Nobody listens there: accepting, listing and stopping must not need it. */
  static WorkflowClient deadTemporal() {
    WorkflowServiceStubs stubs =
        WorkflowServiceStubs.newServiceStubs(
            WorkflowServiceStubsOptions.newBuilder()
                .setTarget("127.0.0.1:1")
                .setRpcTimeout(Duration.ofMillis(200))
                .build());
    return WorkflowClient.newInstance(
        stubs,
        WorkflowClientOptions.newBuilder().setDataConverter(DataConverters.create()).build());
  }

  ApiServer(EmbeddedPostgres postgres, String databaseName, WorkflowClient client) {
    this.postgres = postgres;
    DatabaseUrl url =
        new DatabaseUrl(postgres.jdbcUrl(databaseName), postgres.user(), postgres.password());
    Database.migrate(url);
    owner = Database.open(url, DatabaseRole.OWNER, 3);
    database = Database.open(url, DatabaseRole.API, 16);
    database
        .dsl()
        .configuration()
        .set(
            ExecuteListener.onExecuteStart(
                _ -> {
                  if (!Thread.currentThread().getName().startsWith("dispatch")) {
                    statements.incrementAndGet();
                  }
                }));
    encryption = Encryption.of(java.util.List.of(new EncryptionKey.Aes("test", new byte[32])));
    SpringApplication application = new SpringApplication(ApiConfiguration.class);
    application.setWebApplicationType(WebApplicationType.SERVLET);
    application.setBannerMode(org.springframework.boot.Banner.Mode.OFF);
    application.setLogStartupInfo(false);
    ApiSettings settings =
        new ApiSettings(
            "127.0.0.1",
            0,
            "test",
            new DefaultPermissions(true, true, false),
            Limits.STANDARD,
            () -> "http://127.0.0.1:8080/ui");
    application.addInitializers(
        started -> {
          GenericApplicationContext beans = (GenericApplicationContext) started;
          beans.registerBean(ApiSettings.class, () -> settings);
          beans.registerBean(Database.class, () -> database);
          beans.registerBean(Encryption.class, () -> encryption);
          beans.registerBean(WorkflowClient.class, () -> client);
          beans.registerBean(LogReader.class, () -> logs);
          beans.registerBean(BackendTypes.class, FakeBackends::new);
          beans.registerBean(InstantSource.class, InstantSource::system);
        });
    context = (ServletWebServerApplicationContext) application.run();
    base = URI.create("http://127.0.0.1:" + context.getWebServer().getPort());
    context.getBean(Bootstrap.class).run(ADMIN_TOKEN, ServerConfig.empty());
  }

  static final class FakeBackends implements BackendTypes {
    @Override
    public SortedSet<String> names() {
      return new TreeSet<>(java.util.List.of("aws", "local", "scripted"));
    }

    @Override
    public Optional<String> problem(String type, JsonNode config) {
      return config.has("bad") ? Optional.of("bad: this field is bad") : Optional.empty();
    }
  }

  static String name(String prefix) {
    return prefix + "-" + NAMES.incrementAndGet();
  }

  /** A project of its own, whose admin is the global admin. */
  String project() {
    String name = name("p");
    Answer made = post(ADMIN_TOKEN, "/api/projects/create", Map.of("project_name", name));
    if (made.status() != 200) {
      throw new IllegalStateException(made.body());
    }
    return name;
  }

  /** The token of a new user. */
  String user(String username, String role) {
    Answer made =
        post(ADMIN_TOKEN, "/api/users/create", Map.of("username", username, "global_role", role));
    if (made.status() != 200) {
      throw new IllegalStateException(made.body());
    }
    return post(ADMIN_TOKEN, "/api/users/get_user", Map.of("username", username))
        .json()
        .at("/creds/token")
        .stringValue();
  }

  void member(String project, String username, String role) {
    Answer added =
        post(
            ADMIN_TOKEN,
            "/api/projects/" + project + "/add_members",
            Map.of(
                "members", java.util.List.of(Map.of("username", username, "project_role", role))));
    if (added.status() != 200) {
      throw new IllegalStateException(added.body());
    }
  }

  Answer post(String token, String path, Object body) {
    return send(token, "POST", path, Json.lenient().writeValueAsBytes(body), "application/json");
  }

  Answer post(String token, String path) {
    return send(token, "POST", path, new byte[0], null);
  }

  Answer raw(String token, String path, String body) {
    return send(token, "POST", path, body.getBytes(StandardCharsets.UTF_8), "application/json");
  }

  Answer send(String token, String method, String path, byte[] body, String contentType) {
    HttpRequest.Builder request =
        HttpRequest.newBuilder(URI.create(base + path))
            .timeout(Duration.ofSeconds(60))
            .method(method, HttpRequest.BodyPublishers.ofByteArray(body));
    if (token != null) {
      request.header("Authorization", "Bearer " + token);
    }
    if (contentType != null) {
      request.header("Content-Type", contentType);
    }
    return send(request.build());
  }

  Answer send(HttpRequest request) {
    try {
      HttpResponse<String> response = http.send(request, HttpResponse.BodyHandlers.ofString());
      return new Answer(response.statusCode(), response.body(), response);
    } catch (IOException e) {
      throw new IllegalStateException(request.uri().toString(), e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException(e);
    }
  }
}
