package dev.dstack.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class ServerOptionsTest {
  private static final ServerOptions.Flags NO_FLAGS =
      new ServerOptions.Flags(null, null, null, null, null, null);
  private static final Path HOME = Path.of("/home/ada");

  @Test
  void defaultsAreAServerForThisMachine() {
    ServerOptions options = ServerOptions.of(NO_FLAGS, Map.of(), HOME);

    assertThat(options.role()).isEqualTo(Role.ALL);
    assertThat(options.url()).isEqualTo("http://127.0.0.1:3000");
    assertThat(options.serverDir()).isEqualTo(Path.of("/home/ada/.dstack/server"));
    assertThat(options.adminToken()).isNull();
    assertThat(options.databaseUrl()).isNull();
    assertThat(options.temporalAddress()).isNull();
    assertThat(options.loopbackOnly()).isTrue();
    assertThat(options.temporalTls().secured()).isFalse();
  }

  @Test
  void flagsWinOverTheEnvironment() {
    ServerOptions options =
        ServerOptions.of(
            new ServerOptions.Flags("0.0.0.0", 4000, "flag", Role.API, "DEBUG", true),
            Map.of(
                "DSTACK_SERVER_HOST", "127.0.0.2",
                "DSTACK_SERVER_PORT", "5000",
                "DSTACK_SERVER_ADMIN_TOKEN", "variable",
                "DSTACK_SERVER_LOG_LEVEL", "ERROR"),
            HOME);

    assertThat(options.host()).isEqualTo("0.0.0.0");
    assertThat(options.port()).isEqualTo(4000);
    assertThat(options.adminToken()).isEqualTo("flag");
    assertThat(options.role()).isEqualTo(Role.API);
    assertThat(options.logLevel()).isEqualTo("DEBUG");
    assertThat(options.loopbackOnly()).isFalse();
  }

  @Test
  void theEnvironmentIsRead() {
    ServerOptions options =
        ServerOptions.of(
            NO_FLAGS,
            Map.of(
                "DSTACK_SERVER_DIR", "/srv/dstack",
                "DSTACK_SERVER_URL", "https://dstack.example",
                "DSTACK_DATABASE_URL", "postgresql://db/dstack",
                "TEMPORAL_ADDRESS", "temporal:7233",
                "TEMPORAL_API_KEY", "key",
                "DSTACK_SERVER_BACKGROUND_PROCESSING_DISABLED", "1"),
            HOME);

    assertThat(options.serverDir()).isEqualTo(Path.of("/srv/dstack"));
    assertThat(options.url()).isEqualTo("https://dstack.example");
    assertThat(options.databaseUrl()).isEqualTo("postgresql://db/dstack");
    assertThat(options.temporalAddress()).isEqualTo("temporal:7233");
    assertThat(options.temporalTls().secured()).isTrue();
    assertThat(options.role()).isEqualTo(Role.API);
  }

  @ParameterizedTest
  @ValueSource(strings = {"http", "-1", "70000", "3000x"})
  void aBadPortIsNamed(String port) {
    assertThatThrownBy(() -> ServerOptions.of(NO_FLAGS, Map.of("DSTACK_SERVER_PORT", port), HOME))
        .isInstanceOf(StartupException.class)
        .hasMessageContaining("DSTACK_SERVER_PORT")
        .hasMessageContaining(port);
  }

  @ParameterizedTest
  @CsvSource({"127.0.0.1,true", "localhost,true", "0.0.0.0,false", "::1,true"})
  void loopbackIsKnown(String host, boolean loopback) {
    ServerOptions options = ServerOptions.of(NO_FLAGS, Map.of("DSTACK_SERVER_HOST", host), HOME);

    assertThat(options.loopbackOnly()).isEqualTo(loopback);
  }

  @Test
  void secretsAreNotPrinted() {
    ServerOptions options = ServerOptions.of(NO_FLAGS, Map.of("TEMPORAL_API_KEY", "planted"), HOME);

    assertThat(options.temporalTls().toString()).doesNotContain("planted");
  }
}
