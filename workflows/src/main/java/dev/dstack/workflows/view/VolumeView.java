package dev.dstack.workflows.view;

import dev.dstack.model.ids.InstanceId;
import dev.dstack.model.ids.ProjectId;
import dev.dstack.model.ids.VolumeId;
import dev.dstack.model.wire.volume.VolumeStatus;
import java.time.Instant;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A volume as shown. A view of a lower revision never replaces one of a higher.
 *
 * @param price dollars a month
 * @param deleteRefused a wish for its end is taken back
 * @param deletedAt absent: it is there
 */
public record VolumeView(
    VolumeId id,
    ProjectId projectId,
    String name,
    long revision,
    VolumeStatus status,
    @Nullable String statusMessage,
    @Nullable String providerId,
    @Nullable Integer sizeGb,
    @Nullable String availabilityZone,
    @Nullable Double price,
    List<Attachment> attachments,
    Instant createdAt,
    Instant at,
    boolean deleteRefused,
    @Nullable Instant deletedAt,
    List<TimelineEvent> events) {
  public VolumeView {
    attachments = List.copyOf(attachments);
    events = List.copyOf(events);
  }

  /**
   * @param machine the provider's id of the machine
   * @param runs whose jobs have it
   */
  public record Attachment(
      InstanceId instance,
      String instanceName,
      int instanceNum,
      String fleet,
      String machine,
      @Nullable String device,
      List<String> runs) {
    public Attachment {
      runs = List.copyOf(runs);
    }
  }
}
