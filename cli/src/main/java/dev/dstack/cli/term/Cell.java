package dev.dstack.cli.term;

/** A piece of a table. */
public record Cell(String text, Style style) {
  public static final Cell EMPTY = new Cell("", Style.PLAIN);

  public static Cell of(String text) {
    return new Cell(text, Style.PLAIN);
  }

  public static Cell dim(String text) {
    return new Cell(text, Style.DIM);
  }
}
