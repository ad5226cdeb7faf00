package dev.dstack.model.wire.run;

/** What would not do, and why. */
public record WhyRefusal(String what, String why) {}
