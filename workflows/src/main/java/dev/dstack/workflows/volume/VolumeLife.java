package dev.dstack.workflows.volume;

import dev.dstack.workflows.support.Failures;
import dev.dstack.workflows.volume.VolumeCloudActivities.Made;
import dev.dstack.workflows.volume.VolumeState.Phase;

/** How a volume is made, and how it ends. */
final class VolumeLife {
  private final VolumeTurn turn;
  private final VolumeState.Draft volume;
  private final VolumeUse use;

  VolumeLife(VolumeTurn turn, VolumeUse use) {
    this.turn = turn;
    this.volume = turn.volume;
    this.use = use;
  }

  void begin() {
    if (volume.phase == Phase.NEW) {
      volume.phase = Phase.MAKING;
      turn.visible = true;
      turn.commands.add(new VolumeCommand.Ensure());
    }
  }

  void ready(Made made) {
    if (volume.phase == Phase.DELETING) {
      volume.made = made;
      deleteNow();
      return;
    }
    if (volume.phase != Phase.MAKING) {
      return;
    }
    volume.made = made;
    volume.usedAt = turn.now;
    turn.to(Phase.ACTIVE, null);
    use.serveWaiting();
  }

  void notMade(String message) {
    if (volume.phase == Phase.DELETING) {
      deleteNow();
      return;
    }
    if (volume.phase != Phase.MAKING) {
      return;
    }
    turn.to(Phase.FAILED, message);
    use.refuseWaiting("could not be made: " + message);
    if (turn.input.plan().existing() == null) {
      // The provider may have made it and only its answer was lost.
      turn.commands.add(new VolumeCommand.DeleteAtProvider());
    }
  }

  void delete() {
    if (volume.phase == Phase.DELETING) {
      return;
    }
    if (!volume.attachments.isEmpty() || !volume.waiting.isEmpty()) {
      turn.deleteRefused = true;
      turn.visible = true;
      turn.fact(
          volume.attachments.isEmpty()
              ? "Volume is not deleted: a run waits for it"
              : "Volume is not deleted: it is in use by " + VolumeUse.names(volume.attachments));
      return;
    }
    end();
  }

  void end() {
    boolean making = volume.phase == Phase.MAKING;
    volume.phase = Phase.DELETING;
    turn.visible = true;
    if (making) {
      // Its end, whichever it is, is followed by the deletion: never the other way round.
      turn.commands.add(new VolumeCommand.CancelEnsure());
    } else {
      deleteNow();
    }
  }

  private void deleteNow() {
    if (turn.input.plan().existing() == null) {
      turn.commands.add(new VolumeCommand.DeleteAtProvider());
    } else {
      deleted();
    }
  }

  void deleted() {
    if (volume.phase == Phase.DELETING) {
      volume.phase = Phase.DELETED;
      turn.visible = true;
      turn.fact("Volume deleted");
    }
  }

  void notDeleted(String message) {
    if (volume.phase == Phase.DELETING) {
      volume.phase = volume.made == null ? Phase.FAILED : Phase.ACTIVE;
      turn.deleteRefused = true;
      turn.visible = true;
      volume.message = Failures.cut("could not be deleted: " + message);
      turn.fact("Volume " + volume.message);
    } else if (volume.phase == Phase.FAILED) {
      turn.visible = true;
      volume.message =
          Failures.cut(volume.message + "; what was made of it could not be deleted: " + message);
    }
  }
}
