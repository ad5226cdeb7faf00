package dev.dstack.model.config;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class UnsupportedYetTest {
  @Test
  void whatWorksIsNotRefused() {
    assertThat(
            UnsupportedYet.check(
                Specs.task(
                    "'env':{'A':'1'}",
                    "'files':['data.csv']",
                    "'retry':true",
                    "'max_duration':'1h'",
                    "'schedule':{'cron':'0 8 * * *'}",
                    "'fleets':['local']",
                    "'resources':{'cpu':2,'memory':'1GB'}",
                    "'priority':7",
                    "'nodes':2",
                    "'startup_order':'master-first'",
                    "'stop_criteria':'master-done'",
                    "'working_dir':'/tmp'",
                    "'tags':{'a':'b'}",
                    "'docker':false",
                    "'ports':[80]",
                    "'repos':['.']",
                    "'utilization_policy':{'min_gpu_utilization':1,'time_window':'10m'}",
                    "'volumes':[{'instance_path':'/a','path':'/b','optional':true}]",
                    "'nvcc':false")))
        .isEmpty();
  }

  @Test
  void aContainerMayHaveAllThatContainersHave() {
    assertThat(
            UnsupportedYet.check(
                Specs.task(
                    "'image':'debian'",
                    "'privileged':true",
                    "'entrypoint':'x'",
                    "'registry_auth':{'username':'a','password':'b'}",
                    "'user':'ann'",
                    "'volumes':['/a:/b']",
                    "'resources':{'shm_size':'1GB'}")))
        .isEmpty();
    for (String chosen : new String[] {"'docker':true", "'python':'3.12'", "'nvcc':true"}) {
      assertThat(UnsupportedYet.check(Specs.task(chosen, "'privileged':true"))).isEmpty();
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '\0',
      value = {
        "'privileged':true                        | privileged",
        "'entrypoint':'x'                         | entrypoint",
        "'registry_auth':{'username':'a','password':'b'} | registry_auth",
        "'user':'ann'                             | user",
        "'volumes':['/a:/b']                      | volumes",
        "'resources':{'shm_size':'1GB'}           | resources.shm_size",
      })
  void onlyContainersHaveIt(String field, String name) {
    assertThat(UnsupportedYet.check(Specs.task(field)))
        .singleElement()
        .satisfies(problem -> assertThat(problem.field()).isEqualTo(name))
        .satisfies(problem -> assertThat(problem.pretty()).contains("set `image`"));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '\0',
      value = {
        "'reservation':'r'                        | reservation",
        "'backend_options':[{'type':'vastai'}]    | backend_options",
        "'dstack':true                            | dstack",
      })
  void isRefusedByName(String field, String name) {
    assertThat(UnsupportedYet.check(Specs.task(field)))
        .singleElement()
        .satisfies(problem -> assertThat(problem.field()).isEqualTo(name))
        .satisfies(
            problem ->
                assertThat(problem.pretty())
                    .startsWith("`" + name + "` is not supported by this server version yet: "));
  }

  @Test
  void kindsAreRefused() {
    assertThat(UnsupportedYet.check(Specs.run("'type':'dev-environment'"))).isEmpty();
    assertThat(
            Specs.fields(
                UnsupportedYet.check(Specs.run("'type':'service','port':80,'commands':['a']"))))
        .containsExactly("type: service");
    assertThat(UnsupportedYet.check(Specs.run("'type':'task','groups':[{'commands':['a']}]")))
        .isEmpty();
  }

  @Test
  void aProfileAndARepoCount() {
    assertThat(
            Specs.fields(
                UnsupportedYet.check(
                    Specs.spec(
                        """
                        'repo_id':'r','repo_data':{'repo_type':'remote','repo_name':'r'},
                        'configuration':{'type':'task','commands':['a']},
                        'profile':{'name':'p','reservation':'r'}"""))))
        .containsExactly("reservation");
  }

  @Test
  void clientsThatOnlyListOffersMayFillIn() {
    var spec = Specs.task("'image':'scratch'", "'user':'root'");
    assertThat(UnsupportedYet.check(spec, true)).isEmpty();
  }
}
