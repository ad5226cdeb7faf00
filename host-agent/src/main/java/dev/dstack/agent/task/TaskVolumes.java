package dev.dstack.agent.task;

import dev.dstack.agent.Durable;
import dev.dstack.model.agent.TaskExit;
import dev.dstack.model.agent.VolumeRequest;
import dev.dstack.model.ids.JobId;
import dev.dstack.model.job.JobTerminationReason;
import dev.dstack.model.json.Json;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/** The volumes of one task, which it keeps on the disk until it is over. */
final class TaskVolumes {
  private static final String FILE = "volumes.json";

  private TaskVolumes() {}

  static void keep(Path directory, List<VolumeRequest> volumes) throws IOException {
    if (!volumes.isEmpty()) {
      byte[] json = Json.lenient().writeValueAsBytes(volumes);
      Durable.write(directory.resolve(FILE), json, "rw-------", true);
    }
  }

  private static List<VolumeRequest> kept(Path directory) throws IOException {
    Path file = directory.resolve(FILE);
    return Files.exists(file)
        ? List.of(Json.lenient().readValue(Files.readAllBytes(file), VolumeRequest[].class))
        : List.of();
  }

  /** Present: how the task ended instead. */
  static Optional<TaskExit> take(
      Path directory, JobId task, Surroundings surroundings, boolean link)
      throws IOException, InterruptedException {
    List<VolumeRequest> volumes = kept(directory);
    return volumes.isEmpty()
        ? Optional.empty()
        : surroundings
            .volumes()
            .take(task, volumes, link)
            .map(problem -> Endings.failed(JobTerminationReason.VOLUME_ERROR, problem));
  }

  static void release(Path directory, JobId task, Surroundings surroundings)
      throws IOException, InterruptedException {
    List<VolumeRequest> volumes = kept(directory);
    if (!volumes.isEmpty()) {
      surroundings.volumes().release(task, volumes);
    }
  }
}
