package dev.dstack.api.metrics;

import dev.dstack.api.web.Wire;
import dev.dstack.db.metrics.JobSample;
import dev.dstack.db.metrics.MetricsReader;
import dev.dstack.model.json.Json;
import dev.dstack.model.offer.Offer;
import dev.dstack.model.resources.Resources;
import dev.dstack.workflows.fleet.Placement;
import io.prometheus.client.Collector;
import io.prometheus.client.CollectorRegistry;
import io.prometheus.client.exporter.common.TextFormat;
import java.io.IOException;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The page that Prometheus reads: instances, runs and jobs from the database, the same from every
 * server, and this process's own metrics.
 */
public final class PrometheusPage {
  /** Anybody may ask, so asking often costs nothing. */
  private static final long REMEMBERED_NANOS = Duration.ofSeconds(1).toNanos();

  private static final long MIB = 1024 * 1024;

  private final MetricsReader reader;
  private final InstantSource clock;
  private final CollectorRegistry own;
  private @Nullable String remembered;
  private long rememberedAt;

  /**
   * @param own what this process counts itself
   */
  public PrometheusPage(MetricsReader reader, InstantSource clock, CollectorRegistry own) {
    this.reader = reader;
    this.clock = clock;
    this.own = own;
  }

  synchronized String text() {
    long now = System.nanoTime();
    String known = remembered;
    if (known == null || now - rememberedAt > REMEMBERED_NANOS) {
      known = make();
      remembered = known;
      rememberedAt = System.nanoTime();
    }
    return known;
  }

