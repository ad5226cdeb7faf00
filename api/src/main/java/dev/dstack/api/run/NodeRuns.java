package dev.dstack.api.run;

import dev.dstack.api.user.SshKeys;
import dev.dstack.db.records.RunPrivate.NodeKey;
import dev.dstack.db.records.UserStore.SshKeyPair;
import dev.dstack.model.config.RunSpecs;
import dev.dstack.model.wire.configuration.ProfileParams;
import dev.dstack.model.wire.configuration.StartupOrder;
import dev.dstack.model.wire.configuration.StopCriteria;
import dev.dstack.workflows.run.RunPlan.NodesPlan;
import org.jspecify.annotations.Nullable;

/** What only runs of several nodes have. */
final class NodeRuns {
  private NodeRuns() {}

  private static boolean several(SpecCheck check) {
    return check.jobs().getFirst().jobsPerReplica() > 1;
  }

  /** Absent: each of its jobs works alone. */
  static @Nullable NodesPlan plan(SpecCheck check) {
    if (!several(check)) {
      return null;
    }
    ProfileParams profile = RunSpecs.profile(check.effective());
    StartupOrder order = profile.startupOrder();
    StopCriteria criteria = profile.stopCriteria();
    return new NodesPlan(
        order == null ? StartupOrder.ANY : order,
        criteria == null ? StopCriteria.ALL_DONE : criteria);
  }

  /** With which the nodes log in to each other. */
  static @Nullable NodeKey key(SpecCheck check) {
    if (!several(check)) {
      return null;
    }
    SshKeyPair key = SshKeys.generate(String.valueOf(check.effective().runName()));
    return new NodeKey(key.privateKey(), key.publicKey());
  }
}
