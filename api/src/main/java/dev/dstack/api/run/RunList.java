package dev.dstack.api.run;

import dev.dstack.api.run.StoredSpecs.Specs;
import dev.dstack.api.web.Writes;
import dev.dstack.model.json.Json;
import dev.dstack.model.wire.run.Job;
import dev.dstack.model.wire.run.JobSubmission;
import dev.dstack.model.wire.run.Run;
import java.io.ByteArrayOutputStream;
import java.util.AbstractList;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JsonGenerator;
import tools.jackson.core.io.SerializedString;

/**
 * Runs, written with the JSON of their specifications and submissions as it was made before: in a
 * list that is most of the bytes, and it seldom changes.
 */
final class RunList extends AbstractList<Run> implements Writes {
  private static final int BYTES_A_RUN = 6_000;

  private final List<Run> runs = new ArrayList<>();
  private final List<Specs> specs = new ArrayList<>();
  private final ShownSubmissions shown;

  RunList(ShownSubmissions shown) {
    this.shown = shown;
  }

  void add(Run run, Specs known) {
    runs.add(run);
    specs.add(known);
  }

  @Override
  public Run get(int index) {
    return runs.get(index);
  }

  @Override
  public int size() {
    return runs.size();
  }

  @Override
  public byte[] json() {
    ByteArrayOutputStream out = new ByteArrayOutputStream(64 + runs.size() * BYTES_A_RUN);
    try (JsonGenerator generator = Json.lenient().createGenerator(out)) {
      generator.writeStartArray();
      for (int i = 0; i < runs.size(); i++) {
        write(generator, runs.get(i), specs.get(i));
      }
      generator.writeEndArray();
    }
    return out.toByteArray();
  }

  private void write(JsonGenerator generator, Run run, Specs specs) {
    generator.writeStartObject();
    generator.writeStringProperty("id", run.id().toString());
    generator.writeStringProperty("project_name", run.projectName());
    generator.writeStringProperty("user", run.user());
    value(generator, "fleet", run.fleet());
    generator.writeStringProperty("submitted_at", Json.text(run.submittedAt()));
    generator.writeStringProperty("last_processed_at", Json.text(run.lastProcessedAt()));
    generator.writeStringProperty("status", run.status().wire());
    generator.writeStringProperty("status_message", run.statusMessage());
    value(generator, "termination_reason", run.terminationReason());
    generator.writeName("run_spec");
    generator.writeRawValue(specs.runJson());
    generator.writeName("jobs");
    generator.writeStartArray();
    JobSubmission latest = run.latestJobSubmission();
    SerializedString latestJson = null;
    for (Job job : run.jobs()) {
      generator.writeStartObject();
      generator.writeName("job_spec");
      generator.writeRawValue(specs.jobJson(job.jobSpec()));
      generator.writeName("job_submissions");
      generator.writeStartArray();
      for (JobSubmission submission : job.jobSubmissions()) {
        SerializedString json = shown.json(submission);
        generator.writeRawValue(json);
        latestJson = submission == latest ? json : latestJson;
      }
      generator.writeEndArray();
      value(generator, "job_connection_info", job.jobConnectionInfo());
      generator.writeEndObject();
    }
    generator.writeEndArray();
    if (latestJson == null) {
      value(generator, "latest_job_submission", latest);
    } else {
      generator.writeName("latest_job_submission");
      generator.writeRawValue(latestJson);
    }
    generator.writeNumberProperty("cost", run.cost());
    value(generator, "service", run.service());
    generator.writeNumberProperty("deployment_num", run.deploymentNum());
    value(generator, "error", run.error());
    value(generator, "deleted", run.deleted());
    value(generator, "next_triggered_at", run.nextTriggeredAt());
    generator.writeEndObject();
  }

  private static void value(JsonGenerator generator, String name, @Nullable Object value) {
    generator.writeName(name);
    if (value == null) {
      generator.writeNull();
    } else {
      generator.writePOJO(value);
    }
  }
}
