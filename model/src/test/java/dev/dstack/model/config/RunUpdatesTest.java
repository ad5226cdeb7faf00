package dev.dstack.model.config;

import static org.assertj.core.api.Assertions.assertThat;

import dev.dstack.model.wire.run.RunSpec;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class RunUpdatesTest {
  @Test
  void withoutAnActiveRunOneIsCreated() {
    assertThat(RunUpdates.diff(null, Specs.task())).isEqualTo(new RunUpdate.Create());
  }

  @Test
  void theSameSpecChangesNothing() {
    RunSpec effective = RunSpecs.effective(Specs.task(), "key");
    assertThat(RunUpdates.diff(effective, RunSpecs.effective(Specs.task(), "key")))
        .isEqualTo(new RunUpdate.InPlace(List.of()));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '\0',
      value = {
        "'priority':9                        | priority             | true",
        "'resources':{'cpu':4}               | resources            | false",
        "'env':{'A':'1'}                     | env                  | false",
        "'max_duration':'1h'                 | max_duration         | false",
        "'files':['a']                       | files                | true",
      })
  void aTaskTakesOverLittle(String field, String name, boolean inPlace) {
    RunUpdate update = RunUpdates.diff(Specs.task(), Specs.task(field));
    assertThat(update)
        .isEqualTo(
            inPlace
                ? new RunUpdate.InPlace(List.of(name))
                : new RunUpdate.NeedsRestart(List.of(name), List.of(name)));
  }

  @Test
  void everyBlockingFieldIsNamed() {
    RunUpdate update =
        RunUpdates.diff(
            Specs.task(),
            Specs.run("'type':'task','commands':['other'],'priority':1,'shell':'sh'"));
    assertThat(update)
        .isEqualTo(
            new RunUpdate.NeedsRestart(
                List.of("commands", "shell", "priority"), List.of("commands", "shell")));
  }

  @Test
  void anotherArchitectureThanOneCertainIsNoMore() {
    RunSpec certain = Specs.task("'resources':{'cpu':'x86:2'}");
    RunSpec any = Specs.task("'resources':{'cpu':2}");
    assertThat(RunUpdates.diff(certain, any))
        .isEqualTo(new RunUpdate.InPlace(List.of("resources")));
    assertThat(RunUpdates.diff(any, certain)).isInstanceOf(RunUpdate.NeedsRestart.class);
  }

  @Test
  void aServiceIsReplacedReplicaByReplica() {
    String service = "'type':'service','port':80,'commands':['serve']";
    assertThat(
            RunUpdates.diff(
                Specs.run(service),
                Specs.run(service + ",'replicas':2,'env':{'A':'1'},'https':true,'image':'x'")))
        .isInstanceOf(RunUpdate.InPlace.class);
    assertThat(RunUpdates.diff(Specs.run(service), Specs.run(service + ",'auth':false")))
        .isEqualTo(new RunUpdate.NeedsRestart(List.of("auth"), List.of("auth")));
  }

  @Test
  void anotherKindIsAnotherRun() {
    assertThat(RunUpdates.diff(Specs.task(), Specs.run("'type':'dev-environment'")))
        .isEqualTo(new RunUpdate.NeedsRestart(List.of("type"), List.of("type")));
  }
}
