package dev.dstack.backends;

import dev.dstack.model.offer.BackendType;
import dev.dstack.model.offer.Offer;
import dev.dstack.model.offer.Requirements;
import java.util.List;
import java.util.Optional;

/**
 * A provider of machines. Every method may be called again with the same arguments, at any time and
 * by any worker, and must then have no further effect. Capabilities are extra interfaces.
 *
 * <p>Failures are {@link dev.dstack.model.error.DstackException}s; the kind decides about retries.
 */
public interface ComputeBackend {
  BackendType type();

  /** Offers that satisfy the requirements, cheapest first. */
  List<Offer> offers(Requirements requirements);

  /** Finds the machine by its tag or creates it with that tag; never two for one tag. */
  Machine ensure(MachineSpec spec);

  /** The machine with this tag as the provider knows it now. */
  Optional<Machine> find(InstanceTag tag);

  /** Ends the machine; unknown is success. */
  void terminate(InstanceTag tag);
}
