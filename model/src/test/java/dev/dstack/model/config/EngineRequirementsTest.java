package dev.dstack.model.config;

import static org.assertj.core.api.Assertions.assertThat;

import dev.dstack.model.offer.Requirements;
import dev.dstack.model.resources.CpuArch;
import dev.dstack.model.wire.run.RunSpec;
import java.util.List;
import org.junit.jupiter.api.Test;

class EngineRequirementsTest {
  @Test
  void sizesAreMebibytesAndListsAreNeverNull() {
    RunSpec spec =
        Specs.task(
            "'resources':{'cpu':'x86:2..4','memory':'512MB..','disk':'1GB..2GB','gpu':'A100:40GB..:1'}",
            "'regions':['eu']",
            "'backends':['aws']",
            "'max_price':1.5");
    Requirements requirements =
        EngineRequirements.of(
            JobSpecs.of(spec, ContainerDefaults.STANDARD).getFirst().requirements(),
            RunSpecs.profile(spec));
    assertThat(requirements)
        .isEqualTo(
            new Requirements(
                CpuArch.X86,
                2,
                4,
                512,
                null,
                1024,
                2048L,
                new Requirements.GpuRequirements(
                    null, List.of("A100"), 1, 1, 40 * 1024L, null, null, null, null),
                false,
                1.5,
                List.of("aws"),
                List.of("eu"),
                List.of(),
                List.of(),
                null));
  }
}
