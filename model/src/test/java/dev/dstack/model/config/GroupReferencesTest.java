package dev.dstack.model.config;

import static org.assertj.core.api.Assertions.assertThat;

import dev.dstack.model.wire.configuration.RunConfiguration;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class GroupReferencesTest {
  private static final RunConfiguration GROUPS =
      Specs.run(
              "'type':'task','groups':[{'nodes':2,'commands':['a']},{'nodes':3,'commands':['b']}]")
          .configuration();
  private static final List<String> ADDRESSES = List.of("a", "b", "c", "d", "e");

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "${{ groups[0].nodes[1].IP_ADDRESS }}             | b",
        "${{groups[1].nodes[2].IP_ADDRESS}}:80            | e:80",
        "$${{ groups[0].nodes[0].IP_ADDRESS }}            | ${{ groups[0].nodes[0].IP_ADDRESS }}",
        "x ${{ env.A }} ${{ groups[1].nodes[0].IP_ADDRESS }} | x ${{ env.A }} c",
      })
  void addressesAreNamedByGroupAndNode(String command, String resolved) {
    assertThat(GroupReferences.problem(command, GROUPS)).isEmpty();
    assertThat(GroupReferences.resolve(command, GROUPS, ADDRESSES)).isEqualTo(resolved);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "${{ groups[2].nodes[0].IP_ADDRESS }} | the groups are 0 to 1",
        "${{ groups[0].nodes[2].IP_ADDRESS }} | its nodes are 0 to 1",
        "${{ groups[0].nodes[0].NAME }}       | means nothing",
        "${{ groups.head }}                   | means nothing",
      })
  void whatIsNotThereIsSaid(String command, String problem) {
    assertThat(GroupReferences.problem(command, GROUPS)).get().asString().contains(problem);
  }

  @Test
  void aTaskWithoutGroupsIsOneGroup() {
    RunConfiguration nodes = Specs.task("'nodes':2").configuration();
    assertThat(
            GroupReferences.resolve(
                "${{ groups[0].nodes[1].IP_ADDRESS }}", nodes, List.of("a", "b")))
        .isEqualTo("b");
  }
}
