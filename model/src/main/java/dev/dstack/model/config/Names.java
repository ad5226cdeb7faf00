package dev.dstack.model.config;

import java.util.List;
import java.util.Optional;
import java.util.function.Predicate;
import java.util.random.RandomGenerator;
import java.util.regex.Pattern;

/** Names of runs, fleets, volumes and gateways. */
public final class Names {
  private static final Pattern RESOURCE = Pattern.compile("[a-z][a-z0-9-]{1,40}");

  private static final List<String> HOW =
      List.of(
          "amber", "arctic", "basic", "bold", "brisk", "bronze", "candid", "cedar", "civic",
          "clear", "coral", "cosmic", "crisp", "early", "eager", "exact", "fair", "fleet", "fresh",
          "gentle", "golden", "grand", "honest", "humble", "ivory", "jolly", "keen", "lively",
          "lucid", "lunar", "mellow", "merry", "mild", "modest", "navy", "noble", "olive",
          "patient", "plain", "polar", "prime", "proud", "quick", "rapid", "rustic", "sandy",
          "serene", "sharp", "silver", "sober", "solid", "steady", "stout", "sturdy", "subtle",
          "sunny", "swift", "tidy", "urban", "vivid");

  private static final List<String> WHAT =
      List.of(
          "badger", "beaver", "bison", "bobcat", "condor", "coyote", "crane", "curlew", "dingo",
          "dolphin", "eagle", "egret", "falcon", "ferret", "finch", "gazelle", "gecko", "gibbon",
          "heron", "ibex", "iguana", "jackal", "jaguar", "kestrel", "lemur", "leopard", "lynx",
          "magpie", "marmot", "marten", "meerkat", "narwhal", "newt", "ocelot", "osprey", "otter",
          "panda", "pelican", "puffin", "quail", "raven", "robin", "salmon", "seal", "stoat",
          "stork", "swan", "tapir", "tern", "toucan", "turtle", "walrus", "weasel", "wombat", "yak",
          "zebra");

  private Names() {}

  public static boolean isValid(String name) {
    return RESOURCE.matcher(name).matches();
  }

  static Optional<SpecProblem> problem(String field, String name) {
    return isValid(name)
        ? Optional.empty()
        : Optional.of(
            new SpecProblem(
                field,
                "must be 2 to 41 small letters, digits or dashes and begin with a letter (^"
                    + RESOURCE
                    + "$), not '"
                    + name
                    + "'"));
  }

  /** Two words and the first number that makes the name free. */
  public static String random(RandomGenerator chance, Predicate<String> taken) {
    String base = HOW.get(chance.nextInt(HOW.size())) + "-" + WHAT.get(chance.nextInt(WHAT.size()));
    int number = 1;
    while (taken.test(base + "-" + number)) {
      number++;
    }
    return base + "-" + number;
  }
}
