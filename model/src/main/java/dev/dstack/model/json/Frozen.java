package dev.dstack.model.json;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Unmodifiable copies for compact constructors; maps keep the order of the document. */
public final class Frozen {
  private Frozen() {}

  public static <T> List<T> list(List<T> list) {
    return List.copyOf(list);
  }

  public static <T> @Nullable List<T> listOrNull(@Nullable List<T> list) {
    return list == null ? null : List.copyOf(list);
  }

  public static <K, V> Map<K, V> map(Map<K, V> map) {
    return Collections.unmodifiableMap(new LinkedHashMap<>(map));
  }

  public static <K, V> @Nullable Map<K, V> mapOrNull(@Nullable Map<K, V> map) {
    return map == null ? null : map(map);
  }
}
