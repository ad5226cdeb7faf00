package dev.dstack.cli.term;

import static org.assertj.core.api.Assertions.assertThat;

import dev.dstack.cli.term.Table.Fit;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class TableTest {
  private static Table verbose() {
    return new Table()
        .column("NAME")
        .column("BACKEND", Fit.WRAP)
        .column("RESOURCES", Fit.WRAP)
        .column("INSTANCE TYPE", Fit.WRAP)
        .column("PRICE")
        .column("STATUS")
        .column("SUBMITTED")
        .column("ERROR", Fit.WRAP)
        .row(
            Cell.of("quick-fox-1"),
            Cell.of("ssh (remote)"),
            Cell.of("cpu=x86:2 mem=23.5GB disk=65.7GB gpu=H100:80GB:8"),
            Cell.of("instance"),
            Cell.of("$0.0125"),
            Cell.of("terminating"),
            Cell.of("38 sec ago"),
            Cell.of("the container ended with an error"));
  }

  @ParameterizedTest
  @ValueSource(ints = {60, 80, 120, 200})
  void fitsTheWidthAndLosesNothing(int width) {
    List<String> lines = verbose().lines(width, false);

    assertThat(lines).allSatisfy(line -> assertThat(Widths.of(line)).isLessThanOrEqualTo(width));
    String text = String.join(" ", lines).replaceAll("\\s+", " ");
    assertThat(text)
        .contains("quick-fox-1", "gpu=H100:80GB:8", "instance", "$0.0125", "terminating")
        .contains("38 sec ago")
        .doesNotContain("…");
    for (String word : "the container ended with an error".split(" ")) {
      assertThat(text).contains(word);
    }
  }

  @Test
  void isOneLinePerRowWhereThereIsRoom() {
    assertThat(verbose().lines(200, false)).hasSize(2);
    assertThat(verbose().lines(200, false).getFirst())
        .startsWith(" NAME         BACKEND       RESOURCES");
  }

  @Test
  void becomesBlocksWhereNothingElseHelps() {
    assertThat(verbose().lines(60, false)).contains(" NAME           quick-fox-1");
  }

  @Test
  void cutsOnlyWhatMayBeCut() {
    Table table =
        new Table()
            .column("NAME")
            .column("NOTE", Fit.CUT)
            .row(Cell.of("a-long-name-that-stays"), Cell.of("x".repeat(100)));

    List<String> lines = table.lines(50, false);

    assertThat(lines.get(1)).startsWith(" a-long-name-that-stays  xxx").endsWith("…").hasSize(50);
  }

  @Test
  void measuresWideAndCombiningCharacters() {
    assertThat(Widths.of("日本")).isEqualTo(4);
    assertThat(Widths.of("e\u0301")).isEqualTo(1);
    assertThat(Widths.cut("日本語", 5)).isEqualTo("日本…");
  }

  @Test
  void breaksAWordThatIsLongerThanALine() {
    assertThat(Widths.wrap("aa bbbbbb", 4)).containsExactly("aa", "bbbb", "bb");
  }

  @Test
  void coloursOnlyTheText() {
    Table table = new Table().column("S").row(new Cell("ok", Style.GREEN));

    assertThat(table.lines(80, true).get(1)).isEqualTo(" \u001b[32mok\u001b[0m");
    assertThat(table.lines(80, false).get(1)).isEqualTo(" ok");
  }
}
