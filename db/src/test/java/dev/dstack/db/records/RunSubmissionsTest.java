package dev.dstack.db.records;

import static dev.dstack.db.jooq.generated.records.Tables.RUN_SUBMISSION;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.dstack.db.Fixture;
import dev.dstack.db.crypto.Encryption;
import dev.dstack.db.crypto.EncryptionKey;
import dev.dstack.db.views.EventQuery;
import dev.dstack.db.views.EventReader;
import dev.dstack.db.views.EventRow;
import dev.dstack.db.views.RunReader;
import dev.dstack.db.views.RunViewRow;
import dev.dstack.db.views.ViewWriter;
import dev.dstack.model.error.DstackException;
import dev.dstack.model.error.ErrorKind;
import dev.dstack.model.ids.FleetId;
import dev.dstack.model.ids.RunId;
import dev.dstack.model.run.RunStatus;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class RunSubmissionsTest {
  private static final AtomicReference<Instant> NOW = new AtomicReference<>(Fixture.START);
  private static Fixture fixture;
  private static RunSubmissions runs;
  private static RunOutbox outbox;
  private static ViewWriter views;

  @BeforeAll
  static void open() {
    fixture = new Fixture();
    Encryption encryption = Encryption.of(List.of(new EncryptionKey.Aes("k", new byte[32])));
    runs = new RunSubmissions(fixture.api, encryption, NOW::get);
    outbox = new RunOutbox(fixture.api, NOW::get);
    views = new ViewWriter(fixture.worker);
  }

  @AfterAll
  static void close() {
    fixture.close();
  }

  @BeforeEach
  void nothingWaits() {
    fixture.owner.dsl().execute("truncate records.run_submission, records.entity_event cascade");
    NOW.set(Fixture.START);
  }

  @Test
  void acceptsARunWithItsEventInOneTransaction() {
    NewRun run = run("hello", 0, new RunPrivate(Map.of("TOKEN", "planted-secret"), "u", "pw"));
    runs.accept(run);
    runs.accept(run);

    RunRecord found = runs.findLatest(fixture.project, "hello").orElseThrow();
    assertThat(found.id()).isEqualTo(run.id());
    assertThat(found.project()).isEqualTo("main");
    assertThat(found.user()).isEqualTo("admin");
    assertThat(runs.secretsOf(run.id())).isEqualTo(run.secrets());
    assertThat(events(run.id())).containsExactly("Run submitted. Status: SUBMITTED");
    assertThat(
            fixture.owner.dsl().fetch("select t::text from records.run_submission t").formatCSV())
        .doesNotContain("planted-secret")
        .doesNotContain("pw\"");
  }

  @Test
  void refusesANameThatIsTaken() {
    runs.accept(run("hello", 0));
    assertThatThrownBy(() -> runs.accept(run("hello", 0)))
        .isInstanceOfSatisfying(
            DstackException.class, e -> assertThat(e.kind()).isEqualTo(ErrorKind.NAME_TAKEN));
    assertThat(fixture.api.dsl().fetchCount(RUN_SUBMISSION)).isOne();
  }

  @Test
  void freesTheNameWithTheFinalStatus() {
    NewRun first = run("hello", 0);
    runs.accept(first);
    finish(first.id());
    NewRun second = run("hello", 0);
    runs.accept(second);
    assertThat(runs.isActive(fixture.project, "hello")).isTrue();
    assertThat(new RunReader(fixture.api).get(first.id()).orElseThrow().finishedAt()).isNotNull();
  }

  @Test
  void dispatchesByPriorityAndThenAge() {
    NOW.set(Fixture.START.plusSeconds(1));
    runs.accept(run("later", 0));
    NOW.set(Fixture.START);
    runs.accept(run("first", 0));
    runs.accept(run("urgent", 100));

    List<String> order = new ArrayList<>();
    while (outbox.dispatchNext(run -> order.add(run.runName()))) {}

    assertThat(order).containsExactly("urgent", "first", "later");
    assertThat(outbox.waitingForDispatch()).isZero();
  }

  @Test
  void aRunWaitsForTheFleetsThatWereThereBeforeIt() {
    Fleets fleets =
        new Fleets(
            fixture.api,
            Encryption.of(List.of(new EncryptionKey.Aes("k", new byte[32]))),
            NOW::get);
    FleetId fleet = new FleetId(UUID.randomUUID());
    fleets.create(fleet, fixture.project, fixture.user, "slow", "{}", "{}");
    runs.accept(run("hello", 0));
    assertThat(outbox.dispatchNext(_ -> {})).isFalse();

    assertThat(fleets.dispatchNext(_ -> {})).isTrue();
    assertThat(outbox.dispatchNext(_ -> {})).isTrue();
  }

  @Test
  void startsEachRunOnceAmongManyDispatchers() throws Exception {
    for (int i = 0; i < 40; i++) {
      runs.accept(run("run-" + i, 0));
    }
    List<String> started = Collections.synchronizedList(new ArrayList<>());
    try (ExecutorService pool = Executors.newVirtualThreadPerTaskExecutor()) {
      List<Callable<Integer>> dispatchers = new ArrayList<>();
      for (int i = 0; i < 6; i++) {
        dispatchers.add(
            () -> {
              while (outbox.dispatchNext(run -> started.add(run.runName()))) {}
              return 0;
            });
      }
      for (var done : pool.invokeAll(dispatchers)) {
        done.get();
      }
    }
    assertThat(started).hasSize(40);
    assertThat(new HashSet<>(started)).hasSize(40);
  }

  @Test
  void aRunThatCannotStartWaitsAndDoesNotHoldUpOthers() {
    runs.accept(run("broken", 100));
    runs.accept(run("good", 0));
    assertThatThrownBy(
            () ->
                outbox.dispatchNext(
                    run -> {
                      throw new DstackException(ErrorKind.ENGINE_DOWN, "no Temporal");
                    }))
        .isInstanceOf(DstackException.class);

    Set<String> started = new HashSet<>();
    while (outbox.dispatchNext(run -> started.add(run.runName()))) {}
    assertThat(started).containsExactly("good");

    NOW.set(Fixture.START.plusSeconds(10));
    assertThat(outbox.dispatchNext(run -> started.add(run.runName()))).isTrue();
    assertThat(started).contains("broken");
  }

  @Test
  void keepsAStopUntilItIsDelivered() {
    runs.accept(run("hello", 0));
    assertThat(runs.requestStop(fixture.project, List.of("hello", "nobody"), false, fixture.user))
        .hasSize(1);
    assertThat(outbox.deliverNextStop(_ -> {})).as("its workflow does not exist yet").isFalse();
    assertThat(outbox.dispatchNext(_ -> {})).isTrue();
    assertThatThrownBy(
            () ->
                outbox.deliverNextStop(
                    _ -> {
                      throw new DstackException(ErrorKind.ENGINE_DOWN, "no Temporal");
                    }))
        .isInstanceOf(DstackException.class);

    List<RunOutbox.Stop> delivered = new ArrayList<>();
    while (outbox.deliverNextStop(delivered::add)) {}
    assertThat(delivered).hasSize(1);
    assertThat(delivered.getFirst().abort()).isFalse();
    assertThat(delivered.getFirst().user()).isEqualTo("admin");

    runs.requestStop(fixture.project, List.of("hello"), false, fixture.user);
    assertThat(outbox.deliverNextStop(delivered::add)).as("the same wish again").isFalse();
    runs.requestStop(fixture.project, List.of("hello"), true, fixture.user);
    assertThat(outbox.deliverNextStop(delivered::add)).as("an abort is more").isTrue();
    assertThat(delivered.getLast().abort()).isTrue();
  }

  @Test
  void forgetsTheStopOfAFinishedRun() {
    NewRun run = run("hello", 0);
    runs.accept(run);
    runs.requestStop(fixture.project, List.of("hello"), true, fixture.user);
    outbox.dispatchNext(_ -> {});
    finish(run.id());
    assertThat(outbox.deliverNextStop(_ -> {})).isFalse();
    assertThat(runs.requestStop(fixture.project, List.of("hello"), true, fixture.user)).isEmpty();
  }

  @Test
  void changesARunInPlace() {
    NewRun run = run("hello", 0);
    runs.accept(run);
    outbox.dispatchNext(_ -> {});
    assertThat(runs.update(run.id(), "{\"a\":1}", RunPrivate.NONE, "{}", 70, fixture.user)).isOne();
    assertThat(runs.update(run.id(), "{\"a\":2}", RunPrivate.NONE, "{}", 80, fixture.user))
        .isEqualTo(2);

    List<RunOutbox.Update> delivered = new ArrayList<>();
    while (outbox.deliverNextUpdate(delivered::add)) {}
    assertThat(delivered).containsExactly(new RunOutbox.Update(run.id(), "main", "hello", 80, 2));

    finish(run.id());
    assertThatThrownBy(() -> runs.update(run.id(), "{}", RunPrivate.NONE, "{}", 1, fixture.user))
        .isInstanceOf(DstackException.class);
  }

  @Test
  void deletesFinishedRunsOnly() {
    NewRun run = run("hello", 0);
    runs.accept(run);
    assertThatThrownBy(() -> runs.delete(fixture.project, List.of("hello"), fixture.user))
        .hasMessageContaining("[hello]");
    finish(run.id());
    assertThat(runs.delete(fixture.project, List.of("hello"), fixture.user))
        .containsExactly(run.id());
    assertThat(new RunReader(fixture.api).get(fixture.project, "hello")).isEmpty();
    assertThat(events(run.id())).contains("Run deleted");
  }

  private static List<String> events(RunId run) {
    return new EventReader(fixture.api)
            .list(
                new EventQuery(
                    null,
                    new EventQuery.Targets("run", List.of(run.value())),
                    null,
                    null,
                    null,
                    null,
                    null,
                    100,
                    false))
            .stream()
            .map(EventRow::message)
            .toList();
  }

  private static void finish(RunId run) {
    views.writeRun(
        new RunViewRow(
            run, fixture.project, 9, RunStatus.DONE, "", null, null, null, NOW.get(), null, 0, 0),
        List.of());
  }

  private static NewRun run(String name, int priority) {
    return run(name, priority, RunPrivate.NONE);
  }

  private static NewRun run(String name, int priority, RunPrivate secrets) {
    return new NewRun(
        new RunId(UUID.randomUUID()),
        fixture.project,
        fixture.user,
        name,
        null,
        "{\"run_name\": \"" + name + "\"}",
        secrets,
        "{}",
        priority,
        NOW.get());
  }
}
