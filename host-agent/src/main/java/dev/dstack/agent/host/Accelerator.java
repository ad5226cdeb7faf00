package dev.dstack.agent.host;

import dev.dstack.model.resources.Gpu;
import java.util.List;

/**
 * One accelerator of this machine. In a list of them its place is what an offer, and so a claim,
 * knows it by.
 *
 * @param number what the driver and the tools of its vendor call it
 * @param devices its own nodes, by their names below /dev, such as {@code dri/renderD128}
 */
public record Accelerator(Gpu gpu, int number, List<String> devices) {
  public Accelerator {
    devices = List.copyOf(devices);
  }
}
