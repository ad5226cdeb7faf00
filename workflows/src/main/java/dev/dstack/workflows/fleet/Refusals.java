package dev.dstack.workflows.fleet;

import dev.dstack.model.offer.Offer;
import dev.dstack.workflows.fleet.FleetAnswer.Refusal;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Collects why instances and offers won't do. Those that lack the same are one line, so that a
 * thousand busy instances say it once; what is too much is counted.
 */
public final class Refusals {
  public static final int MAX_LINES = 20;

  /** So many are named of those that share a reason, and of what they have instead. */
  private static final int NAMED = 3;

  /** {@code cpu: has 2, asked 4..} of an offer, {@code cpus: 2 free, asked 4} of an instance. */
  private static final Pattern LACK =
      Pattern.compile("(.+?: (?:has |is )?)(.+?)((?: free)?, asked .+)");

  private final Map<Key, Group> groups = new LinkedHashMap<>();
  private int left;

  /**
   * @param before what they have is told between this and the rest
   */
  private record Key(String kind, String before, String after) {}

  private static final class Group {
    private final List<String> names = new ArrayList<>(NAMED);
    private final List<String> has = new ArrayList<>(NAMED);
    private int more;
    private boolean others;

    private void add(String name, String value) {
      if (names.size() < NAMED) {
        names.add(name);
      } else {
        more++;
      }
      if (!has.contains(value)) {
        if (has.size() < NAMED) {
          has.add(value);
        } else {
          others = true;
        }
      }
    }
  }

  /**
   * @param kind in the singular, such as {@code instance}
   */
  public void add(String kind, String name, String why) {
    Matcher lack = LACK.matcher(why);
    boolean lacks = lack.matches();
    Key key = lacks ? new Key(kind, lack.group(1), lack.group(3)) : new Key(kind, why, "");
    Group group = groups.get(key);
    if (group == null) {
      if (groups.size() == MAX_LINES - 1) {
        left++;
        return;
      }
      group = new Group();
      groups.put(key, group);
    }
    group.add(name, lacks ? lack.group(2) : "");
  }

  public void add(Offer offer, String why) {
    add("offer", label(offer), why);
  }

  public List<Refusal> list() {
    List<Refusal> list = new ArrayList<>();
    groups.forEach(
        (key, group) -> {
          boolean one = group.names.size() == 1;
          String names = String.join(", ", group.names);
          String more = group.more == 0 ? "" : " and " + group.more + " more";
          String has = String.join(" or ", group.has) + (group.others ? " or another" : "");
          list.add(
              new Refusal(
                  key.kind() + (one ? " " : "s ") + names + more,
                  key.before() + has + key.after()));
        });
    if (left > 0) {
      list.add(new Refusal(left + " more", "for other reasons"));
    }
    return list;
  }

  /** An offer in one line, such as {@code aws us-east-1 g5.xlarge $1.006}. */
  public static String label(Offer offer) {
    return String.format(
        Locale.ROOT,
        "%s %s %s $%s%s",
        offer.backend(),
        offer.region(),
        offer.instanceType(),
        price(offer.price()),
        offer.resources().spot() ? " spot" : "");
  }

  private static String price(double price) {
    String text = String.format(Locale.ROOT, "%.4f", price);
    int end = text.length();
    while (text.charAt(end - 1) == '0' && text.charAt(end - 3) != '.') {
      end--;
    }
    return text.substring(0, end);
  }

  /** One list after the other, as long as all of it is short enough. */
  @SafeVarargs
  public static List<Refusal> all(Collection<Refusal>... lists) {
    List<Refusal> all = new ArrayList<>();
    int left = 0;
    for (Collection<Refusal> list : lists) {
      for (Refusal one : list) {
        if (all.size() < MAX_LINES) {
          all.add(one);
        } else {
          left++;
        }
      }
    }
    if (left > 0) {
      all.set(MAX_LINES - 1, new Refusal(left + 1 + " more", "for other reasons"));
    }
    return all;
  }
}
