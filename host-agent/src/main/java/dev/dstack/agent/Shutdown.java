package dev.dstack.agent;

import dev.dstack.agent.docker.ContainerHost;
import dev.dstack.agent.docker.Engines;
import dev.dstack.agent.task.TaskManager;
import dev.dstack.model.agent.StopRequest;
import dev.dstack.model.agent.TaskInfo;
import dev.dstack.model.job.JobTerminationReason;
import dev.dstack.model.json.Json;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;

/**
 * Ends everything of a directory: the one who keeps the agent, the agent, the tasks. Works the same
 * when the agent is dead already, because it takes the agent's place to end the tasks.
 */
final class Shutdown {
  private static final Duration AGENT_ENDS_WITHIN = Duration.ofSeconds(30);
  private static final Duration TASKS_END_WITHIN = Duration.ofSeconds(60);
  private static final long GRACE_SECONDS = 10;
  private static final int EXIT_LEFT_SOMETHING = 1;

  private Shutdown() {}

  /** The status to exit with. */
  static int of(Path directory, @Nullable String docker, InstantSource clock)
      throws IOException, InterruptedException {
    if (!Files.isDirectory(directory)) {
      return 0;
    }
    endKeeper(directory.resolve("keeper.pid"));
    Instant deadline = clock.instant().plus(AGENT_ENDS_WITHIN);
    Optional<AgentHome> home = AgentHome.open(directory);
    while (home.isEmpty() && clock.instant().isBefore(deadline)) {
      endAgent(directory.resolve("agent.json"));
      TimeUnit.MILLISECONDS.sleep(50);
      home = AgentHome.open(directory);
    }
    if (home.isEmpty()) {
      System.err.println("the agent of " + directory + " does not end");
      return EXIT_LEFT_SOMETHING;
    }
    AgentLog log = new AgentLog(home.get().log(), clock);
    ContainerHost containers =
        new ContainerHost(Engines.uri(docker), home.get().id(), null, null, log);
    try (AgentHome own = home.get();
        TaskManager tasks = new TaskManager(own, log, clock, null, containers)) {
      tasks.recover();
      return endTasks(tasks, clock);
    }
  }

  private static int endTasks(TaskManager tasks, InstantSource clock)
      throws IOException, InterruptedException {
    StopRequest stop = new StopRequest(JobTerminationReason.TERMINATED_BY_SERVER, GRACE_SECONDS);
    for (TaskInfo task : unfinished(tasks)) {
      tasks.stop(task.id(), stop);
    }
    Instant deadline = clock.instant().plus(TASKS_END_WITHIN);
    List<TaskInfo> left = unfinished(tasks);
    while (!left.isEmpty() && clock.instant().isBefore(deadline)) {
      TaskInfo first = left.getFirst();
      tasks.watch(first.id(), first.seq(), Long.MAX_VALUE, Duration.ofSeconds(1));
      left = unfinished(tasks);
    }
    left.forEach(task -> System.err.println("the task " + task.id() + " does not end"));
    return left.isEmpty() ? 0 : EXIT_LEFT_SOMETHING;
  }

  private static List<TaskInfo> unfinished(TaskManager tasks) {
    return tasks.list().stream().filter(task -> !task.status().isFinal()).toList();
  }

  /** A number alone may be somebody else's by now: the start must be the one noted down. */
  private static void endKeeper(Path file) throws IOException {
    if (!Files.exists(file)) {
      return;
    }
    String[] noted = Files.readString(file).strip().split(" ");
    if (noted.length == 2 && noted[0].matches("[0-9]{1,9}")) {
      ProcessHandle.of(Long.parseLong(noted[0]))
          .filter(
              keeper ->
                  keeper.info().startInstant().map(Instant::toString).orElse("").equals(noted[1]))
          .ifPresent(ProcessHandle::destroyForcibly);
    }
  }

  private static void endAgent(Path announcement) throws IOException {
    if (!Files.exists(announcement)) {
      return;
    }
    try {
      long pid =
          Json.lenient().readValue(Files.readAllBytes(announcement), Announcement.class).pid();
      ProcessHandle.of(pid)
          .filter(
              process ->
                  List.of(process.info().arguments().orElse(new String[0]))
                      .contains(Main.class.getName()))
          .ifPresent(ProcessHandle::destroy);
    } catch (JacksonException e) {
      // It is just being started; the next look finds it.
      return;
    }
  }
}
