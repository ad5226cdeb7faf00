package dev.dstack.activities.metrics;

import dev.dstack.backends.HostAgent;
import dev.dstack.model.ids.InstanceId;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** What hosts' DCGM exporters say, asked once for all jobs of a host. */
final class Dcgm {
  private static final long FRESH_NANOS = Duration.ofSeconds(5).toNanos();

  /** A host without an exporter is not asked each time. */
  private static final long NONE_NANOS = Duration.ofMinutes(5).toNanos();

  private static final int HOSTS_MAX = 10_000;
  private static final Pattern GPU = Pattern.compile("[{,]gpu=\"([0-9]{1,4})\"");

  private final Map<InstanceId, Answer> answers = new ConcurrentHashMap<>();

  private record Answer(Optional<String> text, long nanos) {
    boolean isFresh(long now) {
      return now - nanos < (text.isPresent() ? FRESH_NANOS : NONE_NANOS);
    }
  }

  Optional<String> of(InstanceId instance, HostAgent agent) {
    long now = System.nanoTime();
    Answer known = answers.get(instance);
    if (known != null && known.isFresh(now)) {
      return known.text();
    }
    Optional<String> text = agent.dcgm();
    if (answers.size() >= HOSTS_MAX) {
      answers.clear();
    }
    answers.put(instance, new Answer(text, now));
    return text;
  }

  /** Without the samples of other accelerators. */
  static String only(String text, Set<Integer> gpus) {
    StringBuilder kept = new StringBuilder();
    for (String line : text.lines().toList()) {
      Matcher gpu = GPU.matcher(line);
      if (line.startsWith("#") || (gpu.find() && gpus.contains(Integer.valueOf(gpu.group(1))))) {
        kept.append(line).append('\n');
      }
    }
    return kept.toString();
  }
}
