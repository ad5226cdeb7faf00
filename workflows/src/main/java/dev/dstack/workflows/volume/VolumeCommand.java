package dev.dstack.workflows.volume;

import dev.dstack.model.ids.InstanceId;
import dev.dstack.workflows.view.VolumeView;
import java.util.List;

/** What a volume's workflow is to do next, in this order. */
sealed interface VolumeCommand {
  record Ensure() implements VolumeCommand {}

  /** Its end, whichever it is, is still told. */
  record CancelEnsure() implements VolumeCommand {}

  record AttachTo(AttachRequest.Host host) implements VolumeCommand {}

  /** Ends a call that attaches; what it did is undone by detaching. */
  record CancelAttach(InstanceId instance) implements VolumeCommand {}

  record DetachFrom(AttachRequest.Host host, boolean force) implements VolumeCommand {}

  /** Ends a call that detaches; its end starts the one that uses force. */
  record CancelDetach(InstanceId instance) implements VolumeCommand {}

  record DeleteAtProvider() implements VolumeCommand {}

  record FindClosed(List<String> workflowIds) implements VolumeCommand {
    public FindClosed {
      workflowIds = List.copyOf(workflowIds);
    }
  }

  record Show(VolumeView view) implements VolumeCommand {}
}
