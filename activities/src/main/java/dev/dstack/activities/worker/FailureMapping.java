package dev.dstack.activities.worker;

import dev.dstack.model.error.DstackException;
import dev.dstack.model.error.ErrorKind;
import dev.dstack.workflows.support.Failures;
import io.temporal.activity.ActivityExecutionContext;
import io.temporal.activity.ActivityInfo;
import io.temporal.client.ActivityCompletionException;
import io.temporal.common.interceptors.ActivityInboundCallsInterceptor;
import io.temporal.common.interceptors.ActivityInboundCallsInterceptorBase;
import io.temporal.common.interceptors.WorkerInterceptorBase;
import io.temporal.failure.ApplicationErrorCategory;
import io.temporal.failure.ApplicationFailure;
import io.temporal.failure.TemporalFailure;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Makes of every failure of an activity one whose type is an {@link ErrorKind}; whether it is tried
 * again follows from the kind. Histories get the message, logs get the rest.
 */
final class FailureMapping extends WorkerInterceptorBase {
  private static final Logger LOG = LoggerFactory.getLogger(FailureMapping.class);
  private static final int ALERT_AT_ATTEMPT = 5;

  @Override
  public ActivityInboundCallsInterceptor interceptActivity(ActivityInboundCallsInterceptor next) {
    return new Inbound(next);
  }

  private static final class Inbound extends ActivityInboundCallsInterceptorBase {
    /** The context itself is gone when a failure comes by. */
    private @Nullable ActivityInfo info;

    Inbound(ActivityInboundCallsInterceptor next) {
      super(next);
    }

    @Override
    public void init(ActivityExecutionContext context) {
      info = context.getInfo();
      super.init(context);
    }

    @Override
    public ActivityOutput execute(ActivityInput input) {
      try {
        return super.execute(input);
      } catch (ActivityCompletionException | TemporalFailure e) {
        throw e;
      } catch (DstackException e) {
        throw failure(e.kind(), String.valueOf(e.getMessage()));
      } catch (RuntimeException e) {
        ActivityInfo call = Objects.requireNonNull(info);
        LOG.error(
            "{} failed unexpectedly, attempt {}", call.getActivityType(), call.getAttempt(), e);
        throw failure(ErrorKind.BUG, e.getClass().getSimpleName() + ": " + e.getMessage());
      }
    }

    private ApplicationFailure failure(ErrorKind kind, String message) {
      ActivityInfo call = Objects.requireNonNull(info);
      boolean noise = kind == ErrorKind.NOT_READY;
      if (!noise && call.getAttempt() >= ALERT_AT_ATTEMPT && kind.retryable()) {
        LOG.warn(
            "{} of {} still fails, attempt {}: {} {}",
            call.getActivityType(),
            call.getWorkflowId(),
            call.getAttempt(),
            kind,
            message);
      }
      return ApplicationFailure.newBuilder()
          .setType(kind.name())
          .setMessage(Failures.cut(message))
          .setNonRetryable(!kind.retryable())
          .setCategory(
              noise ? ApplicationErrorCategory.BENIGN : ApplicationErrorCategory.UNSPECIFIED)
          .build();
    }
  }
}
