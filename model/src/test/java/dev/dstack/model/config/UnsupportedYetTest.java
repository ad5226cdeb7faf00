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
                    "'nodes':1",
                    "'working_dir':'/tmp'",
                    "'tags':{'a':'b'}",
                    "'docker':false",
                    "'nvcc':false")))
        .isEmpty();
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '\0',
      value = {
        "'image':'x'                              | image",
        "'docker':true                            | docker",
        "'python':'3.12'                          | python",
        "'nvcc':true                              | nvcc",
        "'privileged':true                        | privileged",
        "'entrypoint':'x'                         | entrypoint",
        "'registry_auth':{'username':'a','password':'b'} | registry_auth",
        "'user':'ann'                             | user",
        "'volumes':['a:/b']                       | volumes",
        "'repos':['.']                            | repos",
        "'ports':[80]                             | ports",
        "'nodes':2                                | nodes",
        "'instances':['a']                        | instances",
        "'reservation':'r'                        | reservation",
        "'resources':{'shm_size':'1GB'}           | resources.shm_size",
        "'backend_options':[{'type':'vastai'}]    | backend_options",
        "'utilization_policy':{'min_gpu_utilization':1,'time_window':'10m'} | utilization_policy",
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
    assertThat(Specs.fields(UnsupportedYet.check(Specs.run("'type':'dev-environment'"))))
        .containsExactly("type: dev-environment");
    assertThat(
            Specs.fields(
                UnsupportedYet.check(Specs.run("'type':'service','port':80,'commands':['a']"))))
        .containsExactly("type: service");
    assertThat(
            Specs.fields(
                UnsupportedYet.check(Specs.run("'type':'task','groups':[{'commands':['a']}]"))))
        .containsExactly("groups");
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
        .containsExactly("reservation", "repo_data");
  }

  @Test
  void clientsThatOnlyListOffersMayFillIn() {
    var spec = Specs.task("'image':'scratch'", "'user':'root'");
    assertThat(UnsupportedYet.check(spec, true)).isEmpty();
    assertThat(Specs.fields(UnsupportedYet.check(spec))).containsExactly("image", "user");
  }
}
