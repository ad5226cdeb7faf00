package dev.dstack.api.fleet;

import dev.dstack.db.views.OfferReader;
import dev.dstack.db.views.OfferRow;
import dev.dstack.model.ids.ProjectId;
import dev.dstack.model.json.Json;
import dev.dstack.model.offer.BackendType;
import dev.dstack.model.offer.Offer;
import java.lang.ref.SoftReference;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/**
 * What the backends could provide when they were last asked. Ten thousand offers are megabytes of
 * JSON: they are read once each time they change, and kept as long as there is memory.
 */
final class SeenOffers {
  private record Key(ProjectId project, BackendType backend) {}

  private record Parsed(String version, List<Offer> offers) {}

  private final OfferReader reader;
  private final Map<Key, SoftReference<Parsed>> known = new ConcurrentHashMap<>();

  SeenOffers(OfferReader reader) {
    this.reader = reader;
  }

  /** By the backend's name, in its order. */
  Map<String, List<Offer>> of(ProjectId project) {
    Map<String, List<Offer>> found = new LinkedHashMap<>();
    for (OfferReader.Head head : reader.heads(project)) {
      found.put(head.backend().name(), offers(project, head));
    }
    return found;
  }

  private List<Offer> offers(ProjectId project, OfferReader.Head head) {
    Key key = new Key(project, head.backend());
    Parsed parsed = parsed(key);
    if (parsed != null && parsed.version().equals(head.version())) {
      return parsed.offers();
    }
    Optional<OfferRow> row = reader.offers(project, head.backend());
    if (row.isEmpty()) {
      // Its backend was removed meanwhile.
      known.remove(key);
      return List.of();
    }
    List<Offer> offers = List.of(Json.lenient().readValue(row.get().offersJson(), Offer[].class));
    // If they were written again in between, the next one to look will see another version.
    known.put(key, new SoftReference<>(new Parsed(head.version(), offers)));
    return offers;
  }

  private @Nullable Parsed parsed(Key key) {
    SoftReference<Parsed> reference = known.get(key);
    return reference == null ? null : reference.get();
  }
}
