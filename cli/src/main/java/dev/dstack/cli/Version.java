package dev.dstack.cli;

/** What this command line is, and the version of dstack's API it speaks. */
public final class Version {
  public static final String API = "0.22.5";

  private Version() {}

  public static String text() {
    String own = Version.class.getPackage().getImplementationVersion();
    return "dstack " + API + " API (dstack on Temporal" + (own == null ? "" : " " + own) + ")";
  }
}
