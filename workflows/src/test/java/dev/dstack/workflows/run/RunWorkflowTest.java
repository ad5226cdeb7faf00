package dev.dstack.workflows.run;

import static org.assertj.core.api.Assertions.assertThat;

import dev.dstack.model.fleet.Sharing;
import dev.dstack.model.ids.RunId;
import dev.dstack.model.ids.WorkflowIds;
import dev.dstack.model.run.RunStatus;
import dev.dstack.workflows.fleet.FleetRef;
import dev.dstack.workflows.view.RunView;
import dev.dstack.workflows.world.Stage;
import java.util.List;
import java.util.TreeMap;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class RunWorkflowTest {
  Stage stage = new Stage(600);

  @AfterEach
  void close() {
    stage.close();
  }

  @Test
  void trivial() {
    stage.world.offer(Stage.offer("box", 4, 0));
    FleetRef fleet = stage.startFleet("local", Stage.fleetPlan(1, 1, new Sharing.ByRequest()));
    stage.awaitReady(1);
    int fleetBefore = stage.history("fleet:main:local").getEvents().size();
    RunId id = stage.submit("hello", Stage.plan(List.of(fleet), 1));
    RunView end = stage.end(id, "hello");
    assertThat(end.status()).isEqualTo(RunStatus.DONE);
    String job = WorkflowIds.job(id, 0, 0, 0);
    stage.result(job);
    for (String wf : List.of("run:main:hello", job, "fleet:main:local")) {
      System.err.println(wf);
      stage.history(wf).getEvents().forEach(e -> System.err.println("  " + e.getEventId() + " " + e.getEventType() + " " + e.getUserMetadata().getSummary().getData().toStringUtf8()));
    }
    System.err.println("fleet before " + fleetBefore);
    stage.world.story().forEach(System.err::println);
  }
}
