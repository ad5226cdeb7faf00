package dev.dstack.workflows.support;

import io.temporal.failure.ActivityFailure;
import io.temporal.workflow.Async;
import io.temporal.workflow.Functions;
import io.temporal.workflow.Promise;
import java.util.List;
import java.util.function.Function;

/** Local activity first; when it can't succeed soon, the normal activity that never gives up. */
final class Fallback {
  private Fallback() {}

  static <R> R call(Functions.Func<R> local, Functions.Func<R> durable) {
    try {
      return local.apply();
    } catch (ActivityFailure away) {
      return durable.apply();
    }
  }

  static void run(Functions.Proc local, Functions.Proc durable) {
    try {
      local.apply();
    } catch (ActivityFailure away) {
      durable.apply();
    }
  }

  /**
   * @param atOnce each one is a thread of the workflow, and whenever one goes on all of them are
   *     looked at; and the last of many is too late for a local activity
   */
  static <T> void each(List<T> items, int atOnce, Function<T, Functions.Proc> work) {
    for (int from = 0; from < items.size(); from += atOnce) {
      part(items.subList(from, Math.min(items.size(), from + atOnce)), work);
    }
  }

  private static <T> void part(List<T> items, Function<T, Functions.Proc> work) {
    if (items.size() == 1) {
      work.apply(items.getFirst()).apply();
      return;
    }
    Promise.allOf(items.stream().map(item -> Async.procedure(work.apply(item))).toList()).get();
  }
}
