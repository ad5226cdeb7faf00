package dev.dstack.cli.attach;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.dstack.cli.CliException;
import dev.dstack.cli.data.Doc;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class PortsLockTest {
  @ParameterizedTest
  @CsvSource({
    "8000, 8000, 8000",
    "80:8000, 80, 8000",
    "*:8000, , 8000",
    "1:65535, 1, 65535",
    "0080:0090, 80, 90"
  })
  void readsMappings(String text, Integer local, int container) {
    assertThat(PortMapping.parse(text)).isEqualTo(new PortMapping(container, local));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "", ":", "a", "8000:", ":8000", "*", "8000:*", "0", "65536", "1:0", "-1", "1:2:3", "999999"
      })
  void refusesOtherThings(String text) {
    assertThat(PortMapping.parse(text)).isNull();
    assertThatThrownBy(() -> PortMapping.options(List.of(text)))
        .isInstanceOf(CliException.class)
        .hasMessageContaining("LOCAL:PORT");
  }

  @Test
  void optionsReplaceWhatIsConfigured() {
    List<PortMapping> merged =
        PortMapping.merged(
            List.of(new PortMapping(1, 1), new PortMapping(2, 2)),
            List.of(new PortMapping(2, 3), new PortMapping(4, null)));

    assertThat(merged)
        .containsExactly(new PortMapping(1, 1), new PortMapping(2, 3), new PortMapping(4, null));
    assertThatThrownBy(
            () ->
                PortMapping.merged(List.of(new PortMapping(1, 1)), List.of(new PortMapping(2, 1))))
        .hasMessageContaining("local port 1 is given twice");
    assertThatThrownBy(() -> PortMapping.options(List.of("1:5", "2:5")))
        .hasMessageContaining("twice");
  }

  @Test
  void aPortThatMustBeThatOneIsThatOneOrNone() throws IOException {
    try (ServerSocket busy = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      int port = busy.getLocalPort();
      assertThatThrownBy(() -> PortsLock.acquire(List.of(new PortMapping(80, port))))
          .isInstanceOf(CliException.class)
          .hasMessageContaining("port " + port)
          .hasMessageContaining("-p " + (port + 1) + ":80");
    }
  }

  @Test
  void anyPortIsTheFirstFreeOne() throws IOException {
    try (ServerSocket busy = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      int port = busy.getLocalPort();
      try (PortsLock first = PortsLock.acquire(List.of(new PortMapping(port, null)));
          PortsLock second = PortsLock.acquire(List.of(new PortMapping(port, null)))) {
        int one = first.ports().get(port);
        int other = second.ports().get(port);
        assertThat(one).isGreaterThan(port);
        assertThat(other).isGreaterThan(one); // what is held is not given twice
      }
    }
  }

  @Test
  void givesBackWhatItTook() throws IOException {
    int port;
    try (ServerSocket probe = new ServerSocket(0)) {
      port = probe.getLocalPort();
    }
    for (int i = 0; i < 3; i++) {
      try (PortsLock lock = PortsLock.acquire(List.of(new PortMapping(1, port)))) {
        assertThat(lock.ports()).isEqualTo(Map.of(1, port));
      }
    }
    // A part that could not be had gives back the parts that could.
    assertThatThrownBy(
            () -> PortsLock.acquire(List.of(new PortMapping(1, port), new PortMapping(2, port))))
        .isInstanceOf(CliException.class);
    PortsLock.acquire(List.of(new PortMapping(1, port))).close();
  }

  @Test
  void aJobOffersItsPortsAndItsOutput() {
    Doc spec = Doc.of(Map.of("app_specs", List.of(app(18080, null), app(18081, null))));

    try (PortsLock lock = PortsLock.forJob(spec, List.of())) {
      assertThat(lock.ports().keySet()).containsExactly(18080, 18081, PortsLock.LOGS);
    }
    assertThatThrownBy(() -> PortsLock.forJob(spec, List.of(new PortMapping(9, 9))))
        .hasMessageContaining("has no port 9")
        .hasMessageContaining("18080, 18081");
  }

  private static Map<String, Object> app(int port, Integer local) {
    Map<String, Object> app = new HashMap<>();
    app.put("port", (long) port);
    app.put("map_to_port", local == null ? null : (Object) (long) local);
    app.put("app_name", "app");
    return app;
  }
}
