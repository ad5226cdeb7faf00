package dev.dstack.backends.aws;

import dev.dstack.backends.InstanceTag;
import dev.dstack.backends.MachineSpec;
import dev.dstack.backends.VolumeOrder;
import dev.dstack.model.ids.InstanceId;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.UUID;
import software.amazon.awssdk.services.ec2.model.Instance;
import software.amazon.awssdk.services.ec2.model.Tag;

/** How our machines are marked: by these alone we know them again. */
public final class AwsTags {
  public static final String DEPLOYMENT = "dstack:deployment";
  public static final String INSTANCE = "dstack:instance";
  public static final String ATTEMPT = "dstack:attempt";
  static final String VOLUME = "dstack:volume";

  /** What was ordered: the provider does not tell it in one answer. */
  static final String DISK = "dstack:disk-mib";

  static final String PRICE = "dstack:price";
  public static final String OWNER = "owner";
  public static final String OWNER_VALUE = "dstack";
  public static final String PROJECT = "dstack_project";
  public static final String NAME = "dstack_name";

  /** AWS allows 50. */
  private static final int MAX = 50;

  private AwsTags() {}

  static List<Tag> of(AwsConfig config, MachineSpec spec) {
    Map<String, String> ours = new LinkedHashMap<>();
    ours.put(DEPLOYMENT, spec.tag().deployment());
    ours.put(INSTANCE, spec.tag().instance().toString());
    ours.put(ATTEMPT, Integer.toString(spec.tag().attempt()));
    ours.put(OWNER, OWNER_VALUE);
    ours.put(PROJECT, spec.project());
    ours.put(NAME, spec.instanceName());
    ours.put(DISK, Long.toString(spec.offer().resources().diskMib()));
    ours.put(PRICE, Double.toString(spec.offer().price()));
    // Whoever names the machine's own tags may give it another name, but not another owner.
    ours.put("Name", spec.options().tags().getOrDefault("Name", spec.instanceName()));
    return merged(ours, config, spec.options().tags());
  }

  static List<Tag> of(AwsConfig config, VolumeOrder order) {
    Map<String, String> ours = new LinkedHashMap<>();
    ours.put(DEPLOYMENT, order.deployment());
    ours.put(VOLUME, order.id().toString());
    ours.put(OWNER, OWNER_VALUE);
    ours.put(PROJECT, order.project());
    ours.put(NAME, order.name());
    ours.put("Name", order.name());
    return merged(ours, config, order.tags());
  }

  /**
   * Ours, then those of the backend, so that who may make a fleet does not override what the
   * account's owner has set, then the others. Sorted, because a client token is good for one and
   * the same call only, whichever process makes it.
   */
  private static List<Tag> merged(
      Map<String, String> ours, AwsConfig config, Map<String, String> wished) {
    Map<String, String> tags = new LinkedHashMap<>(ours);
    Map<String, String> sorted = new TreeMap<>(wished);
    sorted.forEach(
        (key, value) -> {
          if (key.startsWith("dstack")) {
            tags.putIfAbsent(key, value);
          }
        });
    new TreeMap<>(config.tags()).forEach(tags::putIfAbsent);
    sorted.forEach(tags::putIfAbsent);
    return tags.entrySet().stream()
        .limit(MAX)
        .map(entry -> Tag.builder().key(entry.getKey()).value(cut(entry.getValue())).build())
        .toList();
  }

  /** Empty: it is not a machine of ours, or somebody has changed its tags. */
  static Optional<InstanceTag> read(List<Tag> tags) {
    Map<String, String> values = new LinkedHashMap<>();
    tags.forEach(tag -> values.put(tag.key(), tag.value()));
    String deployment = values.get(DEPLOYMENT);
    String instance = values.get(INSTANCE);
    String attempt = values.get(ATTEMPT);
    if (deployment == null || instance == null || attempt == null) {
      return Optional.empty();
    }
    try {
      return Optional.of(
          new InstanceTag(
              deployment, new InstanceId(UUID.fromString(instance)), Integer.parseInt(attempt)));
    } catch (IllegalArgumentException e) {
      return Optional.empty();
    }
  }

  static String value(Instance instance, String key, String otherwise) {
    return instance.tags().stream()
        .filter(tag -> tag.key().equals(key))
        .map(Tag::value)
        .findFirst()
        .orElse(otherwise);
  }

  private static String cut(String value) {
    return value.length() <= 256 ? value : value.substring(0, 256);
  }
}
