package dev.dstack.agent.repo;

import dev.dstack.model.agent.RepoRequest;
import org.jspecify.annotations.Nullable;

/**
 * A repository to put in its place.
 *
 * @param archive path of what {@code request.archive()} names by its hash; absent: no changes
 * @param directory absolute, see {@link RepoCheckout#place}
 */
public record CheckoutSpec(RepoRequest request, @Nullable String archive, String directory) {}
