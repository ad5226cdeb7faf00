package dev.dstack.model.wire;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.dstack.model.json.Json;
import dev.dstack.model.wire.configuration.ApplyConfiguration;
import dev.dstack.model.wire.configuration.ProfilesConfig;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.core.JacksonException;

class ApplyConfigurationTest {
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '\0',
      value = {
        "{'type':'task','commands':['ls']}                     | TaskConfiguration",
        "{'type':'dev-environment','ide':'zed'}                | DevEnvironmentConfiguration",
        "{'type':'service','port':80,'image':'web'}            | ServiceConfiguration",
        "{'type':'fleet','nodes':2}                            | FleetConfiguration",
        "{'type':'gateway','backend':'aws','region':'eu'}      | GatewayConfiguration",
        "{'type':'volume','backend':'aws','region':'eu'}       | AwsVolumeConfiguration",
        "{'type':'volume','backend':'kubernetes','size':'1TB'} | KubernetesVolumeConfiguration",
      })
  void everyKindOfFileIsRead(String file, String kind) {
    ApplyConfiguration read = read(file);
    assertThat(read.getClass().getSimpleName()).isEqualTo(kind);
    assertThat(read.withName("x1").name()).isEqualTo("x1");
    assertThat(Json.tree(read).get("type").stringValue()).isEqualTo(read.type());
    assertThat(
            Json.strict()
                .readValue(Json.strict().writeValueAsString(read), ApplyConfiguration.class))
        .isEqualTo(read);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '\0',
      value = {
        "{'commands':['ls']}                | `type` is required here",
        "{'type':'preset'}                  | 'preset'",
        "{'type':'volume','backend':'moon'} | 'moon'",
        "{'type':'volume','backend':'aws'}  | region: Field required",
        "{'type':'task'}                    | either `commands` or `image`",
        "{'type':'fleet','nodes':2,'x':1}   | x: Extra inputs",
      })
  void whatIsWrongIsNamed(String file, String message) {
    assertThatThrownBy(() -> read(file))
        .isInstanceOf(JacksonException.class)
        .hasMessageContaining(message);
  }

  @Test
  void profilesAreRead() {
    ProfilesConfig profiles =
        Json.strict()
            .readValue(
                "{'profiles':[{'name':'big','default':true,'max_price':2,'spot_policy':'auto'}]}"
                    .replace('\'', '"'),
                ProfilesConfig.class);
    assertThat(profiles.profiles()).singleElement().matches(profile -> profile.isDefault());
    assertThat(profiles.profiles().getFirst().params().maxPrice()).isEqualTo(2.0);
  }

  private static ApplyConfiguration read(String file) {
    return Json.strict().readValue(file.replace('\'', '"'), ApplyConfiguration.class);
  }
}
