package dev.dstack.e2e.bench;

/** One question about the product, and how the answer is found. */
interface Measurement {
  /** How one asks for it on the command line. */
  String key();

  /** For those who wait for it. */
  String what();

  Stand stand();

  /** Puts its rows and numbers into the scene's table. */
  void measure(Scene scene) throws Exception;
}
