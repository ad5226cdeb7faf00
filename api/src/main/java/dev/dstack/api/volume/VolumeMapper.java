package dev.dstack.api.volume;

import dev.dstack.api.cost.Dollars;
import dev.dstack.api.web.Wire;
import dev.dstack.db.views.CostReader;
import dev.dstack.db.views.VolumeRow;
import dev.dstack.db.views.VolumeViewRow;
import dev.dstack.model.json.Json;
import dev.dstack.model.offer.BackendType;
import dev.dstack.model.wire.configuration.VolumeConfiguration;
import dev.dstack.model.wire.volume.Volume;
import dev.dstack.model.wire.volume.VolumeAttachment;
import dev.dstack.model.wire.volume.VolumeAttachmentData;
import dev.dstack.model.wire.volume.VolumeInstance;
import dev.dstack.model.wire.volume.VolumeProvisioningData;
import dev.dstack.model.wire.volume.VolumeStatus;
import dev.dstack.workflows.view.VolumeView;
import java.time.Duration;
import java.time.Instant;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Volumes as dstack's clients know them. */
final class VolumeMapper {
  private VolumeMapper() {}

  static VolumeConfiguration configuration(VolumeRow row) {
    return Json.lenient().readValue(row.configurationJson(), VolumeConfiguration.class);
  }

  static List<VolumeView.Attachment> attachments(VolumeRow row) {
    VolumeViewRow view = row.view();
    return view == null
        ? List.of()
        : Arrays.asList(
            Json.lenient().readValue(view.attachmentsJson(), VolumeView.Attachment[].class));
  }

  static Volume wire(VolumeRow row, Instant now) {
    VolumeConfiguration configuration = configuration(row);
    VolumePlans.Fields fields = VolumePlans.fields(configuration);
    VolumeViewRow view = row.view();
    List<VolumeView.Attachment> attachments = attachments(row);
    return new Volume(
        row.id().value(),
        row.name(),
        row.user(),
        row.project(),
        configuration,
        fields.existing() != null,
        row.createdAt(),
        view == null ? row.createdAt() : view.at(),
        view == null ? VolumeStatus.SUBMITTED : view.status(),
        view == null ? null : view.statusMessage(),
        row.deletedAt() != null,
        row.deletedAt(),
        view == null ? null : view.providerId(),
        provisioned(fields, view),
        cost(row, fields, now),
        attachments.stream()
            .map(
                one ->
                    new VolumeAttachment(
                        new VolumeInstance(
                            one.instanceName(), one.fleet(), one.instanceNum(), one.machine()),
                        one.device() == null ? null : new VolumeAttachmentData(one.device())))
            .toList(),
        null);
  }

  private static @Nullable VolumeProvisioningData provisioned(
      VolumePlans.Fields fields, @Nullable VolumeViewRow view) {
    if (view == null || view.providerId() == null) {
      return null;
    }
    return new VolumeProvisioningData(
        Wire.backend(new BackendType(fields.backend())),
        view.providerId(),
        view.sizeGb(),
        view.availabilityZone(),
        view.price(),
        true,
        true,
        null);
  }

  private static double cost(VolumeRow row, VolumePlans.Fields fields, Instant now) {
    VolumeViewRow view = row.view();
    Double price = view == null ? null : view.price();
    if (price == null || fields.existing() != null) {
      return 0;
    }
    Instant end = row.deletedAt() == null ? now : row.deletedAt();
    double hours = Duration.between(row.createdAt(), end).toMillis() / 3_600_000.0;
    return Dollars.shown(Math.max(0, hours * price / CostReader.HOURS_A_MONTH));
  }
}
