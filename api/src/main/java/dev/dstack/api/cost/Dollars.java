package dev.dstack.api.cost;

/** How money is shown, wherever it is: to the hundredth of a cent, so that sums can be compared. */
public final class Dollars {
  private static final double PARTS = 10_000;

  private Dollars() {}

  public static double shown(double dollars) {
    return Math.round(dollars * PARTS) / PARTS;
  }
}
