package dev.dstack.cli.apply;

import static org.assertj.core.api.Assertions.assertThat;

import dev.dstack.cli.data.Doc;
import dev.dstack.cli.data.JsonText;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;

class SpecDiffTest {
  private static Doc json(String text) {
    return JsonText.read(text.replace('\'', '"').getBytes(StandardCharsets.UTF_8));
  }

  @Test
  void tellsEachPropertyWithOldAndNew() {
    Doc present =
        json(
            "{'configuration':{'priority':0,'commands':['a'],'resources':{'cpu':{'count':{'min':1,'max':null}}},"
                + "'env':{'A':'1','B':'secret'}},'profile':{'max_price':null},'repo_id':'none'}");
    Doc wanted =
        json(
            "{'configuration':{'priority':5,'commands':['a','b'],'resources':{'cpu':{'count':{'min':2,'max':null}}},"
                + "'env':{'B':'other','C':'3'}},'profile':{'max_price':1.5},'repo_id':'none'}");

    assertThat(SpecDiff.lines(present, wanted))
        .containsExactly(
            "priority: 0 → 5",
            "commands: [\"a\"] → [\"a\",\"b\"]",
            "resources.cpu.count.min: 1 → 2",
            "env.A: removed",
            "env.B: changed",
            "env.C: added",
            "profile.max_price: not set → 1.5");
  }

  @Test
  void ofLongListsItTellsWhatChanged() {
    String hosts = "'host-1.example','host-2.example','host-3.example','host-4.example'";
    assertThat(
            SpecDiff.lines(
                json("{'configuration':{'ssh_config':{'hosts':[" + hosts + "]},'nodes':null}}"),
                json(
                    "{'configuration':{'ssh_config':{'hosts':["
                        + hosts.replace("host-2", "new")
                        + "]},'nodes':{'min':1,'max':4}}}")))
        .containsExactly(
            "ssh_config.hosts: removed host-2.example",
            "ssh_config.hosts: added new.example",
            "nodes: not set → 1..4");
  }

  @Test
  void isEmptyWhereTheMeaningIsTheSame() {
    assertThat(
            SpecDiff.lines(
                json("{'configuration':{'p':1,'extra':null}}"),
                json("{'configuration':{'p':1.0}}")))
        .isEmpty();
  }
}
