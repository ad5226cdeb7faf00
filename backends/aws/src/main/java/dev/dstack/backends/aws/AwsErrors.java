package dev.dstack.backends.aws;

import dev.dstack.model.error.DstackException;
import dev.dstack.model.error.ErrorKind;
import java.util.Set;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import software.amazon.awssdk.awscore.exception.AwsServiceException;
import software.amazon.awssdk.core.exception.SdkClientException;
import software.amazon.awssdk.core.exception.SdkException;

/** What AWS answers, as the kinds that decide about retries. */
public final class AwsErrors {
  private static final Set<String> CAPACITY =
      Set.of(
          "InsufficientInstanceCapacity",
          "InsufficientHostCapacity",
          "InsufficientReservedInstanceCapacity",
          "InsufficientCapacity",
          "InsufficientFreeAddressesInSubnet",
          "ReservationCapacityExceeded",
          "SpotMaxPriceTooLow",
          "Unsupported",
          "UnfulfillableCapacity");
  private static final Set<String> QUOTA =
      Set.of(
          "InstanceLimitExceeded",
          "VcpuLimitExceeded",
          "MaxSpotInstanceCountExceeded",
          "MaxSpotFleetRequestCountExceeded",
          "VolumeLimitExceeded",
          "MaxIOPSLimitExceeded",
          "SecurityGroupLimitExceeded",
          "PlacementGroupLimitExceeded",
          "PrivateIpAddressLimitExceeded");
  private static final Set<String> DENIED =
      Set.of(
          "UnauthorizedOperation",
          "AuthFailure",
          "AccessDenied",
          "AccessDeniedException",
          "OptInRequired",
          "InvalidClientTokenId",
          "UnrecognizedClientException",
          "SignatureDoesNotMatch",
          "ExpiredToken",
          "ExpiredTokenException",
          "Blocked",
          "PendingVerification",
          "PendingAccountVerification");

  private AwsErrors() {}

  public static <T> T translated(String what, Supplier<T> call) {
    try {
      return call.get();
    } catch (SdkException e) {
      throw of(what, e);
    }
  }

  public static DstackException of(String what, SdkException e) {
    if (e instanceof AwsServiceException answer) {
      return new DstackException(kind(answer), "AWS: " + what + ": " + words(answer), e);
    }
    // Without credentials every call fails until somebody gives some; other failures pass.
    boolean denied =
        e instanceof SdkClientException
            && String.valueOf(e.getMessage()).startsWith("Unable to load credentials");
    return new DstackException(
        denied ? ErrorKind.BACKEND_DENIED : ErrorKind.BACKEND_UNAVAILABLE,
        "AWS: " + what + ": " + (denied ? "no credentials were found" : e.getMessage()),
        e);
  }

  /** Empty text where the answer names none. */
  public static String code(SdkException e) {
    return e instanceof AwsServiceException answer
            && answer.awsErrorDetails() != null
            && answer.awsErrorDetails().errorCode() != null
        ? answer.awsErrorDetails().errorCode()
        : "";
  }

  private static ErrorKind kind(AwsServiceException e) {
    String code = code(e);
    if (CAPACITY.contains(code)) {
      return ErrorKind.NO_CAPACITY;
    }
    if (QUOTA.contains(code)) {
      return ErrorKind.QUOTA_EXCEEDED;
    }
    if (DENIED.contains(code)) {
      return ErrorKind.BACKEND_DENIED;
    }
    if (code.equals("IdempotentParameterMismatch")) {
      return ErrorKind.IDEMPOTENCY_MISMATCH;
    }
    if (e.isThrottlingException() || code.equals("RequestLimitExceeded")) {
      return ErrorKind.BACKEND_THROTTLED;
    }
    return e.statusCode() >= 500 ? ErrorKind.BACKEND_UNAVAILABLE : ErrorKind.BACKEND_DENIED;
  }

  /** The service's own sentence, without the decoration that the SDK adds. */
  private static @Nullable String words(AwsServiceException e) {
    String code = code(e);
    String message = e.awsErrorDetails() == null ? null : e.awsErrorDetails().errorMessage();
    if (message == null || message.isBlank()) {
      return code.isEmpty() ? e.getMessage() : code;
    }
    // An encoded authorization message is long and of no use to a reader.
    int encoded = message.indexOf(" Encoded authorization failure message:");
    return code + ": " + (encoded < 0 ? message : message.substring(0, encoded));
  }
}
