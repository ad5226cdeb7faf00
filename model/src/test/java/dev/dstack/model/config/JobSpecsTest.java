package dev.dstack.model.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.dstack.model.json.Json;
import dev.dstack.model.resources.CpuArch;
import dev.dstack.model.wire.run.JobSpec;
import dev.dstack.model.wire.run.RunPlan;
import dev.dstack.model.wire.run.RunSpec;
import java.io.IOException;
import java.io.InputStream;
import java.util.List;
import java.util.Map;
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
    assertThat(JobSpecs.of(effective, ContainerDefaults.STANDARD))
        .containsExactly(plan.jobPlans().getFirst().jobSpec());
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
    List<JobSpec> jobs = JobSpecs.of(Specs.task("'nodes':3"), ContainerDefaults.STANDARD);
    assertThat(jobs)
        .extracting(JobSpec::jobName)
        .containsExactly("train-0-0", "train-1-0", "train-2-0");
    assertThat(jobs).allMatch(job -> job.jobsPerReplica() == 3 && job.requirements().multinode());
  }

  @Test
  void aMissingValueIsAnError() {
    assertThatThrownBy(() -> only(Specs.task("'env':['TOKEN']"))).hasMessageContaining("TOKEN");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '\0',
      value = {
        "'priority':1                     | ",
        "'image':'debian'                 | debian",
        "'python':'3.12'                  | dstackai/base:0.16-base-ubuntu24.04",
        "'nvcc':true                      | dstackai/base:0.16-devel-ubuntu24.04",
        "'docker':true                    | dstackai/dind",
      })
  void theImage(String field, String image) {
    JobSpec job = only(Specs.task(field));
    assertThat(job.imageName()).isEqualTo(image == null ? JobSpecs.NO_IMAGE : image);
    assertThat(job.privileged()).isEqualTo("dstackai/dind".equals(image));
    boolean ofDstack = image != null && image.startsWith("dstackai");
    assertThat(job.requirements().resources().cpu().arch())
        .isEqualTo(ofDstack ? CpuArch.X86 : null);
  }

  @Test
  void theImagesOfTheOperator() {
    ContainerDefaults own =
        ContainerDefaults.of(
            Map.of(
                "DSTACK_DOCKER_BASE_IMAGE", "registry.example:5000/base@sha256:1",
                "DSTACK_DIND_IMAGE", "registry.example:5000/dind:2",
                "DSTACK_SERVER_DEFAULT_DOCKER_REGISTRY", "mirror.example",
                "DSTACK_SERVER_DEFAULT_DOCKER_REGISTRY_USERNAME", "u",
                "DSTACK_SERVER_DEFAULT_DOCKER_REGISTRY_PASSWORD", "p",
                "DSTACK_SERVER_JOB_NETWORK_MODE", "3"));
    assertThat(JobSpecs.of(Specs.task("'python':'3.9'"), own).getFirst().imageName())
        .isEqualTo("registry.example:5000/base@sha256:1");
    assertThat(JobSpecs.of(Specs.task("'docker':true"), own).getFirst().imageName())
        .isEqualTo("registry.example:5000/dind:2");
    assertThat(own.pulled("ubuntu")).isEqualTo("mirror.example/ubuntu");
    assertThat(own.pulled("library/ubuntu")).isEqualTo("mirror.example/library/ubuntu");
    assertThat(own.pulled("ghcr.io/a/b")).isEqualTo("ghcr.io/a/b");
    assertThat(own.pulled("localhost:5000/a")).isEqualTo("localhost:5000/a");
    assertThat(own.authFor("ghcr.io/a/b")).isNull();
    assertThat(own.authFor("a/b")).isNotNull().hasToString("RegistryAuth[u]");
    assertThat(own.hostNetwork(false, 1)).isFalse();
    assertThat(ContainerDefaults.STANDARD.hostNetwork(false, 1)).isTrue();
    assertThat(ContainerDefaults.STANDARD.hostNetwork(true, 1)).isFalse();
  }

  @Test
  void whatPreparesTheImageComesFirst() {
    assertThat(only(Specs.task("'docker':true")).commands().getLast())
        .isEqualTo("start-dockerd && python train.py");
    assertThat(only(Specs.task("'python':'3.11'")).commands())
        .startsWith("/bin/bash")
        .last()
        .asString()
        .contains("-p 3.11")
        .endsWith(" && python train.py");
  }

  @Test
  void anEntrypointIsSplitAsAShellDoes() {
    assertThat(
            only(Specs.task("'image':'x'", "'entrypoint':'python -c \\'print(1)\\' --x'"))
                .commands())
        .containsExactly("python", "-c", "print(1)", "--x", "python train.py");
    assertThat(ShellWords.split("a  'b c'd \"e \\\" \\n\" '' \\ x"))
        .containsExactly("a", "b cd", "e \" \\n", "", " x");
    assertThatThrownBy(() -> ShellWords.split("a 'b")).hasMessageContaining("not closed");
    assertThatThrownBy(() -> ShellWords.split("a \\")).hasMessageContaining("backslash");
  }

  @Test
  void anImageMayKnowWhatToRun() {
    assertThat(only(Specs.run("'type':'task','image':'x'")).commands()).isEmpty();
  }

  @Test
  void aDevEnvironmentWaitsForPeople() {
    JobSpec job =
        only(
            Specs.run(
                "'type':'dev-environment','ide':'vscode','version':'abc','init':['echo hi'],"
                    + "'setup':['echo first'],'ports':[8000]"));
    assertThat(job.singleBranch()).isFalse();
    assertThat(job.appSpecs()).hasSize(1);
    assertThat(job.commands().getLast())
        .contains("/commit:abc/", "could not be downloaded from update.code.visualstudio.com")
        .containsSubsequence("echo first", "echo hi", "ssh-remote+train$DSTACK_WORKING_DIR")
        .endsWith("while :; do sleep 3600; done")
        .doesNotContain("ipykernel");
    assertThat(only(Specs.run("'type':'dev-environment','python':'3.12'")).commands().getLast())
        .contains("ipykernel")
        .doesNotContain("vscode");
  }

  private static JobSpec only(RunSpec spec) {
    List<JobSpec> jobs = JobSpecs.of(spec, ContainerDefaults.STANDARD);
    assertThat(jobs).hasSize(1);
    return jobs.getFirst();
  }
}
