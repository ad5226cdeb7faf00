package dev.dstack.workflows.world;

import dev.dstack.model.error.ErrorKind;
import dev.dstack.model.ids.InstanceId;
import dev.dstack.model.ids.VolumeId;
import dev.dstack.workflows.view.VolumeView;
import dev.dstack.workflows.volume.VolumeCloudActivities;
import io.temporal.failure.ApplicationFailure;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/** A provider with volumes, which notices what nobody should do. */
public final class VolumeProvider implements VolumeCloudActivities {
  private final Map<VolumeId, Made> volumes = new LinkedHashMap<>();
  private final Map<VolumeId, Set<InstanceId>> attached = new HashMap<>();
  private final Map<VolumeId, List<VolumeView>> shown = new HashMap<>();
  private final List<String> complaints = new ArrayList<>();
  private final Map<String, Integer> calls = new TreeMap<>();
  private boolean shared;
  private boolean holdsOn;
  private boolean slow;
  private @Nullable ErrorKind refusal;

  /** From now on volumes may be attached to several machines. */
  public synchronized void shared(boolean now) {
    shared = now;
  }

  /** Machines do not let go of a volume unless they are forced. */
  public synchronized void holdsOn(boolean now) {
    holdsOn = now;
  }

  /** Attaching does not come to an end. */
  public synchronized void slow(boolean now) {
    slow = now;
  }

  public synchronized void refuse(@Nullable ErrorKind kind) {
    refusal = kind;
  }

  public synchronized int count() {
    return volumes.size();
  }

  public synchronized int attachments() {
    return attached.values().stream().mapToInt(Set::size).sum();
  }

  public synchronized boolean isAttached(VolumeId volume, InstanceId instance) {
    return attached.getOrDefault(volume, Set.of()).contains(instance);
  }

  public synchronized List<String> complaints() {
    return List.copyOf(complaints);
  }

  public synchronized int calls(String what) {
    return calls.getOrDefault(what, 0);
  }

  public synchronized @Nullable VolumeView view(VolumeId volume) {
    List<VolumeView> all = shown.getOrDefault(volume, List.of());
    return all.isEmpty() ? null : all.getLast();
  }

  public synchronized List<VolumeView> views(VolumeId volume) {
    return List.copyOf(shown.getOrDefault(volume, List.of()));
  }

  synchronized void show(VolumeView view) {
    List<VolumeView> all = shown.computeIfAbsent(view.id(), _ -> new ArrayList<>());
    if (all.isEmpty() || all.getLast().revision() < view.revision()) {
      all.add(view);
    }
  }

  @Override
  public synchronized Made ensure(Order order) {
    calls.merge("ensure", 1, Integer::sum);
    if (refusal != null) {
      throw failure(refusal, "as the test wants it");
    }
    String existing = order.plan().existing();
    return volumes.computeIfAbsent(
        order.id(),
        id -> new Made(existing == null ? "vol-" + id : existing, 10, "here-a", 1, shared));
  }

  @Override
  public synchronized Mounted attachTo(Order order, Made made, InstanceId instance) {
    calls.merge("attach", 1, Integer::sum);
    if (slow) {
      throw failure(ErrorKind.NOT_READY, "still attaching");
    }
    if (!volumes.containsKey(order.id())) {
      complaints.add("a volume that is not there is attached");
    }
    Set<InstanceId> where = attached.computeIfAbsent(order.id(), _ -> new HashSet<>());
    if (!made.shared() && !where.isEmpty() && !where.contains(instance)) {
      complaints.add("attached to a second machine");
    }
    where.add(instance);
    return new Mounted("/dev/sdf", null);
  }

  @Override
  public synchronized void detachFrom(Order order, Made made, InstanceId instance, boolean force) {
    calls.merge(force ? "force" : "detach", 1, Integer::sum);
    if (holdsOn && !force) {
      throw failure(ErrorKind.NOT_READY, "the machine does not let go");
    }
    attached.getOrDefault(order.id(), new HashSet<>()).remove(instance);
  }

  @Override
  public synchronized void delete(Order order) {
    calls.merge("delete", 1, Integer::sum);
    if (!attached.getOrDefault(order.id(), Set.of()).isEmpty()) {
      complaints.add("a volume in use is deleted");
    }
    if (order.plan().existing() != null) {
      complaints.add("somebody else's volume is deleted");
    }
    volumes.remove(order.id());
  }

  private static ApplicationFailure failure(ErrorKind kind, String message) {
    return kind.retryable()
        ? ApplicationFailure.newFailure(message, kind.name())
        : ApplicationFailure.newNonRetryableFailure(message, kind.name());
  }
}
