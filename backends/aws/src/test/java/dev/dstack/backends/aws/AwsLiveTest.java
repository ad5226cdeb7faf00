package dev.dstack.backends.aws;

import dev.dstack.backends.BackendContext;
import dev.dstack.backends.Catalog;
import dev.dstack.backends.ComputeBackend;
import dev.dstack.backends.FoundMachine;
import dev.dstack.backends.testkit.BackendContract;
import dev.dstack.backends.testkit.SweepContract;
import dev.dstack.model.resources.CpuArch;
import dev.dstack.model.resources.Resources;
import java.nio.file.Path;
import java.time.InstantSource;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.EnabledIf;
import software.amazon.awssdk.auth.credentials.DefaultCredentialsProvider;
import software.amazon.awssdk.core.exception.SdkClientException;

/**
 * The contract in a real account, for a person with credentials: {@code ./test --live aws}. Costs
 * cents; ends whatever it has made, also when it fails.
 */
@Tag("live")
@Timeout(600)
@EnabledIf(
    value = "hasCredentials",
    disabledReason =
        "there are no AWS credentials: set AWS_PROFILE or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")
class AwsLiveTest extends BackendContract implements SweepContract {
  private static final String REGION =
      System.getenv().getOrDefault("DSTACK_LIVE_REGION", "us-east-1");

  /** What AWS's own programs would find: environment, profile, or the role of this machine. */
  static boolean hasCredentials() {
    try (DefaultCredentialsProvider chain = DefaultCredentialsProvider.builder().build()) {
      chain.resolveCredentials();
      return true;
    } catch (SdkClientException e) {
      return false;
    }
  }

  private static AwsBackend make() {
    return (AwsBackend)
        new AwsBackendFactory()
            .create(
                new BackendContext(
                    "test", Path.of("."), InstantSource.system(), _ -> List.of(cheapest())),
                Map.of("regions", List.of(REGION)));
  }

  private static Catalog.Entry cheapest() {
    return new Catalog.Entry(
        "aws",
        "t3.micro",
        REGION,
        List.of(),
        new Resources(CpuArch.X86, 2, 1024, 0, List.of(), false),
        0.0104,
        null,
        Map.of());
  }

  @Override
  public ComputeBackend backend() {
    return make();
  }

  @Override
  public ComputeBackend backendOfAnotherWorker() {
    return make();
  }

  @AfterAll
  static void endAll() {
    AwsBackend backend = make();
    for (String deployment : List.of("test", "another")) {
      for (FoundMachine machine : backend.machines(deployment, REGION)) {
        backend.end(REGION, machine.providerId());
      }
    }
  }
}
