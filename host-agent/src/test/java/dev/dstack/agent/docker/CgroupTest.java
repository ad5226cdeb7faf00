package dev.dstack.agent.docker;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Control groups as the kernel's documentation lays them out, in both versions. */
class CgroupTest {
  private static final String SCOPE = "system.slice/docker-0f1e2d3c.scope";

  @TempDir Path directory;
  private Path proc;
  private Path mounts;

  @BeforeEach
  void make() throws IOException {
    proc = directory.resolve("proc");
    mounts = directory.resolve("fs");
    write(proc.resolve("self/mountinfo"), "");
  }

  private static void write(Path file, String content) throws IOException {
    Files.createDirectories(file.getParent());
    Files.writeString(file, content);
  }

  private void file(String name, String content) throws IOException {
    write(mounts.resolve(name), content);
  }

  private Optional<Cgroup.Usage> read() {
    return Cgroup.of(proc, 42).flatMap(Cgroup::read);
  }

  private void unified(String membership) throws IOException {
    write(
        proc.resolve("self/mountinfo"),
        """
        24 30 0:22 / /sys rw,nosuid,nodev,noexec,relatime shared:7 - sysfs sysfs rw
        35 24 0:30 / %s rw,nosuid,nodev,noexec,relatime shared:9 - cgroup2 cgroup2 rw,nsdelegate
        """
            .formatted(mounts));
    write(proc.resolve("42/cgroup"), "0::/" + membership + "\n");
  }

  private void version2() throws IOException {
    unified(SCOPE);
    file(
        SCOPE + "/cpu.stat",
        """
        usage_usec 1234567
        user_usec 1000000
        system_usec 234567
        nr_periods 0
        nr_throttled 0
        throttled_usec 0
        nr_bursts 0
        burst_usec 0
        """);
    file(SCOPE + "/memory.current", "104857600\n");
    file(SCOPE + "/memory.max", "536870912\n");
    file(
        SCOPE + "/memory.stat",
        """
        anon 52428800
        file 41943040
        kernel 1048576
        inactive_anon 4096
        active_anon 52424704
        inactive_file 31457280
        active_file 10485760
        workingset_refault_file 0
        """);
    file(SCOPE + "/memory.events", "low 0\nhigh 0\nmax 3\noom 1\noom_kill 2\noom_group_kill 0\n");
    file(SCOPE + "/pids.events", "max 5\n");
  }

  @Test
  void version2IsRead() throws IOException {
    version2();

    assertThat(read())
        .contains(new Cgroup.Usage(1_234_567, 104_857_600, 73_400_320, 536_870_912, 2, 5));
  }

  @Test
  void version2WithoutALimit() throws IOException {
    version2();
    file(SCOPE + "/memory.max", "max\n");

    assertThat(read()).map(Cgroup.Usage::memoryLimitBytes).contains(0L);
  }

  @Test
  void aGroupThatIsGoneOrNotOursIsNotRead() throws IOException {
    unified(SCOPE);
    assertThat(read()).isEmpty();

    // As it looks from within another namespace of groups.
    unified("../docker-0f1e2d3c.scope");
    assertThat(read()).isEmpty();
    unified("");
    assertThat(read()).isEmpty();
  }

  @Test
  void version2WithoutTheMemoryController() throws IOException {
    unified(SCOPE);
    file(SCOPE + "/cpu.stat", "usage_usec 7\n");

    assertThat(read()).isEmpty();
  }

  @Test
  void version1BesideAnEmptyVersion2() throws IOException {
    write(
        proc.resolve("self/mountinfo"),
        """
        36 25 0:31 / %1$s/unified rw,nosuid shared:10 - cgroup2 cgroup2 rw,nsdelegate
        40 25 0:34 / %1$s/memory rw,nosuid shared:16 - cgroup cgroup rw,memory
        41 25 0:35 / %1$s/cpu,cpuacct rw,nosuid shared:17 - cgroup cgroup rw,cpu,cpuacct
        42 25 0:36 / %1$s/pids rw,nosuid shared:18 - cgroup cgroup rw,pids
        """
            .formatted(mounts));
    write(
        proc.resolve("42/cgroup"),
        """
        6:pids:/docker/0f1e
        5:cpu,cpuacct:/docker/0f1e
        4:memory:/docker/0f1e
        0::/system.slice/docker.service
        """);
    file("memory/docker/0f1e/memory.usage_in_bytes", "104857600\n");
    file("memory/docker/0f1e/memory.limit_in_bytes", "9223372036854771712\n");
    file(
        "memory/docker/0f1e/memory.stat",
        "cache 7\ninactive_file 1\ntotal_inactive_file 31457280\n");
    file("memory/docker/0f1e/memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 1\n");
    file("cpu,cpuacct/docker/0f1e/cpuacct.usage", "1234567890\n");
    file("pids/docker/0f1e/pids.events", "max 0\n");

    assertThat(read()).contains(new Cgroup.Usage(1_234_567, 104_857_600, 73_400_320, 0, 1, 0));
  }
}
