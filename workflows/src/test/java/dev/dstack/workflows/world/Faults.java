package dev.dstack.workflows.world;

import dev.dstack.model.error.ErrorKind;
import io.temporal.activity.ActivityExecutionContext;
import io.temporal.common.interceptors.ActivityInboundCallsInterceptor;
import io.temporal.common.interceptors.ActivityInboundCallsInterceptorBase;
import io.temporal.common.interceptors.WorkerInterceptorBase;
import io.temporal.failure.ApplicationFailure;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** Numbers the calls of each activity, and does something wicked at one of them. */
public final class Faults extends WorkerInterceptorBase {
  public enum Kind {
    /** Fails before it has an effect. */
    FAIL,
    /** Has its effect; the reply is lost. */
    LOSE_REPLY,
    /** Arrives twice. */
    TWICE,
    /** The worker dies right after the effect: its workflow task is lost, its cache is empty. */
    RESTART,
    /** Somebody stops the run. */
    STOP,
    /** Somebody aborts the run. */
    ABORT,
    /** Somebody cancels the run's workflow in the Temporal Web UI. */
    CANCEL
  }

  /** The nth call of one activity. */
  public record Call(String activity, int number) {
    @Override
    public String toString() {
      return activity + "#" + number;
    }
  }

  private final Map<String, Integer> counts = new HashMap<>();
  private final List<Call> seen = new ArrayList<>();
  private @Nullable Call target;
  private @Nullable Kind kind;
  private Runnable action = () -> {};
  private final Consumer<String> died;
  private int bitten;
  private boolean recording;
  private @Nullable String leavesAt;
  private boolean away;

  /**
   * @param died the worker that had this workflow in its hands is gone
   */
  Faults(Consumer<String> died) {
    this.died = died;
  }

  /** Calls from here on are numbered. */
  public synchronized void record() {
    recording = true;
  }

  public synchronized void inject(Call at, Kind what, Runnable run) {
    target = at;
    kind = what;
    action = run;
  }

  public synchronized List<Call> seen() {
    return List.copyOf(seen);
  }

  /**
   * From the next call of this activity on nobody is there: that call has its effect and no reply,
   * and no other one gets through. Local ones belong to their workflow tasks and do.
   */
  public synchronized void leaveAt(String activity) {
    leavesAt = activity;
  }

  public synchronized boolean isAway() {
    return away;
  }

  public synchronized void comeBack() {
    away = false;
  }

  private synchronized boolean leaves(String activity) {
    if (!activity.equals(leavesAt)) {
      return false;
    }
    leavesAt = null;
    away = true;
    return true;
  }

  /** How often the fault has struck. */
  public synchronized int bitten() {
    return bitten;
  }

  private synchronized @Nullable Kind arrive(String activity) {
    if (!recording) {
      return null;
    }
    Call call = new Call(activity, counts.merge(activity, 1, Integer::sum));
    seen.add(call);
    if (bitten == 0 && call.equals(target)) {
      bitten++;
      return kind;
    }
    return null;
  }

  @Override
  public ActivityInboundCallsInterceptor interceptActivity(ActivityInboundCallsInterceptor next) {
    return new ActivityInboundCallsInterceptorBase(next) {
      private String activity = "";
      private String workflowId = "";
      private boolean isLocal;

      @Override
      public void init(ActivityExecutionContext context) {
        activity = context.getInfo().getActivityType();
        workflowId = String.valueOf(context.getInfo().getWorkflowId());
        isLocal = context.getInfo().isLocal();
        super.init(context);
      }

      @Override
      public ActivityOutput execute(ActivityInput input) {
        if (!isLocal && isAway()) {
          throw broken("nobody is there");
        }
        if (!isLocal && leaves(activity)) {
          super.execute(input);
          throw broken("nobody is there any more");
        }
        Kind fault = arrive(activity);
        if (fault == null) {
          return super.execute(input);
        }
        return switch (fault) {
          case FAIL -> throw broken("refused before anything happened");
          case LOSE_REPLY -> {
            super.execute(input);
            throw broken("the reply was lost");
          }
          case TWICE -> {
            super.execute(input);
            yield super.execute(input);
          }
          case RESTART -> {
            ActivityOutput output = super.execute(input);
            died.accept(workflowId);
            if (!isLocal) {
              throw broken("the worker is gone");
            }
            yield output;
          }
          case STOP, ABORT, CANCEL -> {
            action.run();
            yield super.execute(input);
          }
        };
      }
    };
  }

  private static RuntimeException broken(String what) {
    return ApplicationFailure.newFailure(what, ErrorKind.BACKEND_UNAVAILABLE.name());
  }
}
