package dev.dstack.backends.aws;

import static dev.dstack.backends.aws.AwsErrors.translated;

import dev.dstack.model.error.DstackException;
import dev.dstack.model.error.ErrorKind;
import java.util.List;
import java.util.Set;
import software.amazon.awssdk.core.exception.SdkException;
import software.amazon.awssdk.services.ec2.Ec2Client;
import software.amazon.awssdk.services.ec2.model.PlacementGroup;
import software.amazon.awssdk.services.ec2.model.PlacementGroupState;
import software.amazon.awssdk.services.ec2.model.PlacementStrategy;
import software.amazon.awssdk.services.ec2.model.ResourceType;
import software.amazon.awssdk.services.ec2.model.TagSpecification;

/** Cluster placement groups, by name. */
final class AwsPlacementGroups {
  private final AwsClients clients;

  AwsPlacementGroups(AwsClients clients) {
    this.clients = clients;
  }

  /** Burstable machines can't be in one. */
  static boolean suits(String instanceType) {
    int dot = instanceType.indexOf('.');
    return dot > 0 && !Set.of("t2", "t3", "t3a", "t4g").contains(instanceType.substring(0, dot));
  }

  void ensure(String deployment, String name, String project, String region) {
    Ec2Client ec2 = clients.ec2(region);
    try {
      ec2.createPlacementGroup(
          request ->
              request
                  .groupName(name)
                  .strategy(PlacementStrategy.CLUSTER)
                  .tagSpecifications(
                      TagSpecification.builder()
                          .resourceType(ResourceType.PLACEMENT_GROUP)
                          .tags(
                              AwsNetwork.tag(AwsTags.DEPLOYMENT, deployment),
                              AwsNetwork.tag(AwsTags.OWNER, AwsTags.OWNER_VALUE),
                              AwsNetwork.tag(AwsTags.PROJECT, project))
                          .build()));
    } catch (SdkException e) {
      if (!AwsErrors.code(e).equals("InvalidPlacementGroup.Duplicate")) {
        throw AwsErrors.of("create placement group " + name + " in " + region, e);
      }
    }
  }

  void delete(String name, String region) {
    try {
      clients.ec2(region).deletePlacementGroup(request -> request.groupName(name));
    } catch (SdkException e) {
      switch (AwsErrors.code(e)) {
        case "InvalidPlacementGroup.Unknown" -> {
          // Gone is what is wanted.
        }
        case "InvalidPlacementGroup.InUse" ->
            throw new DstackException(
                ErrorKind.NOT_READY,
                "AWS: placement group " + name + " in " + region + " still has machines.",
                e);
        default -> throw AwsErrors.of("delete placement group " + name + " in " + region, e);
      }
    }
  }

  List<String> of(String deployment, String region) {
    return translated(
        "list the placement groups in " + region,
        () ->
            clients
                .ec2(region)
                .describePlacementGroups(
                    request ->
                        request.filters(AwsNetwork.filter("tag:" + AwsTags.DEPLOYMENT, deployment)))
                .placementGroups()
                .stream()
                .filter(group -> group.state() != PlacementGroupState.DELETED)
                .map(PlacementGroup::groupName)
                .toList());
  }
}