  private String make() {
    Instant now = clock.instant();
    Families families = new Families();
    reader.instances().forEach(instance -> addInstance(families, instance, now));
    List<MetricsReader.Runs> runs = reader.runs();
    addRunCounts(families, runs);
    DcgmText dcgm = new DcgmText();
    reader.jobs().forEach(job -> addJob(families, dcgm, job, now));
    addWaiting(families, runs);
    StringWriter page = new StringWriter();
    try {
      TextFormat.write004(page, Collections.enumeration(families.all()));
      StringBuilder hosts = new StringBuilder();
      dcgm.writeTo(hosts);
      page.append(hosts);
      TextFormat.write004(page, own.metricFamilySamples());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return page.toString();
  }

  private static void addInstance(Families families, MetricsReader.Instance instance, Instant now) {
    Offer offer = Json.lenient().readValue(instance.offerJson(), Offer.class);
    Map<String, String> labels = new LinkedHashMap<>();
    labels.put("dstack_project_name", instance.project());
    labels.put("dstack_fleet_name", instance.fleet());
    labels.put("dstack_fleet_id", instance.fleetId().toString());
    labels.put("dstack_instance_name", instance.name());
    labels.put("dstack_instance_id", instance.id().toString());
    labels.put("dstack_instance_type", offer.instanceType());
    labels.put("dstack_backend", Wire.backend(offer.backend()).wire());
    labels.put("dstack_gpu", gpu(offer.resources()));
    families.add(
        Collector.Type.COUNTER,
        "dstack_instance_duration_seconds_total",
        "Seconds since the instance was created",
        labels,
        seconds(instance.createdAt(), now));
    families.add(
        Collector.Type.GAUGE,
        "dstack_instance_price_dollars_per_hour",
        "Price of the instance, US dollars an hour",
        labels,
        offer.price());
    families.add(
        Collector.Type.GAUGE,
        "dstack_instance_gpu_count",
        "Accelerators of the instance",
        labels,
        offer.resources().gpus().size());
  }

  private static void addRunCounts(Families families, List<MetricsReader.Runs> runs) {
    record Key(String project, String user) {}
    Map<Key, Map<String, Long>> counts = new LinkedHashMap<>();
    for (MetricsReader.Runs some : runs) {
      Map<String, Long> ofUser =
          counts.computeIfAbsent(new Key(some.project(), some.user()), _ -> new LinkedHashMap<>());
      ofUser.merge(some.status(), some.count(), Long::sum);
      ofUser.merge("", some.count(), Long::sum);
    }
    counts.forEach(
        (key, ofUser) -> {
          Map<String, String> labels = new LinkedHashMap<>();
          labels.put("dstack_project_name", key.project());
          labels.put("dstack_user_name", key.user());
          count(families, "dstack_run_count_total", "Runs", labels, ofUser.get(""));
          for (String status : List.of("terminated", "failed", "done")) {
            count(
                families,
                "dstack_run_count_" + status + "_total",
                "Runs that ended as " + status,
                labels,
                ofUser.get(status));
          }
        });
  }

  private static void count(
      Families families, String name, String help, Map<String, String> labels, @Nullable Long n) {
    families.add(Collector.Type.COUNTER, name, help, labels, n == null ? 0 : n);
  }

  /** Upstream's own labels here are without the prefix. */
  private static void addWaiting(Families families, List<MetricsReader.Runs> runs) {
    record Key(String project, String type) {}
    Map<Key, MetricsReader.Runs> sums = new LinkedHashMap<>();
    for (MetricsReader.Runs some : runs) {
      sums.merge(new Key(some.project(), some.type()), some, PrometheusPage::sum);
    }
    sums.forEach(
        (key, sum) -> {
          Map<String, String> labels = new LinkedHashMap<>();
          labels.put("project_name", key.project());
          labels.put("run_type", key.type());
          if (sum.provisioned() > 0) {
            families.histogram(
                "dstack_submit_to_provision_duration_seconds",
                "Seconds from a run's submission to its first machine",
                labels,
                MetricsReader.BOUNDS,
                sum.buckets(),
                sum.provisioned(),
                sum.seconds());
          }
          if (sum.pending() > 0) {
            families.add(
                Collector.Type.COUNTER,
                "dstack_pending_runs_total",
                "How often runs began to wait",
                labels,
                sum.pending());
          }
        });
  }

  private static MetricsReader.Runs sum(MetricsReader.Runs a, MetricsReader.Runs b) {
    List<Long> buckets = new ArrayList<>();
    for (int i = 0; i < a.buckets().size(); i++) {
      buckets.add(a.buckets().get(i) + b.buckets().get(i));
    }
    return new MetricsReader.Runs(
        a.project(),
        a.user(),
        a.type(),
        a.status(),
        a.count() + b.count(),
        a.pending() + b.pending(),
        a.provisioned() + b.provisioned(),
        a.seconds() + b.seconds(),
        buckets);
  }

  private static void addJob(Families families, DcgmText dcgm, MetricsReader.Job job, Instant now) {
    Placement placement = Json.lenient().readValue(job.placementJson(), Placement.class);
    Resources taken = placement.taken();
    Map<String, String> labels = new LinkedHashMap<>();
    labels.put("dstack_project_name", job.project());
    labels.put("dstack_user_name", job.user());
    labels.put("dstack_run_name", job.run());
    labels.put("dstack_run_id", job.runId().toString());
    labels.put("dstack_job_name", job.name());
    labels.put("dstack_job_id", job.id().toString());
    labels.put("dstack_job_num", Integer.toString(job.jobNum()));
    labels.put("dstack_replica_num", Integer.toString(job.replicaNum()));
    labels.put("dstack_run_type", job.runType());
    labels.put("dstack_backend", Wire.backend(placement.offer().backend()).wire());
    labels.put("dstack_gpu", gpu(taken));
    families.add(
        Collector.Type.COUNTER,
        "dstack_job_duration_seconds_total",
        "Seconds since the job was submitted",
        labels,
        seconds(job.submittedAt(), now));
    gauge(
        families,
        "dstack_job_price_dollars_per_hour",
        "Price of the job's instance, US dollars an hour",
        labels,
        placement.offer().price());
    gauge(families, "dstack_job_gpu_count", "Accelerators of the job", labels, taken.gpus().size());
    gauge(families, "dstack_job_cpu_count", "Processors of the job", labels, taken.cpus());
    gauge(
        families,
        "dstack_job_memory_total_bytes",
        "Memory the job may use, bytes",
        labels,
        taken.memoryMib() * MIB);
    JobSample sample = job.sample();
    if (sample != null) {
      addUse(families, labels, sample, taken);
    }
    String text = job.dcgm();
    if (text != null) {
      dcgm.add(text, labels);
    }
  }

  private static void addUse(
      Families families, Map<String, String> labels, JobSample sample, Resources taken) {
    families.add(
        Collector.Type.COUNTER,
        "dstack_job_cpu_time_seconds_total",
        "Processor time the job has used, seconds",
        labels,
        sample.cpuMicros() / 1e6);
    gauge(
        families,
        "dstack_job_memory_usage_bytes",
        "Memory the job uses, with the page cache, bytes",
        labels,
        sample.memoryBytes());
    gauge(
        families,
        "dstack_job_memory_working_set_bytes",
        "Memory the job uses, without what could be dropped, bytes",
        labels,
        sample.workingSetBytes());
    for (int i = 0; i < sample.gpuUtil().size() && !taken.gpus().isEmpty(); i++) {
      Map<String, String> ofGpu = new LinkedHashMap<>(labels);
      ofGpu.put("dstack_gpu_num", Integer.toString(i));
      gauge(
          families,
          "dstack_job_gpu_usage_ratio",
          "How busy the accelerator is, 0 to 1",
          ofGpu,
          sample.gpuUtil().get(i) / 100.0);
      gauge(
          families,
          "dstack_job_gpu_memory_total_bytes",
          "Memory of the accelerator, bytes",
          ofGpu,
          taken.gpus().getFirst().memoryMib() * MIB);
      gauge(
          families,
          "dstack_job_gpu_memory_usage_bytes",
          "Memory of the accelerator in use, bytes",
          ofGpu,
          sample.gpuMemoryBytes().get(i));
    }
  }

  private static void gauge(
      Families families, String name, String help, Map<String, String> labels, Number value) {
    families.add(Collector.Type.GAUGE, name, help, labels, value);
  }

  private static String gpu(Resources resources) {
    return resources.gpus().isEmpty() ? "" : resources.gpus().getFirst().name();
  }

  private static double seconds(Instant from, Instant to) {
    return Math.max(0, Duration.between(from, to).toNanos() / 1e9);
  }
}
