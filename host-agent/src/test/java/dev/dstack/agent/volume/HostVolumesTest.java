package dev.dstack.agent.volume;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.dstack.agent.AgentLog;
import dev.dstack.model.agent.VolumeRequest;
import dev.dstack.model.ids.JobId;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.InstantSource;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Volumes as the tasks of a host have them, one after the other and together. */
class HostVolumesTest {
  private static final JobId ONE = new JobId(new UUID(1, 1));
  private static final JobId TWO = new JobId(new UUID(1, 2));

  @TempDir Path directory;
  private HostVolumes volumes;
  private Path data;

  @BeforeEach
  void open() throws Exception {
    AgentLog log = new AgentLog(directory.resolve("log"), InstantSource.system());
    volumes = new HostVolumes(directory.resolve("volumes"), log);
    data = Files.createDirectories(directory.resolve("data"));
  }

  private VolumeRequest atDirectory(Path target) {
    return new VolumeRequest(
        "data", "id-1", "provider-1", null, data.toString(), false, target.toString());
  }

  @Test
  void aPathLeadsToItAsLongAsATaskHasIt() throws Exception {
    Path target = directory.resolve("some/where");
    List<VolumeRequest> wanted = List.of(atDirectory(target));
    assertThat(volumes.take(ONE, wanted, true)).isEmpty();
    assertThat(volumes.take(ONE, wanted, true)).isEmpty();
    assertThat(volumes.take(TWO, wanted, true)).isEmpty();
    Files.writeString(target.resolve("file"), "kept");
    volumes.release(ONE, wanted);
    assertThat(target.resolve("file")).hasContent("kept");
    volumes.release(TWO, wanted);
    volumes.release(TWO, wanted);
    assertThat(target).doesNotExist();
    assertThat(data.resolve("file")).hasContent("kept");
    assertThat(directory.resolve("volumes/id-1")).doesNotExist();
  }

  @Test
  void whatIsAtThePathIsLeftAlone() throws Exception {
    Path target = Files.createDirectories(directory.resolve("taken"));
    Files.writeString(target.resolve("own"), "own");
    Optional<String> problem = volumes.take(ONE, List.of(atDirectory(target)), true);
    assertThat(problem).hasValueSatisfying(words -> assertThat(words).contains("data", "image"));
    volumes.release(ONE, List.of(atDirectory(target)));
    assertThat(target.resolve("own")).hasContent("own");
  }

  @Test
  void aDirectoryThatIsNotThereIsSaid() throws Exception {
    Files.delete(data);
    assertThat(volumes.take(ONE, List.of(atDirectory(directory.resolve("x"))), true))
        .hasValueSatisfying(words -> assertThat(words).contains("is not there"));
  }

  /** A file that stands for a device: formatted when it is blank, and never again. */
  @Test
  void aBlankDeviceIsFormattedOnceAndMountedForItsTasks() throws Exception {
    Path device = directory.resolve("device.img");
    try (RandomAccessFile file = new RandomAccessFile(device.toFile(), "rw")) {
      file.setLength(16 << 20);
    }
    List<VolumeRequest> wanted =
        List.of(
            new VolumeRequest("dev", "id-2", "provider-2", device.toString(), null, true, "/data"));
    Path place = directory.resolve("volumes/id-2/data");
    Optional<String> problem = volumes.take(ONE, wanted, false);
    assumeTrue(problem.isEmpty(), () -> "no loop devices here: " + problem);
    try {
      assertThat(Devices.isMounted(place)).isTrue();
      Files.writeString(place.resolve("file"), "kept");
      assertThat(volumes.take(TWO, wanted, false)).isEmpty();
      volumes.release(ONE, wanted);
      assertThat(place.resolve("file")).hasContent("kept");
      volumes.release(TWO, wanted);
      assertThat(place).doesNotExist();
      assertThat(volumes.take(ONE, wanted, false)).isEmpty();
      assertThat(place.resolve("file")).hasContent("kept");
    } finally {
      volumes.release(ONE, wanted);
      volumes.release(TWO, wanted);
    }
    assertThat(place).doesNotExist();
  }
}
