package dev.dstack.workflows.volume;

import com.fasterxml.jackson.annotation.JsonSubTypes;
import com.fasterxml.jackson.annotation.JsonTypeInfo;
import dev.dstack.model.error.ErrorKind;
import org.jspecify.annotations.Nullable;

/** How a volume stands to one job. */
@JsonTypeInfo(use = JsonTypeInfo.Id.NAME, property = "kind")
@JsonSubTypes({
  @JsonSubTypes.Type(value = VolumeAnswer.Attached.class, name = "attached"),
  @JsonSubTypes.Type(value = VolumeAnswer.Pending.class, name = "pending"),
  @JsonSubTypes.Type(value = VolumeAnswer.Refused.class, name = "refused"),
  @JsonSubTypes.Type(value = VolumeAnswer.None.class, name = "none")
})
public sealed interface VolumeAnswer {
  /**
   * @param device what the host's agent has to mount; absent: the volume is a directory
   * @param format it may be blank
   */
  record Attached(
      String providerId, @Nullable String device, @Nullable String directory, boolean format)
      implements VolumeAnswer {}

  /** Being attached, waited for, or being detached. */
  record Pending(String message) implements VolumeAnswer {}

  record Refused(ErrorKind error, String message) implements VolumeAnswer {}

  /** It has nothing to do with that job (any more). */
  record None() implements VolumeAnswer {}
}
