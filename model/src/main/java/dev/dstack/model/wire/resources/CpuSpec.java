package dev.dstack.model.wire.resources;

import dev.dstack.model.json.Default;
import dev.dstack.model.resources.CpuArch;
import org.jspecify.annotations.Nullable;

public record CpuSpec(
    @Nullable CpuArch arch,
    @Default("{'min': 2, 'max': null}") Range<Integer> count) {}
