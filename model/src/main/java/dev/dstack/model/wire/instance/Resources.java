package dev.dstack.model.wire.instance;

import dev.dstack.model.json.Default;
import dev.dstack.model.json.Frozen;
import dev.dstack.model.resources.CpuArch;
import java.util.List;
import org.jspecify.annotations.Nullable;

public record Resources(
    int cpus,
    long memoryMib,
    List<Gpu> gpus,
    boolean spot,
    @Default("{'size_mib': 102400}") Disk disk,
    @Nullable CpuArch cpuArch,
    @Default("''") String description) {
  public Resources {
    gpus = Frozen.list(gpus);
  }
}
