package dev.dstack.activities.metrics;

import dev.dstack.backends.HostAgent;
import dev.dstack.db.metrics.JobSample;
import dev.dstack.db.metrics.JobSamples;
import dev.dstack.model.agent.TaskMetrics;
import dev.dstack.model.error.DstackException;
import dev.dstack.model.ids.InstanceId;
import dev.dstack.model.ids.JobId;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Asks the agents of watched tasks every ten seconds what the tasks use, beside the watch, so that
 * a slow answer holds up no log. Samples are written together, once a second. A sample that can't
 * be had or written is missing; nothing waits for it.
 */
public final class JobSampler implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(JobSampler.class);
  private static final Duration EVERY = Duration.ofSeconds(10);
  private static final Duration TICK = Duration.ofSeconds(1);

  /** What piles up while the database is down. */
  private static final int WAITING_MAX = 20_000;

  private static final int BATCH = 1_000;

  private final JobSamples samples;
  private final Dcgm dcgm = new Dcgm();
  private final Set<Sampling> active = ConcurrentHashMap.newKeySet();
  private final Queue<JobSample> waiting = new ConcurrentLinkedQueue<>();
  private final AtomicInteger waitingCount = new AtomicInteger();
  private final ExecutorService calls =
      Executors.newThreadPerTaskExecutor(Thread.ofVirtual().name("job-sampler-", 0).factory());
  private final ScheduledExecutorService timer =
      Executors.newScheduledThreadPool(
          2, Thread.ofPlatform().daemon().name("dstack-job-sampler-", 0).factory());

  public JobSampler(JobSamples samples) {
    this.samples = samples;
  }

  public void start() {
    timer.scheduleAtFixedRate(this::tick, 0, TICK.toMillis(), TimeUnit.MILLISECONDS);
    timer.scheduleWithFixedDelay(this::flush, 500, TICK.toMillis(), TimeUnit.MILLISECONDS);
  }

  /**
   * Samples until it is closed.
   *
   * @param beside what else is to be done each time; it deals with its own failures
   */
  public Sampling begin(JobId job, InstanceId instance, Consumer<HostAgent> beside) {
    Sampling sampling = new Sampling(job, instance, beside);
    active.add(sampling);
    return sampling;
  }

  private void tick() {
    long now = System.nanoTime();
    for (Sampling sampling : active) {
      if (sampling.due(now)) {
        calls.execute(sampling::sample);
      }
    }
  }

  private void flush() {
    while (!waiting.isEmpty()) {
      List<JobSample> batch = new ArrayList<>();
      while (batch.size() < BATCH) {
        JobSample sample = waiting.poll();
        if (sample == null) {
          break;
        }
        batch.add(sample);
      }
      waitingCount.addAndGet(-batch.size());
      try {
        samples.write(batch);
      } catch (RuntimeException e) {
        LOG.debug("samples can't be written now: {}", e.getMessage());
        batch.forEach(this::offer);
        return;
      }
    }
  }

  private void offer(JobSample sample) {
    if (waitingCount.incrementAndGet() > WAITING_MAX) {
      waitingCount.decrementAndGet();
      return;
    }
    waiting.add(sample);
  }

  @Override
  public void close() {
    timer.shutdownNow();
    calls.shutdownNow();
    flush();
  }

  /** The sampling of one task. */
  public final class Sampling implements AutoCloseable {
    private final JobId job;
    private final InstanceId instance;
    private final Consumer<HostAgent> beside;
    private final AtomicBoolean busy = new AtomicBoolean();
    private volatile @Nullable HostAgent agent;
    private long next = System.nanoTime();

    private Sampling(JobId job, InstanceId instance, Consumer<HostAgent> beside) {
      this.job = job;
      this.instance = instance;
      this.beside = beside;
    }

    /** Where to ask from now on; absent: nowhere. */
    public void agent(@Nullable HostAgent reached) {
      agent = reached;
    }

    private boolean due(long now) {
      if (agent == null || now - next < 0) {
        return false;
      }
      // After a stall there is one sample, not all that were missed.
      next = Math.max(next + EVERY.toNanos(), now);
      return busy.compareAndSet(false, true);
    }

    private void sample() {
      HostAgent asked = agent;
      try {
        if (asked == null) {
          return;
        }
        asked.metrics(job).ifPresent(metrics -> take(asked, metrics));
        beside.accept(asked);
      } catch (DstackException e) {
        LOG.debug("no sample of job {}: {}", job, e.getMessage());
      } catch (RuntimeException e) {
        LOG.warn("no sample of job {}: {}", job, e.toString());
      } finally {
        busy.set(false);
      }
    }

    private void take(HostAgent asked, TaskMetrics metrics) {
      offer(
          new JobSample(
              job,
              metrics.at(),
              metrics.cpuMicros(),
              metrics.memoryBytes(),
              metrics.workingSetBytes(),
              metrics.gpus().stream().map(TaskMetrics.GpuUse::memoryBytes).toList(),
              metrics.gpus().stream().map(TaskMetrics.GpuUse::utilPercent).toList()));
      if (!metrics.gpus().isEmpty()) {
        Set<Integer> gpus =
            Set.copyOf(metrics.gpus().stream().map(TaskMetrics.GpuUse::index).toList());
        dcgm.of(instance, asked)
            .map(text -> Dcgm.only(text, gpus))
            .ifPresent(text -> samples.writeDcgm(job, metrics.at(), text));
      }
    }

    @Override
    public void close() {
      active.remove(this);
      agent = null;
    }
  }
}
