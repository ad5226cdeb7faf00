package dev.dstack.api;

import static dev.dstack.api.ApiServer.ADMIN_TOKEN;
import static org.assertj.core.api.Assertions.assertThat;

import dev.dstack.api.ApiServer.Answer;
import java.util.Map;
import org.jooq.impl.DSL;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;

class CostsTest {
  private final ApiServer server = ApiServer.shared();

  @Test
  void aProjectsCapacityIsSummedUp() {
    String project = server.project();
    machine(project, "2026-01-01T00:00:00Z", "2026-01-01T10:00:00Z", "1.5");
    machine(project, "2026-01-01T06:00:00Z", "2026-01-01T07:00:00Z", "0");
    machine(server.project(), "2026-01-01T00:00:00Z", "2026-01-01T10:00:00Z", "90");

    JsonNode costs =
        costs(
                project,
                Map.of("since", "2026-01-01T04:00:00Z", "until", "2026-01-01T06:00:00+00:00"))
            .json();
    assertThat(costs.get("project_name").stringValue()).isEqualTo(project);
    assertThat(costs.get("total").doubleValue()).isEqualTo(3);
    assertThat(costs.at("/instances/cost").doubleValue()).isEqualTo(3);
    assertThat(costs.at("/instances/count").intValue()).isOne();
    assertThat(costs.at("/instances/items/0/backend").stringValue()).isEqualTo("aws");
    assertThat(costs.at("/instances/items/0/hours").doubleValue()).isEqualTo(2);
    assertThat(costs.at("/volumes/items").size()).isZero();
    assertThat(costs.at("/runs/cost").doubleValue()).isZero();

    JsonNode usual = costs(project, Map.of("until", "9999-01-01T00:00:00Z")).json();
    assertThat(usual.get("until").stringValue()).as("nobody knows the future").startsWith("2");
    assertThat(usual.get("since").stringValue()).isLessThan(usual.get("until").stringValue());
    Answer backwards =
        costs(project, Map.of("since", "2026-01-02T00:00:00Z", "until", "2026-01-01T00:00:00Z"));
    assertThat(backwards.status()).isEqualTo(400);
    assertThat(backwards.message()).contains("`since`", "2026-01-01T00:00:00Z");
  }

  @Test
  void theAgeOfPricesIsTold() {
    server
        .owner
        .dsl()
        .execute(
            "INSERT INTO records.catalog_snapshot (id, provider, version, source, as_of, loaded_at,"
                + " row_count) VALUES (gen_random_uuid(), 'acloud', 'v1', 'its list',"
                + " '2026-03-01', now(), 12)");
    Answer catalogs =
        server.post(ADMIN_TOKEN, "/api/project/" + server.project() + "/catalogs/list");
    assertThat(catalogs.json())
        .anySatisfy(
            one -> {
              assertThat(one.get("provider").stringValue()).isEqualTo("acloud");
              assertThat(one.get("as_of").stringValue()).startsWith("2026-03-01T00:00:00");
              assertThat(one.get("row_count").intValue()).isEqualTo(12);
            });
  }

  private Answer costs(String project, Object body) {
    return server.post(ADMIN_TOKEN, "/api/project/" + project + "/costs/get", body);
  }

  private void machine(String project, String created, String terminated, String price) {
    server
        .owner
        .dsl()
        .execute(
            "INSERT INTO records.instance_machine (instance_id, attempt, project_id, backend,"
                + " provider_id, offer, created_at, updated_at, terminated_at)"
                + " SELECT gen_random_uuid(), 1, id, 'aws', 'i-1',"
                + " jsonb_build_object('price', {0}::numeric), {1}::timestamptz, now(),"
                + " {2}::timestamptz FROM records.project WHERE name = {3}",
            DSL.inline(price), DSL.inline(created), DSL.inline(terminated), DSL.inline(project));
  }
}
