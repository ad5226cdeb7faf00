package dev.dstack.api;

import static dev.dstack.api.ApiServer.ADMIN_TOKEN;
import static org.assertj.core.api.Assertions.assertThat;

import dev.dstack.api.ApiServer.Answer;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;

class BackendsTest {
  private static final String SECRET = "secret-canary-5d1f";

  private static final String OFFER =
      """
      {"backend":"aws","instance_type":"t3.small","region":"us-east-1","price":0.02,
       "availability":"available","backend_data":{},
       "resources":{"arch":"x86","cpus":2.0,"memory_mib":2048,"disk_mib":102400,"gpus":[],"spot":false}}
      """;

  private final ApiServer server = ApiServer.shared();

  private Answer post(String project, String call, Object body) {
    return server.post(ADMIN_TOKEN, "/api/project/" + project + "/backends/" + call, body);
  }

  private String project() {
    String project = server.project();
    Map<String, Object> creds =
        Map.of("type", "access_key", "access_key", "AKIA", "secret_key", SECRET);
    Map<String, Object> entry =
        Map.of("type", "aws", "regions", List.of("us-east-1"), "creds", creds);
    assertThat(post(project, "create", entry).status()).isEqualTo(200);
    return project;
  }

  private void execute(String statement, Object... values) {
    try (Connection connection = server.postgres.connect("api");
        PreparedStatement prepared = connection.prepareStatement(statement)) {
      for (int i = 0; i < values.length; i++) {
        prepared.setObject(i + 1, values[i]);
      }
      prepared.execute();
    } catch (SQLException e) {
      throw new IllegalStateException(e);
    }
  }

  private String stored(String project) {
    try (Connection connection = server.postgres.connect("api");
        PreparedStatement prepared =
            connection.prepareStatement(
                "SELECT config::text || auth_encrypted FROM records.backend b"
                    + " JOIN records.project p ON p.id = b.project_id WHERE p.name = ?")) {
      prepared.setString(1, project);
      try (ResultSet rows = prepared.executeQuery()) {
        assertThat(rows.next()).isTrue();
        return rows.getString(1);
      }
    } catch (SQLException e) {
      throw new IllegalStateException(e);
    }
  }

  @Test
  void credentialsAreKeptApartAndShownToAdminsOnly() {
    String project = project();

    JsonNode shown = post(project, "aws/config_info", Map.of()).json();
    assertThat(shown.at("/creds/secret_key").stringValue()).isEqualTo(SECRET);
    assertThat(shown.at("/regions/0").stringValue()).isEqualTo("us-east-1");
    Answer whole = server.post(ADMIN_TOKEN, "/api/projects/" + project + "/get", Map.of());
    assertThat(whole.json().at("/backends/0/name").stringValue()).isEqualTo("aws");
    assertThat(whole.body()).doesNotContain(SECRET);
    String stored = stored(project);
    assertThat(stored).doesNotContain(SECRET).contains("enc:").contains("us-east-1");
  }

  @Test
  void whatIsUsedStays() {
    String project = project();
    UUID instance = UUID.randomUUID();
    execute(
        "INSERT INTO views.instance_view (id, project_id, fleet_id, fleet_name, number, name,"
            + " revision, status, host, offer, created_at, at)"
            + " SELECT ?::uuid, id, ?::uuid, 'gpus', 0, 'gpus-0', 1, 'idle', 'HEALTHY', ?::jsonb,"
            + " now(), now() FROM records.project WHERE name = ?",
        instance,
        UUID.randomUUID(),
        OFFER,
        project);

    Answer refused = post(project, "delete", Map.of("backends_names", List.of("aws")));
    assertThat(refused.status()).isEqualTo(400);
    assertThat(refused.message())
        .isEqualTo(
            "Backend 'aws' of project '"
                + project
                + "' can't be removed while it is used by instance gpus-0. Delete these first;"
                + " without the backend nobody could end them");
    assertThat(post(project, "aws/get_yaml", Map.of()).status()).isEqualTo(200);

    execute("UPDATE views.instance_view SET status = 'terminated' WHERE id = ?", instance);
    assertThat(post(project, "delete", Map.of("backends_names", List.of("aws"))).status())
        .isEqualTo(200);
    assertThat(post(project, "aws/get_yaml", Map.of()).status()).isEqualTo(400);
    execute("DELETE FROM views.instance_view WHERE id = ?", instance);
  }
}
