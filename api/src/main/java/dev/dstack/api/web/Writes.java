package dev.dstack.api.web;

/** An answer that knows a faster way to its JSON than the mapper does. */
public interface Writes {
  byte[] json();
}
