package dev.dstack.workflows.support;

import io.temporal.failure.ActivityFailure;
import io.temporal.workflow.Functions;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;

/**
 * Undo steps, each registered before the step it undoes, carried out last first. A step whose time
 * is over is named in the result and does not keep the others from being undone.
 */
public final class Undo {
  private record Step(String name, Functions.Proc action) {}

  private final Deque<Step> steps = new ArrayDeque<>();

  public void register(String name, Functions.Proc action) {
    steps.push(new Step(name, action));
  }

  /** What could not be undone, in words. */
  public List<String> run() {
    List<String> problems = new ArrayList<>();
    while (!steps.isEmpty()) {
      Step step = steps.pop();
      try {
        step.action().apply();
      } catch (ActivityFailure e) {
        problems.add(step.name() + ": " + Failures.message(e));
      }
    }
    return problems;
  }
}
