package dev.dstack.backends.aws;

import static org.assertj.core.api.Assertions.assertThat;

import dev.dstack.backends.BackendContext;
import dev.dstack.backends.Catalog;
import dev.dstack.backends.ComputeBackend;
import dev.dstack.backends.testkit.Ec2Proxy;
import dev.dstack.backends.testkit.Moto;
import dev.dstack.model.resources.CpuArch;
import dev.dstack.model.resources.Gpu;
import dev.dstack.model.resources.GpuVendor;
import dev.dstack.model.resources.Resources;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Path;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import software.amazon.awssdk.services.ec2.Ec2Client;

/**
 * moto with networks that lead out, as an account has them, and the proxy before it.
 *
 * @param straight around the proxy
 */
record AwsWorld(Moto moto, Ec2Proxy proxy, AwsClients straight) implements AutoCloseable {
  static final String REGION = "us-east-1";
  static final String OTHER = "eu-west-1";
  static final Map<String, Object> CREDS =
      Map.of("type", "access_key", "access_key", "test", "secret_key", "test");

  static AwsWorld start() throws IOException, InterruptedException {
    Moto moto = Moto.start();
    AwsWorld world = new AwsWorld(moto, Ec2Proxy.before(moto.uri()), clients(moto.uri()));
    for (String region : List.of(REGION, OTHER)) {
      Ec2Client ec2 = world.straight.ec2(region);
      String vpc = defaultVpc(ec2);
      String gateway = ec2.createInternetGateway().internetGateway().internetGatewayId();
      ec2.attachInternetGateway(request -> request.vpcId(vpc).internetGatewayId(gateway));
      route(ec2, vpc, gateway);
    }
    return world;
  }

  private static AwsClients clients(URI endpoint) {
    return ((AwsBackend)
            new AwsBackendFactory(endpoint)
                .create(
                    new BackendContext("test", Path.of("."), InstantSource.system()),
                    Map.of("creds", CREDS)))
        .clients();
  }

  static String defaultVpc(Ec2Client ec2) {
    return ec2.describeVpcs(request -> request.filters(AwsNetwork.filter("is-default", "true")))
        .vpcs()
        .getFirst()
        .vpcId();
  }

  private static void route(Ec2Client ec2, String vpc, String gateway) {
    String table =
        ec2.describeRouteTables(
                request ->
                    request.filters(
                        AwsNetwork.filter("vpc-id", vpc),
                        AwsNetwork.filter("association.main", "true")))
            .routeTables()
            .getFirst()
            .routeTableId();
    ec2.createRoute(
        request ->
            request.routeTableId(table).gatewayId(gateway).destinationCidrBlock("0.0.0.0/0"));
  }

  /** A server's backend, as the server makes it. */
  ComputeBackend backend(Path serverDir, InstantSource clock, Map<String, Object> config) {
    return new AwsBackendFactory(proxy.uri())
        .create(new BackendContext("test", serverDir, clock, AwsWorld::catalog), config);
  }

  private static List<Catalog.Entry> catalog(String provider) {
    assertThat(provider).isEqualTo("aws");
    List<Catalog.Entry> entries = new ArrayList<>();
    for (String region : List.of(REGION, OTHER)) {
      entries.add(entry("t3.small", region, 2, 2, List.of(), 0.0208, false));
      entries.add(entry("m7i.large", region, 2, 8, List.of(), 0.1008, false));
      entries.add(entry("m7i.large", region, 2, 8, List.of(), 0.0403, true));
      entries.add(entry("m6i.large", region, 2, 8, List.of(), 0.096, false));
      entries.add(entry("g5.xlarge", region, 4, 16, List.of(gpu("A10G", 24)), 1.006, false));
      List<Gpu> eight = new ArrayList<>();
      for (int i = 0; i < 8; i++) {
        eight.add(gpu("H100", 80));
      }
      entries.add(entry("p5.48xlarge", region, 192, 2048, eight, 98.32, false));
    }
    return entries;
  }

  private static Gpu gpu(String name, int gib) {
    return new Gpu(GpuVendor.NVIDIA, name, gib * 1024);
  }

  private static Catalog.Entry entry(
      String type, String region, int cpus, int gib, List<Gpu> gpus, double price, boolean spot) {
    return new Catalog.Entry(
        "aws",
        type,
        region,
        List.of(),
        new Resources(CpuArch.X86, cpus, gib * 1024L, 0, gpus, spot),
        price,
        null,
        Map.of());
  }

  @Override
  public void close() {
    proxy.close();
    moto.close();
  }
}
