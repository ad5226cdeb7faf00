package dev.dstack.workflows.instance;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonSubTypes;
import com.fasterxml.jackson.annotation.JsonTypeInfo;
import dev.dstack.model.error.ErrorKind;
import dev.dstack.model.ids.InstanceId;
import dev.dstack.model.instance.InstanceTerminationReason;
import dev.dstack.model.offer.Offer;
import org.jspecify.annotations.Nullable;

/** What an instance tells its fleet. {@code seq} grows with each report of one instance. */
@JsonTypeInfo(use = JsonTypeInfo.Id.NAME, property = "kind")
@JsonSubTypes({
  @JsonSubTypes.Type(value = InstanceReport.Ready.class, name = "ready"),
  @JsonSubTypes.Type(value = InstanceReport.Failed.class, name = "failed"),
  @JsonSubTypes.Type(value = InstanceReport.Unreachable.class, name = "unreachable"),
  @JsonSubTypes.Type(value = InstanceReport.Gone.class, name = "gone")
})
public sealed interface InstanceReport {
  InstanceId instance();

  long seq();

  /**
   * It can take jobs (again).
   *
   * @param unfit why it is to have no new ones although it is there; absent: it may
   */
  record Ready(
      InstanceId instance,
      long seq,
      Offer offer,
      @Nullable String hostname,
      @JsonInclude(JsonInclude.Include.NON_NULL) @Nullable String internalIp,
      @JsonInclude(JsonInclude.Include.NON_NULL) @Nullable String unfit)
      implements InstanceReport {
    public Ready(
        InstanceId instance,
        long seq,
        Offer offer,
        @Nullable String hostname,
        @Nullable String internalIp) {
      this(instance, seq, offer, hostname, internalIp, null);
    }

    public Ready(InstanceId instance, long seq, Offer offer, @Nullable String hostname) {
      this(instance, seq, offer, hostname, null, null);
    }
  }

  /** It never came to be; its attempt has been undone. */
  record Failed(InstanceId instance, long seq, ErrorKind error, String message)
      implements InstanceReport {}

  /** Its agent does not answer; jobs on it may go on, new ones can't start. */
  record Unreachable(InstanceId instance, long seq, String message) implements InstanceReport {}

  /** The machine is gone. */
  record Gone(InstanceId instance, long seq, InstanceTerminationReason reason)
      implements InstanceReport {}
}
