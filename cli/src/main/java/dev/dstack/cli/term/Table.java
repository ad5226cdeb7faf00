package dev.dstack.cli.term;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Rows under bold headings, fitted to a width: columns of free text are wrapped at words first,
 * then texts that may be cut are cut, and where even that is too wide every row becomes a block of
 * {@code HEADING value} lines. Nothing that a person copies (names, statuses, prices) is ever
 * shortened.
 */
public final class Table {
  /** What may happen to a column that does not fit. */
  public enum Fit {
    KEEP,
    WRAP,
    CUT
  }

  private static final int GAP = 2;
  private static final int SHORTEST_CUT = 12;
  private static final int SHORTEST_WRAP = 10;

  private record Column(String heading, Fit fit) {}

  private final List<Column> columns = new ArrayList<>();
  private final List<List<Cell>> rows = new ArrayList<>();

  public Table column(String heading) {
    return column(heading, Fit.KEEP);
  }

  public Table column(String heading, Fit fit) {
    columns.add(new Column(heading, fit));
    return this;
  }

  public Table row(Cell... cells) {
    return row(Arrays.asList(cells));
  }

  public Table row(List<Cell> cells) {
    if (cells.size() != columns.size()) {
      throw new IllegalArgumentException(
          cells.size() + " cells for " + columns.size() + " columns");
    }
    rows.add(List.copyOf(cells));
    return this;
  }

  public boolean isEmpty() {
    return rows.isEmpty();
  }

  /** The lines, without colours where {@code colours} is false. */
  public List<String> lines(int width, boolean colours) {
    int[] widths = natural();
    int room = width - 1;
    if (total(widths) > room) {
      shrink(widths, room, Fit.WRAP);
    }
    if (total(widths) > room) {
      shrink(widths, room, Fit.CUT);
    }
    return total(widths) > room ? blocks(room, colours) : grid(widths, colours);
  }

  private int[] natural() {
    int[] widths = new int[columns.size()];
    for (int i = 0; i < widths.length; i++) {
      widths[i] = Widths.of(columns.get(i).heading());
      for (List<Cell> row : rows) {
        for (String line : row.get(i).text().split("\n", -1)) {
          widths[i] = Math.max(widths[i], Widths.of(line));
        }
      }
    }
    return widths;
  }

  private static int total(int[] widths) {
    return Arrays.stream(widths).sum() + GAP * Math.max(0, widths.length - 1);
  }

  /** Takes from the widest column of the kind first, so that several share the loss. */
  private void shrink(int[] widths, int room, Fit fit) {
    int[] least = new int[widths.length];
    for (int i = 0; i < widths.length; i++) {
      least[i] = columns.get(i).fit() == fit ? least(i, fit, widths[i]) : widths[i];
    }
    int excess = total(widths) - room;
    while (excess > 0) {
      int widest = -1;
      for (int i = 0; i < widths.length; i++) {
        if (widths[i] > least[i] && (widest < 0 || widths[i] > widths[widest])) {
          widest = i;
        }
      }
      if (widest < 0) {
        return;
      }
      widths[widest]--;
      excess--;
    }
  }

  private int least(int column, Fit fit, int natural) {
    int least = Widths.of(columns.get(column).heading());
    if (fit == Fit.CUT) {
      return Math.min(natural, Math.max(least, SHORTEST_CUT));
    }
    for (List<Cell> row : rows) {
      least = Math.max(least, Widths.longestWord(row.get(column).text()));
    }
    return Math.min(natural, Math.max(least, SHORTEST_WRAP));
  }

  private List<String> grid(int[] widths, boolean colours) {
    List<String> lines = new ArrayList<>();
    List<Cell> headings = new ArrayList<>();
    for (Column column : columns) {
      headings.add(new Cell(column.heading(), Style.BOLD));
    }
    gridRow(lines, headings, widths, colours);
    for (List<Cell> row : rows) {
      gridRow(lines, row, widths, colours);
    }
    return lines;
  }

  private void gridRow(List<String> lines, List<Cell> row, int[] widths, boolean colours) {
    List<List<String>> pieces = new ArrayList<>();
    int height = 1;
    for (int i = 0; i < widths.length; i++) {
      String text = row.get(i).text();
      List<String> piece =
          columns.get(i).fit() == Fit.CUT
              ? List.of(Widths.cut(text, widths[i]))
              : Widths.wrap(text, Math.max(1, widths[i]));
      pieces.add(piece);
      height = Math.max(height, piece.size());
    }
    for (int line = 0; line < height; line++) {
      StringBuilder text = new StringBuilder(" ");
      int written = 0;
      int due = 0;
      for (int i = 0; i < widths.length; i++) {
        String piece = line < pieces.get(i).size() ? pieces.get(i).get(line) : "";
        if (!piece.isEmpty()) {
          text.append(" ".repeat(due - written));
          text.append(colours ? row.get(i).style().wrap(piece) : piece);
          written = due + Widths.of(piece);
        }
        due += widths[i] + GAP;
      }
      lines.add(text.toString());
    }
  }

  private List<String> blocks(int room, boolean colours) {
    int label = columns.stream().mapToInt(column -> Widths.of(column.heading())).max().orElse(0);
    List<String> lines = new ArrayList<>();
    for (List<Cell> row : rows) {
      if (!lines.isEmpty()) {
        lines.add("");
      }
      for (int i = 0; i < columns.size(); i++) {
        Cell cell = row.get(i);
        String heading = columns.get(i).heading();
        if (cell.text().isBlank() || cell.text().equals("-")) {
          continue;
        }
        boolean first = true;
        for (String piece : Widths.wrap(cell.text().strip(), Math.max(8, room - label - GAP))) {
          String name = Widths.pad(first ? heading : "", label);
          lines.add(
              " "
                  + (colours ? Style.BOLD.wrap(name) : name)
                  + " ".repeat(GAP)
                  + (colours ? cell.style().wrap(piece) : piece));
          first = false;
        }
      }
    }
    return lines;
  }
}
