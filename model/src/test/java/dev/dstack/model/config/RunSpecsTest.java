package dev.dstack.model.config;

import static org.assertj.core.api.Assertions.assertThat;

import dev.dstack.model.json.Json;
import dev.dstack.model.resources.GpuVendor;
import dev.dstack.model.wire.configuration.CreationPolicy;
import dev.dstack.model.wire.configuration.ProfileParams;
import dev.dstack.model.wire.configuration.SpotPolicy;
import dev.dstack.model.wire.repo.VirtualRunRepoData;
import dev.dstack.model.wire.run.RunSpec;
import java.time.Instant;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class RunSpecsTest {
  @Test
  void anOrdinaryTaskHasNoProblems() {
    assertThat(RunSpecs.problems(Specs.task("'env':{'A':'1'}", "'priority':50"))).isEmpty();
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '\0',
      value = {
        "'retry':{'duration':-1}                          | retry.duration",
        "'schedule':{'cron':'61 * * * *'}                 | schedule.cron",
        "'env':['TOKEN']                                  | env",
        "'nodes':501                                      | nodes",
        "'env':{'A':'${{ groups[0].nodes[0].IP_ADDRESS }}'} | env",
        "'env':{'A=B':'1'}                                | env",
        "'working_dir':'data'                             | working_dir",
        "'resources':{'gpu':'MI300X'}                     | image",
        "'resources':{'gpu':'amd:8'}                      | image",
        "'resources':{'cpu':'arm:4'}                      | image",
        "'docker':true,'resources':{'cpu':'arm:4'}        | docker",
        "'utilization_policy':{'min_gpu_utilization':1,'time_window':'2h'} | utilization_policy.time_window",
      })
  void aProblemNamesItsField(String fields, String field) {
    assertThat(RunSpecs.problems(Specs.task(fields)))
        .singleElement()
        .satisfies(problem -> assertThat(problem.field()).isEqualTo(field))
        .satisfies(problem -> assertThat(problem.pretty()).startsWith("`" + field + "` "));
  }

  @Test
  void namesAndReposAreChecked() {
    assertThat(
            Specs.fields(
                RunSpecs.problems(
                    Specs.spec(
                        "'run_name':'Bad Name','repo_id':'x','configuration':{'type':'task','commands':['a',' ']}"))))
        .containsExactly("run_name", "repo_data", "commands");
  }

  @Test
  void secretsNeverAppearInProblems() {
    assertThat(
            SpecProblem.pretty(
                RunSpecs.problems(
                    Specs.task("'env':{'TOKEN':'hunter2 ${{ groups[0].nodes[0].IP_ADDRESS }}'}"))))
        .contains("TOKEN")
        .doesNotContain("hunter2");
  }

  @Test
  void theFileWinsOverTheProfile() {
    RunSpec spec =
        Specs.spec(
            """
            'run_name':'train','configuration':{'type':'task','commands':['a'],'max_price':2},
            'profile':{'name':'p','max_price':1,'spot_policy':'auto','tags':{'team':'x'}}""");
    ProfileParams profile = RunSpecs.profile(spec);
    assertThat(profile.maxPrice()).isEqualTo(2.0);
    assertThat(profile.spotPolicy()).isEqualTo(SpotPolicy.AUTO);
    assertThat(profile.tags()).containsEntry("team", "x");
    assertThat(profile.creationPolicy()).isEqualTo(CreationPolicy.REUSE_OR_CREATE);
  }

  @Test
  void theEffectiveSpecHasEveryStoredDefault() {
    RunSpec effective = RunSpecs.effective(Specs.task(), "ssh-ed25519 AAAA ann");
    assertThat(effective.repoId()).isEqualTo("none");
    assertThat(effective.repoData()).isEqualTo(new VirtualRunRepoData());
    assertThat(effective.sshKeyPub()).isEqualTo("ssh-ed25519 AAAA ann");
    assertThat(effective.configuration().base().priority()).isZero();
    assertThat(Json.tree(effective.configuration()).get("nodes").intValue()).isEqualTo(1);
    assertThat(effective.configuration().resources().gpu().vendor()).isEqualTo(GpuVendor.NVIDIA);
    // Defaults that are resolved later stay open.
    assertThat(effective.configuration().profile().stopDuration()).isNull();
    assertThat(RunSpecs.effective(effective, null)).isEqualTo(effective);
  }

  @ParameterizedTest
  @CsvSource({
    "A100, NVIDIA",
    "MI300X, AMD",
    "v5p-8, GOOGLE",
    "'H100,MI300X',",
    "Unheard5000,",
    "0,",
  })
  void theVendorFollowsFromTheModels(String gpu, GpuVendor vendor) {
    RunSpec effective = RunSpecs.effective(Specs.task("'resources':{'gpu':'" + gpu + "'}"), null);
    assertThat(effective.configuration().resources().gpu().vendor()).isEqualTo(vendor);
  }

  @Test
  void aRedactedSpecHasNamesOnly() {
    RunSpec spec =
        Specs.task(
            "'env':{'TOKEN':'hunter2'}", "'registry_auth':{'username':'u','password':'hunter2'}");
    RunSpec redacted = RunSpecs.redacted(spec);
    assertThat(Json.strict().writeValueAsString(redacted))
        .contains("TOKEN")
        .doesNotContain("hunter2");
    assertThat(spec.toString()).doesNotContain("hunter2");
  }

  @Test
  void aScheduleHasANextTime() {
    RunSpec spec = Specs.task("'schedule':{'cron':['0 9 * * *','30 7 * * mon-fri']}");
    assertThat(RunSpecs.nextTrigger(spec, Instant.parse("2027-01-01T07:30:00Z")))
        .contains(Instant.parse("2027-01-01T09:00:00Z"));
    assertThat(RunSpecs.nextTrigger(Specs.task(), Instant.EPOCH)).isEmpty();
  }
}
