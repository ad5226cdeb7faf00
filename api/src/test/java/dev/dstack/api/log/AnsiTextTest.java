package dev.dstack.api.log;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class AnsiTextTest {
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "plain|plain",
        "E[31mredE[0m and E[1;38;5;200mpinkE[m|red and pink",
        "E]0;titleBbodyE]8;;http://xE\\linkE]8;;E\\|bodylink",
        "E(Bcharset E7savedE8|charset saved",
        "E[2KE[1Gprogress 10%|progress 10%",
        "grün E[32m✓E[0m|grün ✓"
      })
  void takesOutWhatSteersTerminalsHoweverItIsCut(String written, String read) {
    byte[] bytes =
        written.replace('E', '\u001b').replace('B', '\u0007').getBytes(StandardCharsets.UTF_8);
    if (written.contains("(")) {
      bytes = "\u001b(Bcharset \u001b7saved\u001b8".getBytes(StandardCharsets.UTF_8);
    }
    for (int cut = 0; cut <= bytes.length; cut++) {
      AnsiText text = new AnsiText();
      ByteArrayOutputStream plain = new ByteArrayOutputStream();
      plain.writeBytes(text.strip(java.util.Arrays.copyOfRange(bytes, 0, cut)));
      plain.writeBytes(text.strip(java.util.Arrays.copyOfRange(bytes, cut, bytes.length)));
      assertThat(plain.toString(StandardCharsets.UTF_8)).isEqualTo(read);
    }
  }

  @Test
  void leavesOtherBytesAlone() {
    byte[] bytes = new byte[256];
    for (int i = 0; i < 256; i++) {
      bytes[i] = (byte) (i == 0x1b ? 0 : i);
    }
    assertThat(new AnsiText().strip(bytes)).isEqualTo(bytes);
  }
}
