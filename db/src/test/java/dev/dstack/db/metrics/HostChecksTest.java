package dev.dstack.db.metrics;

import static dev.dstack.db.jooq.generated.records.Tables.ENTITY_EVENT;
import static org.assertj.core.api.Assertions.assertThat;

import dev.dstack.db.Fixture;
import dev.dstack.db.views.InstanceReader;
import dev.dstack.model.agent.HostHealth;
import dev.dstack.model.agent.HostHealth.Level;
import dev.dstack.model.ids.InstanceId;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.UUID;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class HostChecksTest {
  private static final Instant NOW = Fixture.START.plus(Duration.ofDays(10));
  private static final HostHealth HEALTHY = new HostHealth(Level.HEALTHY, List.of());
  private static final HostHealth FAILED =
      new HostHealth(Level.FAILURE, List.of("GPU 0: memory", "GPU 1: link"));

  private final InstanceId instance = new InstanceId(UUID.randomUUID());
  private Fixture fixture;
  private HostChecks checks;

  @BeforeEach
  void open() {
    fixture = new Fixture();
    checks = new HostChecks(fixture.worker);
    fixture
        .owner
        .dsl()
        .execute(
            "insert into views.instance_view (id, project_id, fleet_id, fleet_name, number, name,"
                + " revision, status, host, offer, created_at, at) values (?, ?, ?, 'f', 0, 'f-0',"
                + " 1, 'idle', 'HEALTHY', '{}', now(), now())",
            instance.value(),
            fixture.project.value(),
            UUID.randomUUID());
  }

  @AfterEach
  void close() {
    fixture.close();
  }

  @Test
  void onlyAChangeIsAnEvent() {
    checks.write(instance, new HostCheck(NOW, HEALTHY));
    checks.write(instance, new HostCheck(NOW.plusSeconds(60), HEALTHY));
    assertThat(events()).isEmpty();
    assertThat(shown()).isEqualTo(Level.HEALTHY);
    HostCheck failed = new HostCheck(NOW.plusSeconds(120), FAILED);
    checks.write(instance, failed);
    checks.write(instance, failed);
    checks.write(instance, new HostCheck(NOW.plusSeconds(180), FAILED));
    assertThat(shown()).isEqualTo(Level.FAILURE);
    checks.write(instance, new HostCheck(NOW.plusSeconds(240), HEALTHY));
    assertThat(shown()).isEqualTo(Level.HEALTHY);
    assertThat(events())
        .containsExactly(
            "Instance health changed healthy -> failure (GPU 0: memory; GPU 1: link)",
            "Instance health changed failure -> healthy");
  }

  @Test
  void checksAreReadTheLatestFirstAndForgotten() {
    for (int minute = 0; minute < 5; minute++) {
      checks.write(
          instance,
          new HostCheck(NOW.plus(Duration.ofMinutes(minute)), minute == 2 ? FAILED : HEALTHY));
    }
    HostChecks read = new HostChecks(fixture.api);
    assertThat(read.of(instance, null, null, 100)).hasSize(5);
    assertThat(read.of(instance, null, null, 1).getFirst().at())
        .isEqualTo(NOW.plus(Duration.ofMinutes(4)));
    assertThat(read.of(instance, NOW, NOW.plus(Duration.ofMinutes(3)), 100))
        .containsExactly(
            new HostCheck(NOW.plus(Duration.ofMinutes(2)), FAILED),
            new HostCheck(NOW.plus(Duration.ofMinutes(1)), HEALTHY));
    assertThat(checks.expire(NOW.plus(Duration.ofMinutes(2)))).isEqualTo(2);
    assertThat(read.of(instance, null, null, 100)).hasSize(3);
    assertThat(read.of(new InstanceId(UUID.randomUUID()), null, null, 100)).isEmpty();
  }

  private Level shown() {
    return new InstanceReader(fixture.api).get(instance).orElseThrow().health();
  }

  private List<String> events() {
    return fixture
        .api
        .dsl()
        .select(ENTITY_EVENT.MESSAGE)
        .from(ENTITY_EVENT)
        .orderBy(ENTITY_EVENT.RECORDED_AT)
        .fetch(ENTITY_EVENT.MESSAGE);
  }
}
