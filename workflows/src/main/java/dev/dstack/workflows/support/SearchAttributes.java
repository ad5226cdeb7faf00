package dev.dstack.workflows.support;

import io.temporal.common.SearchAttributeKey;
import java.util.List;

/** By these a person finds a workflow in the Temporal Web UI. */
public final class SearchAttributes {
  public static final SearchAttributeKey<String> PROJECT =
      SearchAttributeKey.forKeyword("DstackProject");
  public static final SearchAttributeKey<String> STATUS =
      SearchAttributeKey.forKeyword("DstackStatus");
  public static final SearchAttributeKey<String> RUN = SearchAttributeKey.forKeyword("DstackRun");
  public static final SearchAttributeKey<String> FLEET =
      SearchAttributeKey.forKeyword("DstackFleet");
  public static final SearchAttributeKey<String> BACKEND =
      SearchAttributeKey.forKeyword("DstackBackend");
  public static final SearchAttributeKey<String> USER = SearchAttributeKey.forKeyword("DstackUser");

  public static final List<SearchAttributeKey<String>> ALL =
      List.of(PROJECT, STATUS, RUN, FLEET, BACKEND, USER);

  private SearchAttributes() {}
}
