package dev.dstack.backends.aws;

import dev.dstack.model.error.DstackException;
import dev.dstack.model.error.ErrorKind;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.Function;

/** The same question to many regions at once: it takes as long as the slowest one. */
final class Parallel {
  private Parallel() {}

  /** The answers in the order of the keys; the first failure fails all. */
  static <K, V> Map<K, V> map(Collection<K> keys, Function<K, V> question) {
    Map<K, V> answers = new LinkedHashMap<>();
    if (keys.size() == 1) {
      K only = keys.iterator().next();
      answers.put(only, question.apply(only));
      return answers;
    }
    Map<K, Future<V>> asked = new LinkedHashMap<>();
    try (ExecutorService executor = Executors.newVirtualThreadPerTaskExecutor()) {
      for (K key : keys) {
        asked.put(key, executor.submit(() -> question.apply(key)));
      }
      for (Map.Entry<K, Future<V>> one : asked.entrySet()) {
        answers.put(one.getKey(), one.getValue().get());
      }
    } catch (ExecutionException e) {
      if (e.getCause() instanceof DstackException failure) {
        throw failure;
      }
      throw new IllegalStateException(e.getCause());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new DstackException(ErrorKind.BACKEND_UNAVAILABLE, "AWS: this worker ends.", e);
    }
    return answers;
  }
}
