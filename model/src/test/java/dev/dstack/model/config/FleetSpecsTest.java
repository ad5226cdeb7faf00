package dev.dstack.model.config;

import static org.assertj.core.api.Assertions.assertThat;

import dev.dstack.model.json.Json;
import dev.dstack.model.wire.configuration.ProfileParams;
import dev.dstack.model.wire.configuration.RetrySwitch;
import dev.dstack.model.wire.configuration.SpotPolicy;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class FleetSpecsTest {
  private static final String HALF_ADDRESSED = "{'hostname':'a','internal_ip':'10.0.0.1'},'b'";

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '\0',
      value = {
        "'nodes':'0..4'                                   |",
        "'blocks':2                                       | nodes",
        "'nodes':1,'env':{'A':'1'}                        | env",
        "'nodes':1,'ssh_config':{'user':'u','ssh_key':{'public':'p','private':'k'},'hosts':['h']} | nodes",
        "'ssh_config':{'hosts':['h'],'ssh_key':{'public':'p','private':'k'}} | ssh_config.user",
        "'ssh_config':{'hosts':['h'],'user':'u'}          | ssh_config.identity_file",
        "'ssh_config':{'user':'u','ssh_key':{'public':'p','private':'k'},'hosts':[*]} | ssh_config.hosts",
      })
  void rules(String fields, String problem) {
    assertThat(Specs.fields(FleetSpecs.problems(Specs.fleet(fields.replace("*", HALF_ADDRESSED)))))
        .isEqualTo(problem == null ? List.of() : List.of(problem));
  }

  @Test
  void aKeyMustBeOneThatTheServerCanUse() {
    String without = "'ssh_config':{'user':'u','hosts':['h'],'ssh_key':{'public':'p'}}";
    assertThat(FleetSpecs.problems(Specs.fleet(without)).toString())
        .contains("ssh_config.identity_file", "must be a private key");
    for (String key :
        List.of(
            "-----BEGIN ENCRYPTED PRIVATE KEY-----",
            "-----BEGIN RSA PRIVATE KEY-----\\nProc-Type: 4,ENCRYPTED",
            openSsh("aes256-ctr"))) {
      String closed =
          "'ssh_config':{'user':'u','ssh_key':{'public':'p','private':'k'},'hosts':[{'hostname':'h',"
              + "'ssh_key':{'public':'p','private':'"
              + key
              + "'}}]}";
      assertThat(FleetSpecs.problems(Specs.fleet(closed)).toString())
          .contains("ssh_config.hosts of h.identity_file", "protected by a passphrase");
    }
    assertThat(PrivateKeys.isProtected(openSsh("none").replace("\\n", "\n"))).isFalse();
    assertThat(PrivateKeys.isProtected("-----BEGIN OPENSSH PRIVATE KEY-----")).isFalse();
    assertThat(
            PrivateKeys.isProtected(
                "-----BEGIN OPENSSH PRIVATE KEY-----%%%-----END OPENSSH PRIVATE KEY-----"))
        .isFalse();
  }

  /** The beginning of such a key is all that counts. */
  private static String openSsh(String cipher) {
    byte[] name = cipher.getBytes(StandardCharsets.US_ASCII);
    byte[] body =
        ByteBuffer.allocate(64)
            .put("openssh-key-v1\0".getBytes(StandardCharsets.US_ASCII))
            .putInt(name.length)
            .put(name)
            .array();
    return "-----BEGIN OPENSSH PRIVATE KEY-----\\n"
        + Base64.getEncoder().encodeToString(body)
        + "\\n-----END OPENSSH PRIVATE KEY-----";
  }

  @Test
  void defaults() {
    ProfileParams profile = FleetSpecs.profile(Specs.fleet("'nodes':1"));
    assertThat(profile.spotPolicy()).isEqualTo(SpotPolicy.ON_DEMAND);
    assertThat(profile.retry()).isEqualTo(new RetrySwitch(false));
    assertThat(
            Json.strict()
                .writeValueAsString(FleetSpecs.requirements(Specs.fleet("'nodes':1")).resources()))
        .contains("\"memory\":{\"min\":0.0,\"max\":null}")
        .contains("\"disk\":null");
  }

  @Test
  void nodesAreWrittenShortWhenTheTargetSaysNothing() {
    assertThat(Json.tree(Specs.fleet("'nodes':'1..4'").configuration()).get("nodes"))
        .hasToString("{\"min\":1,\"max\":4}");
    assertThat(Json.tree(Specs.fleet("'nodes':{'min':1,'target':2}").configuration()).get("nodes"))
        .hasToString("{\"min\":1,\"target\":2,\"max\":null}");
  }

  @Test
  void updates() {
    assertThat(FleetSpecs.diff(Specs.fleet("'nodes':1"), Specs.fleet("'nodes':3")))
        .isEqualTo(new RunUpdate.InPlace(List.of("nodes")));
    assertThat(FleetSpecs.diff(Specs.fleet("'nodes':1"), Specs.fleet("'nodes':1", "'blocks':2")))
        .isEqualTo(new RunUpdate.NeedsRestart(List.of("blocks"), List.of("blocks")));
    assertThat(
            FleetSpecs.diff(
                Specs.fleet("'ssh_config':{'hosts':['a','b']}"),
                Specs.fleet("'ssh_config':{'hosts':['b','c']}")))
        .isInstanceOf(RunUpdate.InPlace.class);
    assertThat(
            FleetSpecs.diff(
                Specs.fleet("'ssh_config':{'hosts':['a']}"),
                Specs.fleet("'ssh_config':{'hosts':[{'hostname':'a','port':23}]}")))
        .isInstanceOf(RunUpdate.NeedsRestart.class);
  }
}
