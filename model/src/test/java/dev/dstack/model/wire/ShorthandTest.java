package dev.dstack.model.wire;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.dstack.model.json.Json;
import dev.dstack.model.wire.configuration.Env;
import dev.dstack.model.wire.configuration.PortMapping;
import dev.dstack.model.wire.configuration.TaskConfiguration;
import dev.dstack.model.wire.resources.Memory;
import dev.dstack.model.wire.resources.Range;
import dev.dstack.model.wire.run.UnixUser;
import java.util.List;
import java.util.Map;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.Size;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/**
 * What people may write, and the one form in which it is passed on. Single quotes stand for double
 * ones.
 */
class ShorthandTest {
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '\0',
      value = {
        "cpu            | 4              | {'count':{'min':4,'max':4}}",
        "cpu            | '2..'          | {'count':{'min':2}}",
        "cpu            | '..8'          | {'count':{'max':8}}",
        "cpu            | 'ARM:2..4'     | {'arch':'arm','count':{'min':2,'max':4}}",
        "cpu            | 'x86'          | {'arch':'x86','count':{'min':2}}",
        "cpu            | {'min':3}      | {'count':{'min':3}}",
        "memory         | '8GB'          | {'min':8.0,'max':8.0}",
        "memory         | '512MB..1TB'   | {'min':0.5,'max':1024.0}",
        "memory         | 16             | {'min':16.0,'max':16.0}",
        "shm_size       | '256 MB'       | 0.25",
        "disk           | '50GB..'       | {'size':{'min':50.0}}",
        "disk           | {'size':'1TB'} | {'size':{'min':1024.0,'max':1024.0}}",
        "gpu            | 2              | {'count':{'min':2,'max':2}}",
        "gpu | 'A100:80GB:2' | {'name':['A100'],'count':{'min':2,'max':2},'memory':{'min':80.0,'max':80.0}}",
        "gpu            | 'tt:n150,n300' | {'vendor':'tenstorrent','name':['n150','n300'],'count':{'min':1}}",
        "gpu            | '16GB..:TPU'   | {'vendor':'google','count':{'min':1},'memory':{'min':16.0}}",
        "gpu | {'name':'tpu-v2','count':2} | {'name':['v2'],'count':{'min':2,'max':2}}",
      })
  void resources(String field, String written, String canonical) {
    JsonNode task = task("'resources':{'" + field + "':" + written + "}");
    assertThat(dense(task.get("resources").get(field))).hasToString(canonical.replace('\'', '"'));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '\0',
      value = {
        "max_duration   | '2h'           | 7200",
        "max_duration   | 90             | 90",
        "max_duration   | '90'           | 90",
        "max_duration   | 'off'          | 'off'",
        "max_duration   | false          | 'off'",
        "max_duration   | true           | null",
        "stop_duration  | '1w'           | 604800",
        "idle_duration  | 'off'          | -1",
        "idle_duration  | -1             | -1",
        "idle_duration  | '1d'           | 86400",
        "retry          | true           | true",
        "retry          | 'no'           | false",
        "retry          | {'on_events':['error'],'duration':'5m'} | {'on_events':['error'],'duration':300}",
        "ports          | [8080]         | [{'local_port':8080,'container_port':8080}]",
        "ports          | ['80:8080']    | [{'local_port':80,'container_port':8080}]",
        "ports          | ['*:8080']     | [{'container_port':8080}]",
        "env            | ['A=1=2','B']  | {'A':'1=2','B':{'key':'B'}}",
        "env            | {'A':1,'B':2.5} | {'A':'1','B':'2.5'}",
        "python         | 3.10           | '3.10'",
        "python         | 3.12           | '3.12'",
        "volumes        | ['data:/d']    | [{'name':'data','path':'/d'}]",
        "volumes        | ['/h/./x/:/d'] | [{'instance_path':'/h/x','path':'/d','optional':false}]",
        "volumes        | [{'name':['a','b'],'path':'/d'}] | [{'name':['a','b'],'path':'/d'}]",
        "files          | ['data.csv']   | [{'local_path':'data.csv','path':'data.csv'}]",
        "files          | ['in:/b']      | [{'local_path':'in','path':'/b'}]",
        "files          | ['C:\\\\a:/b'] | [{'local_path':'C:\\\\a','path':'/b'}]",
        "fleets         | ['lab','x/lab'] | [{'name':'lab'},{'project':'x','name':'lab'}]",
        "instances      | ['lab-0']      | [{'name':'lab-0'}]",
        "instances      | [{'fleet':'x/lab','instance':2}] | [{'fleet':{'project':'x','name':'lab'},'instance':2}]",
        "schedule       | {'cron':'0 8 * * *'} | {'cron':['0 8 * * *']}",
        "repos | ['git@host:a:/code'] | [{'url':'git@host:a','path':'/code','if_exists':'error'}]",
      })
  void runs(String field, String written, String canonical) {
    JsonNode task = task("'" + field + "':" + written);
    assertThat(dense(task.get(field))).hasToString(canonical.replace('\'', '"'));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '\0',
      value = {
        "'resources':{'cpu':'mips:2'}",
        "'resources':{'cpu':'2:3'}",
        "'resources':{'cpu':'4..2'}",
        "'resources':{'memory':'..'}",
        "'resources':{'memory':'lots'}",
        "'resources':{'gpu':'A100:H100'}",
        "'resources':{'gpu':'A100,,H100'}",
        "'max_duration':'1h30m'",
        "'max_duration':-5",
        "'retry':{'on_events':[]}",
        "'ports':[0]",
        "'ports':['80:']",
        "'env':['1A=x']",
        "'env':['A=1','A=2']",
        "'env':{'A':null}",
        "'volumes':['data:d']",
        "'volumes':['data:/a/../b']",
        "'files':['a:b:c']",
        "'fleets':['a/b/c']",
        "'priority':101",
        "'image':'x','python':'3.12'",
        "'image':'x','docker':true",
        "'shell':'zsh'",
        "'user':'a:b:c'",
        "'nodes':0",
        "'nodes':2,'groups':[{'commands':['a']}]",
        "'tags':{'no space':'x'}",
        "'utilization_policy':{'min_gpu_utilization':10,'time_window':'1m'}",
      })
  void refused(String fields) {
    assertThatThrownBy(() -> task(fields)).isInstanceOf(JacksonException.class);
  }

  @Test
  void environmentsNeverPrintValues() {
    Env env = Env.of(Map.of("TOKEN", "hunter2"));
    assertThat(env.toString()).isEqualTo("Env[TOKEN]");
    assertThat(env.entries().toString()).doesNotContain("hunter2");
    assertThat(env.namesOnly().toString()).isEqualTo("Env[TOKEN]");
    assertThat(Json.strict().writeValueAsString(env.namesOnly())).doesNotContain("hunter2");
  }

  @Test
  void variablesWithoutValueComeFromTheCaller() {
    Env env = Json.strict().readValue("[\"A=1\",\"B\"]", Env.class);
    assertThat(env.unresolved()).containsExactly("B");
    assertThat(env.resolve(Map.of("B", "2")::get).asMap()).isEqualTo(Map.of("A", "1", "B", "2"));
    assertThatThrownBy(() -> env.resolve(name -> null)).hasMessageContaining("B is not set");
    assertThatThrownBy(env::asMap).hasMessageContaining("B");
  }

  @ParameterizedTest
  @CsvSource({"ann, , ann, ,", "1000:100, 1000, , 100,", "ann:staff, , ann, , staff"})
  void users(String text, Integer uid, String name, Integer gid, String group) {
    assertThat(UnixUser.parse(text)).isEqualTo(new UnixUser(uid, gid, name, group));
  }

  @Property(tries = 200)
  void sizesComeBack(@ForAll @IntRange(min = 0, max = 1 << 22) int mib) {
    Memory size = Memory.ofMib(mib);
    assertThat(size.mib()).isEqualTo(mib);
    assertThat(Json.strict().readValue(Json.strict().writeValueAsString(size), Memory.class))
        .isEqualTo(size);
  }

  @Property(tries = 200)
  void portsComeBack(
      @ForAll @IntRange(min = 1, max = 65_535) int local,
      @ForAll @IntRange(min = 1, max = 65_535) int container) {
    PortMapping port = new PortMapping(local, container);
    assertThat(PortMapping.parse(port.toString())).isEqualTo(port);
  }

  @Property(tries = 300)
  void intersectionsHoldWhatBothHold(
      @ForAll @IntRange(max = 9) int a,
      @ForAll @IntRange(max = 9) int b,
      @ForAll @IntRange(max = 9) int c,
      @ForAll @IntRange(max = 9) int d,
      @ForAll @IntRange(max = 9) int value) {
    Range<Integer> one = new Range<>(Math.min(a, b), a > 4 ? null : Math.max(a, b));
    Range<Integer> other = new Range<>(c > 4 ? null : Math.min(c, d), Math.max(c, d));
    Range<Integer> both = one.intersect(other);
    assertThat(both != null && both.contains(value))
        .isEqualTo(one.contains(value) && other.contains(value));
  }

  @Property(tries = 100)
  void environmentsComeBackInOrder(@ForAll @Size(max = 8) List<String> values) {
    StringBuilder items = new StringBuilder();
    for (int i = 0; i < values.size(); i++) {
      items
          .append(i == 0 ? "" : ",")
          .append(Json.strict().writeValueAsString("V" + i + "=" + values.get(i)));
    }
    Env env = Json.strict().readValue("[" + items + "]", Env.class);
    assertThat(List.copyOf(env.asMap().values())).isEqualTo(values);
    assertThat(Json.strict().readValue(Json.strict().writeValueAsString(env), Env.class))
        .isEqualTo(env);
  }

  /** Without the fields that are null. */
  private static JsonNode dense(JsonNode node) {
    if (node.isObject()) {
      ObjectNode copy = JsonNodeFactory.instance.objectNode();
      node.properties().stream()
          .filter(property -> !property.getValue().isNull())
          .forEach(property -> copy.set(property.getKey(), dense(property.getValue())));
      return copy;
    }
    if (node.isArray()) {
      ArrayNode copy = JsonNodeFactory.instance.arrayNode();
      node.forEach(item -> copy.add(dense(item)));
      return copy;
    }
    return node;
  }

  private static JsonNode task(String fields) {
    String json = "{'type':'task','commands':['ls']," + fields + "}";
    TaskConfiguration task =
        Json.strict().readValue(json.replace('\'', '"'), TaskConfiguration.class);
    String written = Json.strict().writeValueAsString(task);
    assertThat(Json.strict().readValue(written, TaskConfiguration.class)).isEqualTo(task);
    return Json.strict().readTree(written);
  }
}
