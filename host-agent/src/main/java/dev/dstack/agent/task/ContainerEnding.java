package dev.dstack.agent.task;

import dev.dstack.agent.docker.ContainerView;
import dev.dstack.model.agent.ContainerRequest;
import dev.dstack.model.agent.TaskExit;
import dev.dstack.model.job.JobTerminationReason;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** Why a container died whose runner did not say how the command ended. */
final class ContainerEnding {
  static final String ENGINE_RESTARTED =
      "the Docker Engine of the host was stopped or restarted, which ended the container";

  static final int KILLED = 137;

  private ContainerEnding() {}

  /**
   * @param lastWords of the engine about a runner that never began, else of the runner in its log
   */
  record Circumstances(boolean rebooted, boolean engineWasAway, String lastWords) {}

  /**
   * @param view absent: the container is gone
   */
  static TaskExit of(
      @Nullable ContainerView view,
      Marks marks,
      TaskState state,
      ContainerRequest request,
      Circumstances how) {
    if (how.rebooted()) {
      return Endings.executorError("the host was rebooted while the task ran");
    }
    TaskState.Stop stop = state.stop();
    if (stop != null) {
      return new TaskExit(stop.reason(), KILLED, stop.message());
    }
    if (how.engineWasAway()) {
      return Endings.executorError(ENGINE_RESTARTED);
    }
    if (view == null) {
      return Endings.executorError("the container was removed by something else than this agent");
    }
    if (view.oomKilled()) {
      return new TaskExit(
          JobTerminationReason.CONTAINER_EXITED_WITH_ERROR, KILLED, outOfMemory(request));
    }
    if (!marks.started()) {
      String words = how.lastWords().isEmpty() ? view.error() : how.lastWords();
      return Endings.executorError(
          "the runner could not start in the image "
              + request.image()
              + (words.isEmpty() ? ", status " + view.exitCode() : ": " + words));
    }
    return Endings.executorError(
        view.exitCode() == KILLED
            ? "the container was killed from outside"
            : "the runner in the container ended early, status "
                + view.exitCode()
                + (how.lastWords().isEmpty() ? "" : ": " + how.lastWords()));
  }

  static String outOfMemory(ContainerRequest request) {
    return request.memoryBytes() > 0
        ? "out of memory: it used all of its "
            + size(request.memoryBytes())
            + " and the kernel ended it; ask for more in resources.memory"
        : "out of memory: the host had no more and the kernel ended it";
  }

  static String size(long bytes) {
    double mebibytes = bytes / 1024.0 / 1024.0;
    return mebibytes < 1024
        ? String.format(Locale.ROOT, "%.0f MB", mebibytes)
        : String.format(Locale.ROOT, "%.1f GB", mebibytes / 1024).replace(".0 ", " ");
  }
}
