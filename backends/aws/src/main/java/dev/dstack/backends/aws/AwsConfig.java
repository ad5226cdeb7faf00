package dev.dstack.backends.aws;

import dev.dstack.model.error.DstackException;
import dev.dstack.model.error.ErrorKind;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * An entry of config.yml for AWS.
 *
 * @param regions empty: all that the account has switched on
 * @param vpcName absent: see the ids
 * @param defaultVpcs whether a region without a named VPC uses its default one
 * @param publicIps false: private subnets, so the server itself must reach them
 */
record AwsConfig(
    Credentials credentials,
    List<String> regions,
    @Nullable String vpcName,
    Map<String, String> vpcIds,
    boolean defaultVpcs,
    boolean publicIps,
    @Nullable String iamInstanceProfile,
    Map<String, String> tags,
    OsImages osImages,
    List<String> experimentalInstanceTypes) {
  private static final Set<String> FIELDS =
      Set.of(
          "creds",
          "regions",
          "vpc_name",
          "vpc_ids",
          "default_vpcs",
          "public_ips",
          "iam_instance_profile",
          "tags",
          "os_images",
          "experimental_instance_types");
  private static final Pattern REGION = Pattern.compile("[a-z]{2,3}(-[a-z]+)+-[0-9]{1,2}");
  private static final Pattern VPC = Pattern.compile("vpc-[0-9a-f]{8,17}");
  private static final Pattern OWNER = Pattern.compile("[0-9]{12}|self|amazon|aws-marketplace");
  private static final Pattern TAG_KEY = Pattern.compile("[\\p{L}\\p{N} _.:/=+@-]{1,128}");

  AwsConfig {
    regions = List.copyOf(regions);
    vpcIds = Map.copyOf(vpcIds);
    tags = Map.copyOf(tags);
    experimentalInstanceTypes = List.copyOf(experimentalInstanceTypes);
  }

  sealed interface Credentials {}

  /** Environment, profile, or the role of the machine that the server runs on. */
  record DefaultChain() implements Credentials {}

  record AccessKey(String accessKey, String secretKey) implements Credentials {
    @Override
    public String toString() {
      return "AccessKey[" + accessKey + ", ***]";
    }
  }

  /** Absent ones: the images that are known to carry what jobs need. */
  record OsImages(@Nullable OsImage cpu, @Nullable OsImage nvidia) {}

  record OsImage(String name, String owner, String user) {}

  static AwsConfig parse(Map<String, Object> config) {
    for (String field : config.keySet()) {
      if (!FIELDS.contains(field)) {
        throw invalid(field, "is not a field here; there are " + new TreeSet<>(FIELDS));
      }
    }
    List<String> regions = texts(config, "regions");
    regions.forEach(region -> matching("regions", region, REGION, "the name of a region"));
    Map<String, String> vpcIds = mapping(config, "vpc_ids");
    vpcIds.forEach(
        (region, id) -> {
          matching("vpc_ids", region, REGION, "the name of a region");
          matching("vpc_ids." + region, id, VPC, "the id of a VPC");
        });
    String vpcName = text(config, "vpc_name");
    if (vpcName != null && !vpcIds.isEmpty()) {
      throw invalid("vpc_name", "and vpc_ids exclude each other; give one of them");
    }
    Map<String, String> tags = mapping(config, "tags");
    tags.forEach(AwsConfig::checkTag);
    return new AwsConfig(
        credentials(config.get("creds")),
        regions,
        vpcName,
        vpcIds,
        flag(config, "default_vpcs"),
        flag(config, "public_ips"),
        text(config, "iam_instance_profile"),
        tags,
        osImages(config.get("os_images")),
        texts(config, "experimental_instance_types"));
  }

  static void checkTag(String key, String value) {
    if (!TAG_KEY.matcher(key).matches() || key.startsWith("aws:") || key.startsWith("dstack")) {
      throw invalid(
          "tags." + key,
          "is not a tag's key: up to 128 letters, digits, spaces and _.:/=+-@, neither beginning"
              + " with aws: nor with dstack");
    }
    if (value.length() > 256) {
      throw invalid("tags." + key, "is longer than 256 characters");
    }
  }

  private static Credentials credentials(@Nullable Object value) {
    if (value == null) {
      return new DefaultChain();
    }
    Map<String, Object> creds = map("creds", value);
    String type = text("creds.", creds, "type");
    if (type == null) {
      throw invalid("creds.type", "is missing; there are access_key and default");
    }
    return switch (type) {
      case "default" -> {
        only("creds.", creds, Set.of("type"));
        yield new DefaultChain();
      }
      case "access_key" -> {
        only("creds.", creds, Set.of("type", "access_key", "secret_key"));
        yield new AccessKey(
            required("creds.", creds, "access_key"), required("creds.", creds, "secret_key"));
      }
      default -> throw invalid("creds.type", "is '" + type + "'; there are access_key and default");
    };
  }

  private static OsImages osImages(@Nullable Object value) {
    if (value == null) {
      return new OsImages(null, null);
    }
    Map<String, Object> images = map("os_images", value);
    only("os_images.", images, Set.of("cpu", "nvidia"));
    return new OsImages(osImage("cpu", images.get("cpu")), osImage("nvidia", images.get("nvidia")));
  }

  private static @Nullable OsImage osImage(String field, @Nullable Object value) {
    if (value == null) {
      return null;
    }
    String path = "os_images." + field;
    Map<String, Object> image = map(path, value);
    only(path + ".", image, Set.of("name", "owner", "user"));
    String owner = text(path + ".", image, "owner");
    owner = owner == null ? "self" : owner;
    matching(path + ".owner", owner, OWNER, "12 digits or self");
    String user = required(path + ".", image, "user");
    if (!user.matches("[a-z_][a-z0-9_-]{0,31}")) {
      throw invalid(path + ".user", "must be the name of a user of the image, is '" + user + "'");
    }
    return new OsImage(required(path + ".", image, "name"), owner, user);
  }

  private static Map<String, Object> map(String field, Object value) {
    if (!(value instanceof Map<?, ?> found)) {
      throw invalid(field, "must be a mapping");
    }
    Map<String, Object> map = new LinkedHashMap<>();
    found.forEach(
        (key, item) -> {
          if (item != null) {
            map.put(String.valueOf(key), item);
          }
        });
    return map;
  }

  private static Map<String, String> mapping(Map<String, Object> config, String field) {
    Object value = config.get(field);
    Map<String, String> mapping = new LinkedHashMap<>();
    if (value != null) {
      map(field, value).forEach((key, item) -> mapping.put(key, scalar(field + "." + key, item)));
    }
    return mapping;
  }

  private static List<String> texts(Map<String, Object> config, String field) {
    Object value = config.get(field);
    if (value == null) {
      return List.of();
    }
    if (!(value instanceof List<?> list)) {
      throw invalid(field, "must be a list");
    }
    List<String> texts = new ArrayList<>();
    for (Object item : list) {
      if (item == null) {
        throw invalid(field, "has an empty item");
      }
      texts.add(scalar(field, item));
    }
    return texts;
  }

  private static @Nullable String text(Map<String, Object> config, String field) {
    return text("", config, field);
  }

  private static @Nullable String text(String path, Map<String, Object> config, String field) {
    Object value = config.get(field);
    return value == null ? null : scalar(path + field, value);
  }

  private static String required(String path, Map<String, Object> config, String field) {
    String text = text(path, config, field);
    if (text == null || text.isBlank()) {
      throw invalid(path + field, "is missing");
    }
    return text;
  }

  /** Both flags of this backend are on unless they are switched off. */
  private static boolean flag(Map<String, Object> config, String field) {
    Object value = config.get(field);
    return switch (value) {
      case null -> true;
      case Boolean flag -> flag;
      default -> throw invalid(field, "must be true or false");
    };
  }

  private static String scalar(String field, Object value) {
    if (value instanceof Map<?, ?> || value instanceof Iterable<?>) {
      throw invalid(field, "must be a text");
    }
    return value.toString();
  }

  private static void only(String path, Map<String, Object> config, Set<String> known) {
    for (String field : config.keySet()) {
      if (!known.contains(field)) {
        throw invalid(path + field, "is not a field here; there are " + new TreeSet<>(known));
      }
    }
  }

  private static void matching(String field, String text, Pattern pattern, String what) {
    if (!pattern.matcher(text).matches()) {
      throw invalid(field, "must be " + what + ", is '" + text + "'");
    }
  }

  private static DstackException invalid(String field, String problem) {
    return new DstackException(ErrorKind.INVALID_SPEC, "aws: " + field + " " + problem);
  }
}
