package dev.dstack.backends;

import java.util.List;

/** A backend that can tell all machines that this installation has made, whoever remembers them. */
public interface WithSweep {
  /** Where machines may be; each is listed on its own. */
  List<String> regions();

  /**
   * Everything in the region that carries this installation's tag and has not ended, also what no
   * call has ever reported. Never a machine with another installation's tag, or without one.
   */
  List<FoundMachine> machines(String deployment, String region);

  /** Ends this one machine by the provider's id; unknown is success. */
  void end(String region, String providerId);
}
