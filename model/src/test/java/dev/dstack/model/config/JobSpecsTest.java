package dev.dstack.model.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.dstack.model.json.Json;
import dev.dstack.model.wire.run.JobSpec;
import dev.dstack.model.wire.run.RunPlan;
import dev.dstack.model.wire.run.RunSpec;
import java.io.IOException;
import java.io.InputStream;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;

class JobSpecsTest {
  /** The sample holds a spec and the job that clients expect to see for it. */
  @Test
  void isWhatClientsKnow() throws IOException {
    RunPlan plan;
    try (InputStream in =
        JobSpecsTest.class.getResourceAsStream("/dev/dstack/model/wire/run-plan.json")) {
      plan = Json.strict().treeToValue(Json.lenient().readTree(in).get("json"), RunPlan.class);
    }
    RunSpec effective = RunSpecs.effective(plan.runSpec(), plan.effectiveRunSpec().sshKeyPub());
    assertThat(effective).isEqualTo(plan.effectiveRunSpec());
    assertThat(RunSpecs.shown(plan.runSpec())).isEqualTo(plan.runSpec());
    assertThat(JobSpecs.of(effective)).containsExactly(plan.jobPlans().getFirst().jobSpec());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '\0',
      value = {
        "                 | /bin/bash",
        "'image':'tools'  | /bin/sh",
        "'shell':'sh'     | /bin/sh",
        "'shell':'/bin/zsh' | /bin/zsh",
      })
  void theShell(String field, String shell) {
    JobSpec job = only(field == null ? Specs.task() : Specs.task(field));
    assertThat(job.commands()).containsExactly(shell, "-i", "-c", "python train.py");
  }

  @Test
  void aCommandInTheBackgroundDoesNotEndTheLine() {
    assertThat(JobSpecs.joined(List.of("serve & ", " cd /data", "sleep 1 && ls")))
        .isEqualTo("{ serve & } && cd /data && sleep 1 && ls");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '\0',
      value = {
        "'priority':1                | stop_duration | 300",
        "'stop_duration':'off'       | stop_duration | null",
        "'stop_duration':'1m'        | stop_duration | 60",
        "'priority':1                | max_duration  | null",
        "'max_duration':'2h'         | max_duration  | 7200",
        "'max_duration':'off'        | max_duration  | null",
        "'priority':1                | retry         | null",
        "'retry':false               | retry         | null",
        "'retry':true                | retry         | {'on_events':[*],'duration':3600}",
        "'retry':{'on_events':['error']} | retry     | {'on_events':['error'],'duration':3600}",
        "'retry':{'duration':'1m'}   | retry         | {'on_events':[*],'duration':60}",
        "'env':{'A':'1'}             | env           | {'A':'1'}",
        "'user':'1000:1000'          | user          | {'uid':1000,'gid':1000,'username':null,'groupname':null}",
        "'ports':['80:8080',10022]   | app_specs     | [{'port':8080,'map_to_port':80,'app_name':'app_0'#}]",
        "'single_branch':false       | single_branch | false",
        "'working_dir':'x'           | working_dir   | '/workflow/x'",
        "'priority':1                | job_name      | 'train-0-0'",
        "'volumes':['data-${{ dstack.job_num }}:/d'] | volumes | [{'name':['data-0'],'path':'/d'}]",
      })
  void everyFieldHasItsDefault(String written, String field, String expected) {
    JsonNode job = Json.tree(only(Specs.task(written)));
    assertThat(job.get(field))
        .hasToString(
            expected
                .replace("*", "'no-capacity','interruption','error'")
                .replace("#", ",'url_path':null,'url_query_params':null")
                .replace('\'', '"'));
  }

  @ParameterizedTest
  @CsvSource({"spot, true", "on-demand, false", "auto,"})
  void theSpotPolicyBecomesARequirement(String policy, Boolean spot) {
    assertThat(only(Specs.task("'spot_policy':'" + policy + "'")).requirements().spot())
        .isEqualTo(spot);
    assertThat(only(Specs.task()).requirements().spot()).isFalse();
  }

  @Test
  void aTaskOfSeveralNodesHasAJobForEach() {
    List<JobSpec> jobs = JobSpecs.of(Specs.task("'nodes':3"));
    assertThat(jobs)
        .extracting(JobSpec::jobName)
        .containsExactly("train-0-0", "train-1-0", "train-2-0");
    assertThat(jobs).allMatch(job -> job.jobsPerReplica() == 3 && job.requirements().multinode());
  }

  @Test
  void aMissingValueIsAnError() {
    assertThatThrownBy(() -> only(Specs.task("'env':['TOKEN']"))).hasMessageContaining("TOKEN");
  }

  private static JobSpec only(RunSpec spec) {
    List<JobSpec> jobs = JobSpecs.of(spec);
    assertThat(jobs).hasSize(1);
    return jobs.getFirst();
  }
}
