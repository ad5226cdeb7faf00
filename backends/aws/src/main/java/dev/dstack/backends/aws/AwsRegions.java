package dev.dstack.backends.aws;

import static dev.dstack.backends.aws.AwsErrors.translated;

import dev.dstack.backends.Catalog;
import dev.dstack.model.error.DstackException;
import java.time.Duration;
import java.time.InstantSource;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import software.amazon.awssdk.services.ec2.model.LocationType;
import software.amazon.awssdk.services.ec2.model.Region;

/** What is known of regions and changes seldom. */
final class AwsRegions {
  private static final Logger LOG = LoggerFactory.getLogger(AwsRegions.class);
  private static final Duration KEEP = Duration.ofHours(1);
  private static final String FIRST = "us-east-1";

  private final AwsConfig config;
  private final AwsClients clients;
  private final Supplier<List<Catalog.Entry>> catalog;
  private final Cached<String, List<String>> enabled;
  private final Cached<String, Map<String, List<String>>> zones;

  AwsRegions(
      AwsConfig config,
      AwsClients clients,
      Supplier<List<Catalog.Entry>> catalog,
      InstantSource clock) {
    this.config = config;
    this.clients = clients;
    this.catalog = catalog;
    this.enabled = new Cached<>(clock, KEEP, this::describeRegions);
    this.zones = new Cached<>(clock, KEEP, this::describeZones);
  }

  /** Those that are configured, else those that prices are known for and the account has. */
  List<String> all() {
    if (!config.regions().isEmpty()) {
      return config.regions();
    }
    TreeSet<String> known = new TreeSet<>();
    catalog.get().forEach(entry -> known.add(entry.region()));
    try {
      known.retainAll(enabled.get(FIRST));
    } catch (DstackException e) {
      // Who may not list regions may still use them.
      if (known.isEmpty()) {
        throw e;
      }
    }
    return List.copyOf(known);
  }

  /** Also those that are not configured any more: a machine may be left there. */
  List<String> everywhere() {
    TreeSet<String> regions = new TreeSet<>(all());
    try {
      regions.addAll(enabled.get(config.regions().isEmpty() ? FIRST : config.regions().getFirst()));
    } catch (DstackException e) {
      // Who may not list regions has those that are configured.
      LOG.debug("The regions of the account are not known", e);
    }
    return List.copyOf(regions);
  }

  /** The zones of a region in which each machine type is to be had. */
  Map<String, List<String>> zonesOfTypes(String region) {
    return zones.get(region);
  }

  private List<String> describeRegions(String from) {
    return translated(
        "list the regions of the account",
        () ->
            clients.ec2(from).describeRegions().regions().stream()
                .map(Region::regionName)
                .toList());
  }

  private Map<String, List<String>> describeZones(String region) {
    return translated(
        "list the machine types by zone in " + region,
        () ->
            clients
                .ec2(region)
                .describeInstanceTypeOfferingsPaginator(
                    request -> request.locationType(LocationType.AVAILABILITY_ZONE))
                .instanceTypeOfferings()
                .stream()
                .collect(
                    Collectors.groupingBy(
                        offering -> offering.instanceTypeAsString(),
                        Collectors.mapping(
                            offering -> offering.location(),
                            Collectors.collectingAndThen(
                                Collectors.toList(), found -> found.stream().sorted().toList())))));
  }
}
