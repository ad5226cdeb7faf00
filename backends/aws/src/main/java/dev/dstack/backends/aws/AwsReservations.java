package dev.dstack.backends.aws;

import java.util.List;
import java.util.Optional;
import software.amazon.awssdk.core.exception.SdkException;
import software.amazon.awssdk.services.ec2.Ec2Client;
import software.amazon.awssdk.services.ec2.model.CapacityReservation;
import software.amazon.awssdk.services.ec2.model.CapacityReservationState;
import software.amazon.awssdk.services.ec2.model.CapacityReservationType;

/** Capacity that the account has reserved, for ever or as a block of days. */
final class AwsReservations {
  record Reservation(String id, String instanceType, String zone, int free, boolean block) {}

  private AwsReservations() {}

  /** Empty: there is none of this id in the region, or it can't be used now. */
  static Optional<Reservation> find(Ec2Client ec2, String region, String id) {
    List<CapacityReservation> found;
    try {
      found =
          ec2.describeCapacityReservations(request -> request.capacityReservationIds(id))
              .capacityReservations();
    } catch (SdkException e) {
      if (AwsErrors.code(e).startsWith("InvalidCapacityReservationId")) {
        return Optional.empty();
      }
      throw AwsErrors.of("look up reservation " + id + " in " + region, e);
    }
    return found.stream()
        .filter(one -> one.state() == CapacityReservationState.ACTIVE)
        .findFirst()
        .map(
            one ->
                new Reservation(
                    one.capacityReservationId(),
                    one.instanceType(),
                    one.availabilityZone(),
                    one.availableInstanceCount() == null ? 0 : one.availableInstanceCount(),
                    one.reservationType() == CapacityReservationType.CAPACITY_BLOCK));
  }
}
