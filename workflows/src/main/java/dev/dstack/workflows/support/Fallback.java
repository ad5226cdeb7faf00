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

  static <T> void each(List<T> items, Function<T, Functions.Proc> work) {
    if (items.isEmpty()) {
      return;
    }
    if (items.size() == 1) {
      work.apply(items.getFirst()).apply();
      return;
    }
    Promise.allOf(items.stream().map(item -> Async.procedure(work.apply(item))).toList()).get();
  }
}
